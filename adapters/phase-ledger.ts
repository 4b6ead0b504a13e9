import * as z from 'zod';
import { PlanDigest, type PlanId } from '../core/ids.ts';
import type { Check, CompiledPlan, Phase, Statement, TransactionPhase } from '../core/plan/compiled-plan.ts';
import { evaluationSql } from '../core/run/check-evaluation.ts';
import type { ChangingRun } from '../core/run/envelope.ts';
import type { LedgerPhase } from '../core/run/next-step.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import { targetsOf } from '../core/transfer/made.ts';
import { sqlError } from './aws-errors.ts';
import type { Query, SqlSession } from './sql-session.ts';
import type { SyncRenaming } from './sync-renaming.ts';

/** A phase, in the plan that it is part of. */
export interface PlacedPhase<Kind extends Phase = Phase> {
  readonly plan: CompiledPlan;
  readonly phase: Kind;
}

/** Which phases are begun and applied, and the calls that make them so; each is one transaction that checks the run's token. */
export interface PhaseLedger {
  all(plan: PlanId): Promise<readonly LedgerPhase[]>;
  /** The plan's digest by which its newest begun phase ran; null when none is begun. */
  lastDigest(plan: PlanId): Promise<PlanDigest | null>;
  /** Null until the phase is applied. */
  result(plan: PlanId, phase: string): Promise<PhaseResult | null>;
  /**
   * The phase's statements and checks in one transaction; it goes on in the server when the answer takes more than 45 s.
   *
   * @throws {StatementFailedError | CheckFailedError | DatabaseBusyError | StaleTokenError | UnknownOutcomeError}
   */
  runTransaction(run: ChangingRun, phase: TransactionPhase, renaming?: SyncRenaming | null): Promise<void>;
  /** Keeps what others wrote into the plan's tables and columns, then takes them away; in one transaction. */
  undoTransaction(
    run: ChangingRun,
    place: PlacedPhase,
    undo: { readonly statements: readonly Statement[]; readonly renaming?: SyncRenaming | null },
  ): Promise<void>;
  begin(run: ChangingRun, phase: Phase): Promise<void>;
  finish(run: ChangingRun, phase: Phase, statements: number): Promise<void>;
  /** Before the first effect of an undo that is more than one transaction. */
  beginUndo(run: ChangingRun, phase: Phase): Promise<void>;
  /** Whether a backend still works under this phase's label. */
  isRunning(run: ChangingRun, label: string): Promise<boolean>;
  /** Throws, once, how a call under this label failed in the server after its caller had stopped waiting. */
  throwFailure(run: ChangingRun, label: string): Promise<void>;
}

const ResultRow = z.object({ result: z.string() });
const Result = z.object({
  statements: z.number().int(),
  durationMs: z.number(),
  checks: z.array(z.object({ name: z.string(), bad: z.string(), detail: z.string(), durationMs: z.number() })).default([]),
});
export type PhaseResult = z.infer<typeof Result>;

const PhaseRow = z.object({ phase: z.string(), ordinal: z.number().int(), digest: z.string(), applied: z.boolean(), undoing: z.boolean() });
const Ran = z.object({ digest: PlanDigest });
const LAST_DIGEST =
  'select r.digest from stepgate.phase p join stepgate.run r on r.run_id = p.run_id where p.plan = :plan::text order by p.ordinal desc limit 1';
const Running = z.object({ running: z.boolean() });
const Failure = z.object({ sql_state: z.string(), message: z.string() });

export function phaseLedger({ query }: SqlSession): PhaseLedger {
  const call = async (sql: string, parameters: Readonly<Record<string, string | number | boolean>>) => {
    await query(z.unknown(), sql, parameters, { continueAfterTimeout: true });
  };
  return {
    all: (plan) => allPhases(query, plan),
    lastDigest: async (plan) => (await query(Ran, LAST_DIGEST, { plan }))[0]?.digest ?? null,
    result: async (plan, phase) => {
      const sql = 'select result::text as result from stepgate.phase where plan = :plan::text and phase = :phase::text and applied_at is not null';
      const [row] = await query(ResultRow, sql, { plan, phase });
      return row === undefined ? null : Result.parse(JSON.parse(row.result));
    },
    runTransaction: async (run, phase, renaming = null) => {
      await call(
        'select stepgate.run_phase(:run::text, :token::bigint, :plan::text, :phase::text, :ordinal::int, :digest::text, :statements::jsonb, :checks::jsonb, :protect::jsonb, :renaming::jsonb)',
        {
          ...named(run, phase),
          ordinal: phase.ordinal,
          digest: phase.digest,
          statements: JSON.stringify(phase.up),
          checks: JSON.stringify(phase.verify.map((check) => inDatabase(check, run.id))),
          protect: JSON.stringify(phase.protect.map(quoteName)),
          renaming: JSON.stringify(renaming),
        },
      );
      await throwFailure(query, run, phase.id);
    },
    undoTransaction: async (run, { plan, phase }, { statements, renaming = null }) => {
      await call(
        'select stepgate.undo_phase(:run::text, :token::bigint, :plan::text, :phase::text, :statements::jsonb, :everything::boolean, :targets::jsonb, :renaming::jsonb)',
        {
          ...named(run, phase),
          statements: JSON.stringify(statements),
          everything: 'undoWritesRows' in phase && phase.undoWritesRows,
          targets: JSON.stringify(targetsOf(plan)),
          renaming: JSON.stringify(renaming),
        },
      );
      await throwFailure(query, run, `undo ${phase.id}`);
    },
    begin: (run, phase) =>
      call('select stepgate.begin_phase(:run::text, :token::bigint, :plan::text, :phase::text, :ordinal::int, :digest::text)', {
        ...named(run, phase),
        ordinal: phase.ordinal,
        digest: phase.digest,
      }),
    finish: (run, phase, statements) =>
      call('select stepgate.finish_phase(:run::text, :token::bigint, :plan::text, :phase::text, :result::jsonb)', {
        ...named(run, phase),
        result: JSON.stringify({ statements }),
      }),
    beginUndo: (run, phase) => call('select stepgate.begin_undo(:run::text, :token::bigint, :plan::text, :phase::text)', named(run, phase)),
    isRunning: async (run, label) => {
      const [row] = await query(
        Running,
        `select exists (select from pg_stat_activity where datname = current_database() and state <> 'idle'
and application_name = stepgate.backend_label(:run::text, :label::text)) as running`,
        { run: run.id, label },
      );
      return row?.running ?? false;
    },
    throwFailure: (run, label) => throwFailure(query, run, label),
  };
}

async function allPhases(query: Query, plan: PlanId): Promise<readonly LedgerPhase[]> {
  const rows = await query(
    PhaseRow,
    `select phase, ordinal, digest, applied_at is not null as applied, undo_begun_at is not null as undoing
from stepgate.phase where plan = :plan::text order by ordinal`,
    { plan },
  );
  return rows.map(({ applied, undoing, ...row }) => ({ ...row, isApplied: applied, isUndoing: undoing }));
}

async function throwFailure(query: Query, run: ChangingRun, label: string): Promise<void> {
  const sql = 'delete from stepgate.failure where run_id = :run::text and label = :label::text returning sql_state, message';
  const [failure] = await query(Failure, sql, { run: run.id, label });
  if (failure !== undefined) {
    throw sqlError(failure.sql_state, failure.message);
  }
}

function named(run: ChangingRun, phase: Phase) {
  return { run: run.id, token: run.token, plan: run.plan, phase: phase.id };
}

/** A check as the ledger's run_checks takes it. */
function inDatabase(check: Check, salt: string) {
  return { name: check.name, severity: check.severity, file: check.file, line: check.line, sql: evaluationSql(check, salt) };
}
