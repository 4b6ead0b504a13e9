import * as z from 'zod';
import { StaleTokenError } from '../core/errors.ts';
import type { PlanDigest, PlanId, RunId } from '../core/ids.ts';
import { PlanDigest as Digest } from '../core/ids.ts';
import type { ChangingRun } from '../core/run/envelope.ts';
import type { Outcome } from '../core/run/outcome.ts';
import { STAGES, type Stage } from '../core/run/recovery-step.ts';
import type { SqlSession } from './sql-session.ts';

/** What is in force of a plan in this database. */
export interface PlanInForce {
  readonly digest: PlanDigest;
  /** The run whose baseline "as before" means; null until one is taken. */
  readonly baseRun: string | null;
  readonly snapshotId: string | null;
  readonly snapshotRequestedAt: string | null;
  /** Whether an undo is known not to have brought the state of before back. */
  readonly isRefuted: boolean;
  /** Whether a phase was begun since the baseline. */
  readonly isChanged: boolean;
  readonly migratedAt: string | null;
  /** The run that completed it. */
  readonly migratedRun: string | null;
}

/** A plan's row and a run's row in the ledger. */
export interface PlanLedger {
  inForce(plan: PlanId): Promise<PlanInForce | null>;
  /** @throws {StaleTokenError} when a newer run took the lock over. */
  holdsOrFails(run: ChangingRun): Promise<void>;
  /** Pins the plan's digest while it is not migrated; drops a baseline and a snapshot that an earlier run took where it changed nothing, or where its undo was refuted. */
  adopt(run: ChangingRun): Promise<void>;
  rememberSnapshot(run: ChangingRun, snapshot: { readonly id: string; readonly requestedAt: Date }): Promise<void>;
  /** The point of no return: from here on the plan is migrated. */
  complete(run: ChangingRun, at: Date): Promise<void>;
  /** Some phases of a migrated plan go and others stay: it is one that an execute goes on with. */
  reopen(run: ChangingRun): Promise<void>;
  /** The undo is proven; nothing of the plan is in force any more. */
  forget(run: ChangingRun): Promise<void>;
  /** The undo did not bring the state of before back: the next execute begins with the state that it finds. */
  refute(run: ChangingRun): Promise<void>;
  /**
   * Notes that the run is on its way back, and from where.
   *
   * @throws {StaleTokenError} when a newer run took the lock over.
   */
  beginUndo(run: ChangingRun, stage: Stage): Promise<void>;
  /** Null: its way back has not begun. */
  undoStage(run: RunId): Promise<Stage | null>;
  isUndoVerified(run: RunId): Promise<boolean>;
  /** Writes how the run ended, once; a run that never took the lock has no row. */
  close(run: RunId, end: { readonly outcome: Outcome; readonly sentence: string }): Promise<void>;
}

const Row = z.object({
  digest: Digest,
  base_run: z.string().nullable(),
  snapshot_id: z.string().nullable(),
  snapshot_requested_at: z.string().nullable(),
  is_refuted: z.boolean(),
  is_changed: z.boolean(),
  migrated_at: z.string().nullable(),
  migrated_run: z.string().nullable(),
});
const UndoStage = z.object({ stage: z.enum(STAGES).nullable() });
const Verified = z.object({ verified: z.boolean() });

/** Only the holder of the token writes: the lock's row is part of each statement. */
const HOLDS = 'exists (select from stepgate.lock where run_id = :run::text and token = :token::bigint for share)';

const IN_FORCE = `select digest, case when baseline_done_at is not null then base_run end as base_run, snapshot_id,
to_json(snapshot_requested_at)#>>'{}' as snapshot_requested_at, refuted_at is not null as is_refuted, changed_at is not null as is_changed, to_json(migrated_at)#>>'{}' as migrated_at, migrated_run from stepgate.plan where plan = :plan::text`;
const ADOPT =
  `with emptied as (delete from stepgate.made where plan = :plan::text and ${HOLDS} and not exists (select from stepgate.phase f where f.plan = :plan::text)),
forgotten as (delete from stepgate.written where plan = :plan::text and ${HOLDS} and not exists (select from stepgate.plan p where p.plan = :plan::text and KEPT))
insert into stepgate.plan as p (plan, digest) select :plan::text, :digest::text where ${HOLDS}
on conflict (plan) do update set digest = excluded.digest,
base_run = case when KEPT then p.base_run end, baseline_done_at = case when KEPT then p.baseline_done_at end,
changed_at = case when KEPT then p.changed_at end, refuted_at = null, migrated_at = null, migrated_run = null,
snapshot_id = case when KEPT then p.snapshot_id end, snapshot_requested_at = case when KEPT then p.snapshot_requested_at end
where p.migrated_at is null or p.refuted_at is not null`.replaceAll(
    'KEPT',
    '((p.changed_at is not null and p.refuted_at is null) or p.base_run = :run::text)',
  );
const REMEMBER_SNAPSHOT = `update stepgate.plan set snapshot_id = :id::text, snapshot_requested_at = :at::timestamptz where plan = :plan::text and ${HOLDS}`;
const COMPLETE = `update stepgate.plan set migrated_run = :run::text, migrated_at = coalesce(migrated_at, :at::timestamptz) where plan = :plan::text and ${HOLDS}`;
const REOPEN = `update stepgate.plan set migrated_at = null, migrated_run = null where plan = :plan::text and ${HOLDS}`;
const REFUTE = `update stepgate.plan set refuted_at = clock_timestamp() where plan = :plan::text and ${HOLDS}`;
const BEGIN_UNDO = `update stepgate.run set undo_stage = :stage::text where run_id = :run::text and ${HOLDS}`;
/** What the ledger keeps of a plan beside its phases; conflicts stay, since both values of each are nowhere else. */
const OF_PLAN = ['made', 'written', 'sync_journal', 'quarantine'];
const FORGET = `with forgotten as (delete from stepgate.plan where plan = :plan::text and ${HOLDS}),
${OF_PLAN.map((table) => `${table} as (delete from stepgate.${table} where plan = :plan::text and ${HOLDS})`).join(', ')}
update stepgate.run set undo_verified_at = clock_timestamp() where run_id = :run::text and ${HOLDS}`;
const CLOSE = `update stepgate.run set ended_at = clock_timestamp(), outcome = :outcome::text, sentence = :sentence::text
where run_id = :run::text and ended_at is null`;

export function planLedger({ query }: SqlSession): PlanLedger {
  const write = (run: ChangingRun, sql: string, parameters: Readonly<Record<string, string>> = {}) =>
    query(z.unknown(), sql, { run: run.id, token: run.token, ...parameters });
  /** Says no when nothing was written, which only a stale token explains. */
  const writeOrFail = async (run: ChangingRun, sql: string, parameters: Readonly<Record<string, string>>) => {
    const written = await write(run, `${sql} returning 1 as written`, parameters);
    if (written.length === 0) {
      throw staleToken(run);
    }
  };
  return {
    inForce: async (plan) => {
      const [row] = await query(Row, IN_FORCE, { plan });
      return row === undefined ? null : inForceOf(row);
    },
    holdsOrFails: async (run) => {
      const [row] = await query(Verified, `select ${HOLDS.replace(' for share', '')} as verified`, { run: run.id, token: run.token });
      if (row?.verified !== true) {
        throw staleToken(run);
      }
    },
    adopt: async (run) => {
      await write(run, ADOPT, { plan: run.plan, digest: run.digest });
    },
    rememberSnapshot: (run, { id, requestedAt }) => writeOrFail(run, REMEMBER_SNAPSHOT, { plan: run.plan, id, at: requestedAt.toISOString() }),
    complete: (run, at) => writeOrFail(run, COMPLETE, { plan: run.plan, at: at.toISOString() }),
    reopen: (run) => writeOrFail(run, REOPEN, { plan: run.plan }),
    refute: (run) => writeOrFail(run, REFUTE, { plan: run.plan }),
    forget: (run) => writeOrFail(run, FORGET, { plan: run.plan }),
    beginUndo: (run, stage) => writeOrFail(run, BEGIN_UNDO, { stage }),
    undoStage: async (run) => {
      const [row] = await query(UndoStage, 'select undo_stage as stage from stepgate.run where run_id = :run::text', { run });
      return row?.stage ?? null;
    },
    isUndoVerified: async (run) => {
      const sql = 'select exists (select from stepgate.run where run_id = :run::text and undo_verified_at is not null) as verified';
      const [row] = await query(Verified, sql, { run });
      return row?.verified ?? false;
    },
    close: async (run, { outcome, sentence }) => {
      await query(z.unknown(), CLOSE, { run, outcome, sentence });
    },
  };
}

function inForceOf(row: z.infer<typeof Row>): PlanInForce {
  return {
    digest: row.digest,
    baseRun: row.base_run,
    snapshotId: row.snapshot_id,
    snapshotRequestedAt: row.snapshot_requested_at,
    isRefuted: row.is_refuted,
    isChanged: row.is_changed,
    migratedAt: row.migrated_at,
    migratedRun: row.migrated_run,
  };
}

function staleToken(run: ChangingRun): StaleTokenError {
  return new StaleTokenError(`run ${run.id} no longer holds the lock with token ${run.token}; a newer run took it over`);
}
