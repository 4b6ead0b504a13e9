import { setTimeout as delay } from 'node:timers/promises';
import { ledgerLock } from '../../adapters/run-lock.ts';
import { RECOVERY, StepgateError } from '../../core/errors.ts';
import type { ChangingEnvelope } from '../../core/run/envelope.ts';
import type { NextStep } from '../../core/run/next-step.ts';
import { NOTHING_ASKED } from '../../core/run/run-input.ts';
import { verifyTarget } from '../../lambdas/checks/verify-target.ts';
import { completeRun } from '../../lambdas/finish/complete-run.ts';
import { catchUp } from '../../lambdas/phases/catch-up.ts';
import { nextStep } from '../../lambdas/phases/next-step.ts';
import { decideRecovery } from '../../lambdas/rollback/decide-recovery.ts';
import { undoPhase } from '../../lambdas/rollback/undo-phase.ts';
import { verifyUndo } from '../../lambdas/rollback/verify-undo.ts';
import { beginMeasuredRun, beginRun, type Deployed, deploy, emptyPlanDatabase, takeStep } from '../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';
import { type CrmCrowd, startCrowd } from './crm-crowd.ts';
import { CRM_DIFFERENCES, CRM_PLAN, crmSource } from './crm-plan.ts';

export interface CrmScene {
  readonly bench: Workbench;
  readonly plan: Deployed;
}

export async function openCrm(): Promise<CrmScene> {
  const bench = await openWorkbench();
  const plan = await deploy(bench, CRM_PLAN, 'crm');
  await bench.sql('drop role if exists application; create role application; grant application to current_user');
  return { bench, plan };
}

export interface WholeRunOptions {
  /** Changed rows of all clients together. */
  readonly changes: number;
  readonly rows: number;
  readonly seed: number;
  /** How often a backend, a client's or the run's, is ended in the middle of its work. */
  readonly ended: number;
}

export interface WholeRunResult {
  readonly changedRows: number;
  readonly transactions: number;
  /** Of each stage. */
  readonly rowsOf: Readonly<Record<string, number>>;
  /** Failed transactions by isolation level and SQLSTATE. */
  readonly failed: Readonly<Record<string, number>>;
  /** Differences of both sides that no entry of the journal explains, while both are current. */
  readonly unexplained: readonly string[];
  /** Differences that are left when the journal was derived again. */
  readonly differences: readonly string[];
  /** What clients had committed and neither the old side nor the archive holds at the end. */
  readonly lost: readonly string[];
  readonly lostBeforeRollback: readonly string[];
  readonly turned: number;
  readonly missed: Readonly<Record<string, number>>;
  readonly ended: number;
}

/** From before the first state to behind the last one of the rollback the clients write, on the old side, on both, on the new one, on both, on the old one. */
export async function playWholeRun({ bench, plan }: CrmScene, options: WholeRunOptions): Promise<WholeRunResult> {
  const { changes, rows, seed } = options;
  await emptyPlanDatabase(bench, crmSource(rows));
  const crowd = startCrowd(bench, { rows, seed });
  const ender = startEnder(bench, crowd, options);
  const rowsOf: Record<string, number> = {};

  const stage = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    const before = crowd.changed();
    await work();
    rowsOf[name] = crowd.changed() - before;
  };
  try {
    const run = await beginMeasuredRun(bench, plan, { id: 'there' });
    await stage('execute', () => execute(bench, run, crowd, changes / 4));
    crowd.use('both');
    await stage('both', () => crowd.changes(changes / 5));
    crowd.use('new');
    await stage('new', () => crowd.changes(changes / 5));
    await crowd.pause();
    const unexplained = await explained(bench);
    const back = await beginRun(bench, plan, { id: 'back', mode: 'rollback' });
    await drain(bench, back);
    const differences = await found(bench, CRM_DIFFERENCES);
    const lostBeforeRollback = await crowd.lost();
    crowd.use('both');
    crowd.resume();
    await stage('rollback', () => rollBack(bench, back));
    crowd.use('old');
    await stage('after', () => crowd.changes(changes / 10));
    const ended = await ender.stop();
    await crowd.stop();
    const { figures } = crowd;
    const counted = { failed: Object.fromEntries(figures.failed), missed: Object.fromEntries(figures.missed), turned: figures.turned };
    return {
      ...counted,
      changedRows: figures.changedRows,
      transactions: figures.transactions,
      rowsOf,
      unexplained,
      differences,
      lostBeforeRollback,
      lost: await crowd.lost(),
      ended,
    };
  } finally {
    await ender.stop();
    await crowd.stop();
  }
}

/** The same clients and as many changes, of the old side and without a run. */
export async function playControl({ bench }: CrmScene, { changes, rows, seed }: WholeRunOptions): Promise<Readonly<Record<string, number>>> {
  await emptyPlanDatabase(bench, crmSource(rows));
  const crowd = startCrowd(bench, { rows, seed });
  await crowd.changes(changes);
  await crowd.stop();
  return Object.fromEntries(crowd.figures.failed);
}

async function execute(bench: Workbench, run: ChangingEnvelope, crowd: CrmCrowd, changes: number): Promise<void> {
  const upto = crowd.changed() + changes;
  for (let step = await next(bench, run); step.phase !== null; step = await next(bench, run)) {
    const { phase, kind } = step;
    await patiently(() => takeStep(bench.ports, { ...run, phase }, kind));
    // However few rows there are, each step meets some of the changes.
    if (crowd.changed() < upto) await crowd.changes(changes / 8);
  }
  await patiently(async () => {
    while (!(await verifyTarget(bench.ports)({ ...run, progress: null })).done);
  });
  await patiently(() => completeRun(bench.ports)(run));
  await ledgerLock(bench.ports.session).release(run.run.id, run.run.token);
}

function next(bench: Workbench, run: ChangingEnvelope): Promise<NextStep> {
  return patiently(() => nextStep(bench.ports)(run));
}

async function drain(bench: Workbench, run: ChangingEnvelope): Promise<void> {
  for (let polls = 0; ; polls += 1) {
    const { done } = await patiently(() => catchUp(bench.ports)({ ...run, phase: 'copy', finishes: false, polls }));
    if (done) return;
  }
}

async function rollBack(bench: Workbench, run: ChangingEnvelope): Promise<void> {
  for (;;) {
    const step = await patiently(() => decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED }));
    if (step.kind !== 'undo') break;
    const { phase } = step;
    await patiently(() => undoPhase(bench.ports)({ ...run, phase }));
  }
  for (;;) {
    const { done } = await patiently(() => verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED }));
    if (done) break;
  }
  await ledgerLock(bench.ports.session).release(run.run.id, run.run.token);
}

/** The definition waits between two tries, and beside many writers a lock may need them. */
async function patiently<Answer>(state: () => Promise<Answer>): Promise<Answer> {
  for (let left = 100; ; left -= 1) {
    try {
      return await state();
    } catch (error) {
      const isRetried = error instanceof StepgateError && RECOVERY[error.name] === 'retry';
      if (!isRetried || left === 0) throw error;
      await delay(20);
    }
  }
}

/** A difference whose key the journal holds is on its way, or was told as not carried. */
async function explained(bench: Workbench): Promise<readonly string[]> {
  return found(
    bench,
    `select * from (${CRM_DIFFERENCES}) d where not exists (select from stepgate.sync_journal j where j.transfer = d.target and (j.key is null or d.key in (j.key, j.moved_from)))`,
  );
}

async function found(bench: Workbench, sql: string): Promise<readonly string[]> {
  const rows = await bench.sql<{ target: string; key: string; old: string | null; new: string | null }>(sql);
  return rows.map((row) => `${row.target} ${row.key}: ${row.old} and ${row.new}`);
}

/** Ends backends, spread over the changes; the run's own among them. */
function startEnder(bench: Workbench, crowd: CrmCrowd, { ended, changes }: WholeRunOptions): { stop(): Promise<number> } {
  let isOver = false;
  let count = 0;
  const ending = (async () => {
    for (let n = 1; n <= ended && !isOver; n += 1) {
      await crowd.changes(changes / (ended + 1));
      if (isOver) return;
      if (n % 3 === 0) await crowd.endOne();
      else await bench.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'stepgate/%' limit 1");
      count += 1;
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await Promise.race([ending, delay(0)]);
      return count;
    },
  };
}
