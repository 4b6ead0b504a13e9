import * as z from 'zod';
import type { CompiledPlan } from '../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../core/run/envelope.ts';
import type { CarriedColumn } from '../core/transfer/carried-columns.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import { isSynced } from '../core/transfer/is-synced.ts';
import { planAfter, renamingOf } from '../core/transfer/plan-in-force.ts';
import { renamedFunctions, tablesIn, tablesOf } from '../core/transfer/sync/renamed-sync.ts';
import type { Query, SqlSession } from './sql-session.ts';
import { syncCatalog } from './sync-catalog.ts';
import { carriedBack, type OlderSession, OlderSessions, syncLedger } from './sync-ledger.ts';

/** What live sync needs in the transaction in which its tables get other names; names are quoted. */
export interface SyncRenaming {
  /** From then on the transfers' texts are written by these. */
  readonly transfers: readonly { readonly id: string; readonly tables: readonly string[] }[];
  /** Which nobody else may read or write meanwhile, by the names of before. */
  readonly tables: readonly string[];
  /** The trigger functions by the names of afterwards. */
  readonly functions: readonly string[];
  /** Which the statements take from tables. */
  readonly names: readonly string[];
}

/** What a phase's transaction, or its undo's, has to do so that live sync follows the names; null where the phase renames nothing. */
export async function syncRenaming(session: SqlSession, plan: CompiledPlan, phase: string, direction: 'up' | 'undo'): Promise<SyncRenaming | null> {
  const found = renamingOf(plan);
  if (found?.phase !== phase) return null;
  const renamed = planAfter(plan, found.renaming);
  const [now, next] = direction === 'up' ? [plan, renamed] : [renamed, plan];
  const live = await syncLedger(session).live(plan.id);
  const functions: string[] = [];
  const tables = new Map(found.renaming.tables.map(({ from, to }) => (direction === 'up' ? from : to)).map((table) => [quoteName(table), table]));
  const transfers: { readonly id: string; readonly tables: readonly string[] }[] = [];
  for (const part of now.phases) {
    if (part.kind !== 'transfer') continue;
    const synced = part.transfers.filter((transfer) => isSynced(transfer) && live.some((one) => one.transfer === transfer.id));
    if (synced.length === 0) continue;
    for (const table of tablesOf(synced)) tables.set(quoteName(table), table);
    const later = next.phases.flatMap((one) => (one.id === part.id && one.kind === 'transfer' ? one.transfers : []));
    transfers.push(...later.filter(isSynced).map((one) => ({ id: one.id, tables: tablesIn(one).map(quoteName) })));
    const known = await session.readOnly(async (query) => ({
      catalog: await syncCatalog(query, part.transfers.filter(isSynced)),
      carried: await carriedOf(
        query,
        plan,
        synced.map(({ id }) => id),
      ),
    }));
    for (const side of ['source', 'target'] as const) {
      if (!live.some((one) => one.side === side && synced.some(({ id }) => id === one.transfer))) continue;
      functions.push(...renamedFunctions({ installed: plan, now, next }, { phase: part.id, side, ...known }).map(({ create }) => create));
    }
  }
  const names = direction === 'up' ? found.renaming.tables.map(({ from }) => quoteName(from)) : [];
  return { transfers, tables: [...tables.keys()].sort(), functions, names };
}

async function carriedOf(query: Query, { id }: CompiledPlan, transfers: readonly string[]): Promise<ReadonlyMap<string, readonly CarriedColumn[]>> {
  const carried = new Map<string, readonly CarriedColumn[]>();
  for (const transfer of transfers) carried.set(transfer, await carriedBack(query, id, { id: transfer }));
  return carried;
}

const Answer = z.object({ answer: z.string() });

/** Sessions whose transactions are older than this run's first question, so that under a new name they may miss rows. */
export async function olderThanRenaming({ query }: Pick<SqlSession, 'query'>, run: ChangingRun, phase: string): Promise<readonly OlderSession[]> {
  const sql = 'select stepgate.settle_renaming(:run::text, :token::bigint, :plan::text, :phase::text) as answer';
  const [row] = await query(Answer, sql, { run: run.id, token: run.token, plan: run.plan, phase });
  return OlderSessions.parse(JSON.parse(row?.answer ?? '[]'));
}
