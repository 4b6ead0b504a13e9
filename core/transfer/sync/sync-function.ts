import type { QualifiedName } from '../../plan/compiled-plan.ts';
import { quoteIdent, quoteLiteral, quoteName } from '../identifier.ts';
import type { Section } from './forward-sql.ts';
import { functionName, type SyncPart, triggerName } from './sync-names.ts';
import { caught, isBoth } from './sync-transfer.ts';

/** How a trigger is fired; `when` is a row trigger's condition. */
export interface Firing {
  /** `insert`, `lookup_update`: part of the names. */
  readonly event: string;
  readonly timing: string;
  readonly when: string | null;
}

/** One function and the triggers that call it. */
export interface SyncFunction {
  /** Quoted, with its schema. */
  readonly name: string;
  readonly create: string;
  readonly drop: string;
  readonly triggers: readonly SyncTrigger[];
}

export interface SyncTrigger {
  readonly table: QualifiedName;
  readonly name: string;
  readonly create: string;
  readonly drop: string;
}

export interface FunctionParts {
  readonly part: SyncPart;
  /** The table by the name that is part of the function's. */
  readonly named: QualifiedName;
  /** Where the triggers stand: the table, and with a statement trigger its partitions. */
  readonly places: readonly QualifiedName[];
  readonly firing: Firing;
  /** In the order in which targets are filled. */
  readonly sections: readonly Section[];
  /** Each row by its key, also where the first call of a session saw so many that a scan was cheaper: the session keeps its plan. */
  readonly byKey: boolean;
}

export function syncFunction({ part, named, places, firing, sections, byKey }: FunctionParts): SyncFunction {
  const name = `stepgate.${quoteIdent(functionName(part, named, firing.event))}`;
  // A row that a BEFORE trigger gives back goes on.
  const body = functionBody(sections, returned(firing));
  const tag = dollarTag(body);
  return {
    name,
    create: `create or replace function ${name}() returns trigger language plpgsql security definer
${[...SETTINGS, ...(byKey ? BY_KEY : [])].map((setting) => `set ${setting}`).join(' ')}
as ${tag}
${body}
${tag}`,
    drop: `drop function if exists ${name}()`,
    triggers: places.map((place) => syncTrigger(triggerName(part, firing.event), place, { ...firing, calls: name })),
  };
}

function returned({ timing }: Firing): string {
  if (timing.startsWith('before delete')) return 'old';
  return timing.startsWith('before update') ? 'new' : 'null';
}

function syncTrigger(name: string, table: QualifiedName, { timing, when, calls }: Firing & { readonly calls: string }): SyncTrigger {
  const [trigger, on] = [quoteIdent(name), quoteName(table)];
  const [before, after] = timing.split(' … ');
  return {
    table,
    name,
    create: `create trigger ${trigger} ${before} on ${on} ${after}${when === null ? '' : ` when (${when})`} execute function ${calls}();
alter table ${on} enable always trigger ${trigger}`,
    drop: `drop trigger if exists ${trigger} on ${on}`,
  };
}

/** As stepgate.enter, so that a mapping means the same in a trigger as in a batch. */
const SETTINGS: readonly string[] = [
  'search_path = public, pg_temp',
  "lock_timeout = '200ms'",
  "TimeZone = 'UTC'",
  "DateStyle = 'ISO, MDY'",
  "IntervalStyle = 'postgres'",
  'extra_float_digits = 1',
  'row_security = off',
];

const BY_KEY: readonly string[] = ['enable_hashjoin = off', 'enable_mergejoin = off', 'enable_seqscan = off', 'jit = off'];

function functionBody(sections: readonly Section[], result: string): string {
  const number = sections.length;
  const echoes = sections.map(({ sync }) =>
    isBoth(sync) ? `string_to_array(v_guard, ' ') && array['*', ${quoteLiteral(sync.transfer.id)}]` : 'false',
  );
  return `#variable_conflict use_column
declare
  v_guard constant text := coalesce(current_setting('stepgate.guard', true), '');
  v_echo constant boolean[] := array[${echoes.join(', ')}];
  v_reason text[] := array_fill(stepgate.isolation_reason(tg_relid), array[${number}]);
  v_state text[] := array_fill(null::text, array[${number}]);
  v_gone bigint[] := array_fill(0::bigint, array[${number}]);
  v_changed bigint := 0;
  v_done bigint := 0;
  v_left bigint := 0;
  v_twice boolean := false;
  v_undoing boolean := false;
begin
${[...sections.flatMap(writing), ...[...sections].reverse().flatMap(removing), ...sections.map(journalling)].join('\n')}
  return ${result};
end`;
}

function writing({ sync, write }: Section): readonly string[] {
  return write === null ? [] : [`-- ${sync.transfer.id} (${sync.transfer.file}:${sync.transfer.line})\n${caught(sync, write)}`];
}

/** What is removed goes in the opposite order, so that no reference is in the way. */
function removing({ sync, write, remove }: Section): readonly string[] {
  if (remove === null) return [];
  const body = caught(sync, remove);
  return [`-- ${sync.transfer.id}\n${write === null ? body : `if v_gone[${sync.place}] > 0 then\n${body}\nend if;`}`];
}

/** An echo is journalled by the write that it is the echo of, unless something failed. */
function journalling({ sync, journal }: Section): string {
  const echo = isBoth(sync) ? ` and (v_state[${sync.place}] is not null or not v_echo[${sync.place}])` : '';
  return `if v_reason[${sync.place}] is not null${echo} then\n${journal}\nend if;`;
}

function dollarTag(body: string): string {
  let tag = '$stepgate$';
  for (let number = 1; body.includes(tag); number++) tag = `$stepgate${number}$`;
  return tag;
}
