import * as z from 'zod';
import { CheckFailedError } from '../core/errors.ts';
import type { PlanId } from '../core/ids.ts';
import type { CompiledPlan, Transfer } from '../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../core/run/envelope.ts';
import type { LiveSide } from '../core/run/next-step.ts';
import { type CarriedColumn, carriedOf } from '../core/transfer/carried-columns.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import { isSynced } from '../core/transfer/is-synced.ts';
import { tablesIn } from '../core/transfer/sync/renamed-sync.ts';
import { repairSql } from '../core/transfer/sync/repair-sql.ts';
import { type SyncInput, syncSql } from '../core/transfer/sync/sync-sql.ts';
import { transfersOf } from '../core/transfer/transfers-of.ts';
import { classifiedColumns } from './carried-columns.ts';
import type { Query, SqlSession } from './sql-session.ts';
import { refuseDeferred, sharedKeys, syncCatalog } from './sync-catalog.ts';
import { obstaclesOf } from './sync-findings.ts';

/** Which triggers: those on a phase's source tables and lookups, or those on its targets. */
export interface SyncPlace {
  readonly phase: string;
  readonly side: 'source' | 'target';
}

/** A session whose transaction began before the triggers were there; of other roles' sessions the age may be unknown, which is 0. */
export interface OlderSession {
  readonly pid: number;
  readonly role: string;
  readonly seconds: number;
}

/** Runs what is tried, perhaps several times. */
export type Trying = (attempt: () => Promise<void>) => Promise<void>;

/** The five that are at work the longest. */
export function describeOlder(sessions: readonly OlderSession[]): readonly string[] {
  return sessions.slice(0, 5).map(({ pid, role, seconds }) => `${role}, pid ${pid}, ${seconds} s`);
}

/** The live part of a plan's transfers: its triggers, what they left in the journal, and its repair. */
export interface SyncLedger {
  /**
   * Functions and triggers of one side, in one transaction; repeating it does nothing. `trying` decides how often the transaction is tried, which
   * needs all tables at once; what goes back is not proven again for that.
   *
   * @throws {DatabaseBusyError} when a lock does not come in 200 ms for all tables together.
   * @throws {CheckFailedError} where live sync cannot see every write, would write over the application's, or both sides would make the same keys.
   */
  install(run: ChangingRun, plan: CompiledPlan, place: SyncPlace, trying?: Trying): Promise<void>;
  /** Sessions whose transactions are older than the installation; none is noted as settled. */
  unsettled(run: ChangingRun, place: SyncPlace): Promise<readonly OlderSession[]>;
  /** One round of repairs of one transfer: how many keys it did, and how many pending entries with an id up to `upto` are left. */
  repair(
    run: ChangingRun,
    place: { readonly plan: CompiledPlan; readonly transfer: Transfer; readonly upto: string },
    limit: number,
  ): Promise<{ readonly repaired: number; readonly left: number }>;
  /** The plan's newest entry, a bigint as text; '0' where there is none. */
  newestEntry(plan: PlanId): Promise<string>;
  /**
   * Ends the sync of a phase's transfers on both sides at one moment, then drops their triggers, table by table; repeating it goes on.
   *
   * @throws {DatabaseBusyError} when the lock of a table does not come in 200 ms; the triggers that are left do nothing.
   */
  remove(run: ChangingRun, plan: CompiledPlan, phase: string): Promise<void>;
  live(plan: PlanId): Promise<readonly LiveSide[]>;
}

export const OlderSessions = z.array(z.object({ pid: z.number().int(), role: z.string(), seconds: z.number().int() }));
const Round = z.object({ repaired: z.number().int(), left: z.number().int() });
const Live = z.object({ transfer: z.string(), side: z.enum(['source', 'target']), settled: z.boolean(), silenced: z.boolean() });
const Answer = z.object({ answer: z.string() });
const Carried = z.array(z.object({ source: z.string(), expression: z.string(), columns: z.array(z.string()), isInverse: z.boolean() }));

export function syncLedger(session: SqlSession): SyncLedger {
  const { query } = session;
  return {
    install: (run, plan, place, trying = (attempt) => attempt()) => install(session, run, { plan, place, trying }),
    unsettled: async (run, { phase, side }) => {
      const sql = 'select stepgate.settle_sync(:run::text, :token::bigint, :plan::text, :phase::text, :side::text) as answer';
      const [row] = await query(Answer, sql, { run: run.id, token: run.token, plan: run.plan, phase, side });
      return OlderSessions.parse(JSON.parse(row?.answer ?? '[]'));
    },
    repair: async (run, { transfer, upto }, limit) => {
      const sync = { transfer, carried: await carriedBack(query, run.plan, transfer), catalog: await syncCatalog(query, [transfer]) };
      const [row] = await query(
        Answer,
        'select stepgate.repair_keys(:run::text, :token::bigint, :plan::text, :transfer::text, :upto::bigint, :limit::int, :texts::jsonb) as answer',
        {
          run: run.id,
          token: run.token,
          plan: run.plan,
          transfer: transfer.id,
          upto,
          limit,
          texts: JSON.stringify({ ...repairSql(sync), tables: tablesIn(transfer).map(quoteName) }),
        },
      );
      return Round.parse(JSON.parse(row?.answer ?? 'null'));
    },
    newestEntry: async (plan) => {
      const sql = 'select coalesce(max(id), 0)::text as answer from stepgate.sync_journal where plan = :plan::text';
      const [row] = await query(Answer, sql, { plan });
      return row?.answer ?? '0';
    },
    remove: (run, plan, phase) => remove(session, run, { plan, phase }),
    live: async (plan) => {
      const sql =
        'select transfer, side, settled_at is not null as settled, silenced_at is not null as silenced from stepgate.sync where plan = :plan::text order by 1, 2';
      return (await query(Live, sql, { plan })).map(({ settled, silenced, ...row }) => ({ ...row, isSettled: settled, isSilenced: silenced }));
    },
  };
}

async function remove(
  { query }: Pick<SqlSession, 'query'>,
  run: ChangingRun,
  { plan, phase }: { readonly plan: CompiledPlan; readonly phase: string },
): Promise<void> {
  const keys = syncedIn(plan, phase).map(({ id, into, keys: [key] }) => ({ transfer: id, table: quoteName(into), column: key.target }));
  const values = { run: run.id, token: run.token, plan: run.plan, phase, keys: JSON.stringify(keys) };
  const given = ':run::text, :token::bigint, :plan::text, :phase::text';
  const [row] = await query(Answer, `select stepgate.silence_sync(${given}, :keys::jsonb) as answer`, values);
  for (const table of z.array(z.string()).parse(JSON.parse(row?.answer ?? '[]'))) {
    await query(Answer, `select stepgate.remove_sync_from(${given}, :table::text, :keys::jsonb) as answer`, { ...values, table });
  }
  await query(Answer, `select stepgate.remove_sync(${given}, :keys::jsonb) as answer`, values);
}

function syncedIn(plan: CompiledPlan, phase: string): readonly Transfer[] {
  return transfersOf(plan.phases.filter(({ id }) => id === phase)).filter(isSynced);
}

/** What goes back, as it was found when the triggers were installed: the repair does what they would have done. */
export async function carriedBack(query: Query, plan: PlanId, transfer: { readonly id: string }): Promise<readonly CarriedColumn[]> {
  const sql = `select carried::text as answer from stepgate.sync where plan = :plan::text and transfer = :transfer::text order by side desc limit 1`;
  const [row] = await query(Answer, sql, { plan, transfer: transfer.id });
  return Carried.parse(JSON.parse(row?.answer ?? '[]'));
}

/** What a dry run could not see yet, where the plan has made the table since; a BEFORE trigger of a table that is not there writes nothing. */
async function refuseObstacles(
  session: SqlSession,
  transfers: readonly Transfer[],
  { all, carried }: { readonly all: readonly Transfer[]; readonly carried: ReadonlyMap<string, readonly CarriedColumn[]> },
): Promise<void> {
  const faults: string[] = [];
  for (const transfer of transfers) {
    const found = await session.readOnly((query) => obstaclesOf(query, transfer, { transfers: all, carried: carried.get(transfer.id) ?? [] }));
    const grave = found.filter(({ status }) => status === 'fail');
    faults.push(...grave.map((one) => `${transfer.file}:${transfer.line}: ${one.found}; ${one.advice}`));
  }
  if (faults.length > 0) throw new CheckFailedError(faults.join(' · '));
}

async function install(
  session: SqlSession,
  run: ChangingRun,
  { plan, place: { phase, side }, trying }: { readonly plan: CompiledPlan; readonly place: SyncPlace; readonly trying: Trying },
): Promise<void> {
  const transfers = syncedIn(plan, phase).filter(({ sync }) => side === 'source' || sync === 'both');
  if (transfers.length === 0) return;
  const carried = new Map<string, readonly CarriedColumn[]>();
  for (const transfer of transfers) {
    carried.set(transfer.id, transfer.sync === 'both' ? carriedOf(await classifiedColumns(session, transfer)) : []);
  }
  await refuseObstacles(session, transfers, { all: transfersOf(plan.phases), carried });
  const [catalog, keys] = await session.readOnly(async (query) => [
    await syncCatalog(query, syncedIn(plan, phase)),
    side === 'target' ? await sharedKeys(query, transfers) : [],
  ]);
  await session.readOnly((query) =>
    refuseDeferred(
      query,
      transfers.map(({ from, into }) => (side === 'source' ? into : from)),
    ),
  );
  const input: SyncInput = { plan, phase, side, transfers, carried, catalog };
  const made = syncSql(input);
  // The source's functions leave to the new side what goes back, which has just been decided anew.
  const again = side === 'target' ? syncSql({ ...input, side: 'source', transfers: syncedIn(plan, phase) }) : [];
  const triggers = made.flatMap((one) => one.triggers);
  const sync = {
    transfers: transfers.map((one) => ({ id: one.id, carried: carried.get(one.id) ?? [], tables: tablesIn(one).map(quoteName) })),
    functions: [...again, ...made].map(({ create }) => create),
    names: made.map(({ name }) => name),
    triggers: triggers.flatMap(({ create }) => create),
    tables: [...new Set(triggers.map(({ table }) => quoteName(table)))],
    keys,
  };
  const sql = 'select stepgate.install_sync(:run::text, :token::bigint, :plan::text, :phase::text, :side::text, :sync::jsonb) as answer';
  const parameters = { run: run.id, token: run.token, plan: run.plan, phase, side, sync: JSON.stringify(sync) };
  await trying(async () => {
    await session.query(Answer, sql, parameters);
  });
}
