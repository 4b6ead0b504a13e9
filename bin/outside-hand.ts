import { ExecuteStatementCommand } from '@aws-sdk/client-rds-data';
import type { CompiledPlan, Transfer } from '../core/plan/compiled-plan.ts';
import { quoteIdent, quoteLiteral, quoteName } from '../core/transfer/identifier.ts';
import type { EngineOptions } from '../local/engine.ts';
import { NoRunError } from './no-run-error.ts';
import { type OpenEngine, rdsDataOf } from './open-engine.ts';

type Observer = NonNullable<EngineOptions['onStateExited']>;
type Address = Pick<OpenEngine, 'endpoints' | 'stack'>;

/** Someone who changes a row between two states of a run, as any client with the secret could. */
export interface OutsideHand {
  readonly onStateExited: Observer;
  /** Tells where the database is, once that is known. */
  reach(engine: Address): void;
}

/**
 * Spoils one row when `phase` has ended, once; `tell` hears what was done.
 *
 * @throws {NoRunError} when the plan has no such phase, or moves no rows that could be spoiled.
 */
export function outsideHand(plan: CompiledPlan, { phase, tell }: { readonly phase: string; readonly tell: (line: string) => void }): OutsideHand {
  const names = plan.phases.map(({ id }) => String(id));
  if (!names.includes(phase)) throw new NoRunError(`plan ${plan.id} has no phase "${phase}"; its phases are ${names.join(', ')}`);
  const copied = plan.phases.find((one) => one.kind === 'transfer');
  const [transfer] = copied?.transfers ?? [];
  if (copied === undefined || transfer === undefined) throw new NoRunError(`plan ${plan.id} moves no rows; --fail needs a transfer`);
  const isCopied = names.indexOf(phase) >= copied.ordinal - 1;
  let engine: Address | undefined;
  let isPhaseBegun = false;
  let isDone = false;
  return {
    reach: (address) => {
      engine = address;
    },
    async onStateExited({ state, output }) {
      if (state !== 'NextStep' || isDone || engine === undefined) return;
      const next = announced(output);
      isDone = isPhaseBegun && next !== phase;
      isPhaseBegun ||= next === phase;
      if (isDone) tell(isCopied ? await changeRow(engine, transfer) : await addRow(engine, transfer));
    },
  };
}

/** The phase that NextStep names; null when all are done. */
function announced(output: unknown): string | null {
  const phase = typeof output === 'object' && output !== null && 'phase' in output ? output.phase : null;
  return typeof phase === 'string' ? phase : null;
}

/** Before the copy the target is empty, and has to stay so. */
async function addRow(engine: Address, { into, columns, select }: Transfer): Promise<string> {
  const names = columns.map(quoteIdent).join(', ');
  await execute(engine, `insert into ${quoteName(into)} (${names}) select ${names} from (${select}) as rows limit 1`);
  return `from outside: a stray row is now in ${into.schema}.${into.name}`;
}

async function changeRow(engine: Address, transfer: Transfer): Promise<string> {
  const { into, keys } = transfer;
  const column = await textColumn(engine, transfer);
  const table = quoteName(into);
  const target = quoteIdent(keys[0].target);
  await execute(
    engine,
    `update ${table} set ${quoteIdent(column)} = concat(${quoteIdent(column)}, '!')
where ${target} = (select ${target} from ${table} order by ${target} limit 1)`,
  );
  return `from outside: one row of ${into.schema}.${into.name} now has another ${column}`;
}

async function textColumn(engine: Address, { into, columns, keys }: Transfer): Promise<string> {
  const { records = [] } = await send(
    engine,
    `select column_name::text from information_schema.columns
where table_schema = ${quoteLiteral(into.schema)} and table_name = ${quoteLiteral(into.name)} and data_type = 'text'`,
  );
  const found = records.map((record) => record[0]?.stringValue ?? '').find((name) => columns.includes(name) && name !== keys[0].target);
  if (found === undefined) throw new Error(`${into.schema}.${into.name} has no text column that could be spoiled`);
  return found;
}

async function execute(engine: Address, sql: string): Promise<void> {
  const { numberOfRecordsUpdated } = await send(engine, sql);
  if (numberOfRecordsUpdated !== 1) throw new Error(`the statement from outside changed ${numberOfRecordsUpdated} rows, one was meant: ${sql}`);
}

function send(engine: Address, sql: string) {
  const { clusterArn: resourceArn, secretArn, database } = engine.stack;
  return rdsDataOf(engine).send(new ExecuteStatementCommand({ resourceArn, secretArn, database, sql }));
}
