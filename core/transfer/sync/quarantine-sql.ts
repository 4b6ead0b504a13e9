import { quoteLiteral, quoteName } from '../identifier.ts';
import { keyOf, keysMatch, type SyncTransfer } from './sync-transfer.ts';

/** Which rows a change concerns, before any is kept out: `ctes` as the beginning of a WITH, or empty; `keys` a SELECT of their keys' texts. */
export interface MappedRows {
  readonly ctes: string;
  readonly rows: string | null;
  readonly keys: string;
}

/** Rows that a rule keeps out of the target, with their originals; one that no rule keeps out any more leaves the quarantine. Empty without rules. */
export function quarantineSql(sync: SyncTransfer, { ctes, rows, keys }: MappedRows): string {
  const { transfer, part } = sync;
  if (transfer.quarantine.length === 0) return '';
  const labels = `${quoteLiteral(part.plan)}, ${quoteLiteral(transfer.id)}`;
  const clear = `delete from stepgate.quarantine q where (q.plan, q.transfer) = (${labels}) and q.key in (${keys})`;
  if (rows === null) return `\n${clear};`;
  const reason = transfer.quarantine.map(({ condition }) => `when (${condition}\n) then ${quoteLiteral(condition.trim())}`).join(' ');
  return `
with ${ctes === '' ? '' : `${ctes}, `}refused as materialized (
  select f.* from (select m.*, case ${reason} end as stepgate_reason from (\n${rows}\n) as m) as f where f.stepgate_reason is not null
), kept as (
  insert into stepgate.quarantine as q (plan, transfer, key, reason, original)
  select ${labels}, ${keyOf(sync, 'r', 'target')}, r.stepgate_reason, row_to_json(d.*)
  from refused as r join ${quoteName(transfer.from)} as d on ${keysMatch(sync, 'r', 'd', 'source')}
  on conflict (plan, transfer, key) do update set reason = excluded.reason, original = excluded.original, at = clock_timestamp()
)
${clear} and not exists (select from refused as r where ${keyOf(sync, 'r', 'target')} = q.key);`;
}
