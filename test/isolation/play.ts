import type { Client } from 'pg';
import type { CopySql } from '../../core/transfer/batch-sql.ts';
import { applicationSteps, type Case, type Change, FIRST_BATCH, ROWS } from './cases.ts';
import type { Driver, Step, StepFailure } from './driver.ts';
import { DIFFERENCES, type Difference, type Scene } from './scene.ts';

export interface Stage {
  readonly scene: Scene;
  readonly driver: Driver;
  readonly worker: Client;
  readonly application: Client;
}

export interface Played {
  readonly failures: readonly StepFailure[];
  readonly differences: readonly Difference[];
  /** Journal entries that no repair could take away. */
  readonly left: number;
}

export const NOTHING_WRONG: Played = { failures: [], differences: [], left: 0 };

/** What came of a case: each step that failed, and what is different when the journal is empty. */
export async function playBatches(stage: Stage, one: Case, change?: (sql: CopySql) => CopySql): Promise<Played> {
  const { scene, driver, worker } = stage;
  await scene.reset(ROWS);
  for (const transfer of ['customers', 'actives']) {
    const { sql, values } = scene.batch(transfer, FIRST_BATCH, change);
    await worker.query(sql, [...values]);
  }
  const worked = ['customers', 'actives'].flatMap((transfer): readonly Step[] => [
    { session: 'worker', ...scene.batch(transfer, 100, change) },
    { session: 'worker', sql: 'commit; begin' },
  ]);
  await worker.query('begin');
  const failures = await driver.run([...worked, ...applicationSteps(one)], one.order);
  await worker.query('rollback');
  await finishBatches(stage, change);
  return judge(stage, failures);
}

/** Repairs of what an earlier change left, against another change; everything is copied before. */
export async function playRepairs(stage: Stage, one: Case, earlier: Change): Promise<Played> {
  const { scene, driver, worker, application } = stage;
  await scene.reset(ROWS);
  await finishBatches(stage);
  const [begin, change, commit] = applicationSteps({ change: earlier, level: 'repeatable read' });
  for (const step of [begin, change, commit]) if (step !== undefined) await application.query(step.sql);
  const worked = ['customers', 'actives'].flatMap((transfer): readonly Step[] => [
    { session: 'worker', ...scene.repair(transfer) },
    { session: 'worker', sql: 'commit; begin' },
  ]);
  await worker.query('begin');
  const failures = await driver.run([...worked, ...applicationSteps(one)], one.order);
  await worker.query('rollback');
  return judge(stage, failures);
}

/** One change of each of two sessions, and repairs where the order has the worker; everything is copied before. */
export async function playBothSides(
  stage: Stage,
  order: readonly string[],
  sides: readonly [Pick<Case, 'change' | 'level'>, Pick<Case, 'change' | 'level'>],
): Promise<Played> {
  const { scene, driver } = stage;
  await scene.reset(ROWS);
  await finishBatches(stage);
  const steps = sides.flatMap((one, index) => applicationSteps(one).map(({ sql }) => ({ session: index === 0 ? 'application' : 'other', sql })));
  const repairs: readonly Step[] = order.filter((name) => name === 'worker').map(() => ({ session: 'worker', ...scene.repair('customers') }));
  return judge(stage, await driver.run([...steps, ...repairs], order));
}

/** A batch that gave way to the application is tried again by the run. */
async function finishBatches({ scene, worker }: Pick<Stage, 'scene' | 'worker'>, change?: (sql: CopySql) => CopySql): Promise<void> {
  for (const transfer of ['customers', 'actives']) {
    const { sql, values } = scene.batch(transfer, 100, change);
    await worker.query(sql, [...values]);
  }
}

export async function judge({ scene }: Pick<Stage, 'scene'>, failures: readonly StepFailure[]): Promise<Played> {
  const left = await scene.repairAll();
  const differences = await scene.bench.sql<Difference>(DIFFERENCES);
  return {
    failures: failures.filter(({ session, state }) => session !== 'worker' || !['55P03', '40P01', '25P02'].includes(state)),
    differences,
    left,
  };
}

/** After a batch of one row two workers take one of two rows each; whether that moved five rows. */
export async function playTwoWorkers({ scene, driver, worker }: Stage, order: readonly string[]): Promise<boolean> {
  await scene.reset(ROWS);
  const { sql, values } = scene.batch('customers', 1);
  await worker.query(sql, [...values]);
  const steps = ['worker', 'other'].flatMap((session): readonly Step[] => [
    { session, sql: session === 'other' ? 'reset role; begin' : 'begin' },
    { session, ...scene.batch('customers', 2) },
    { session, sql: session === 'other' ? 'commit; set role application' : 'commit' },
  ]);
  const failures = await driver.run(
    steps,
    order.flatMap((session, index) => (order.indexOf(session) === index ? [session, session] : [session])),
  );
  const [row] = await scene.bench.sql<{ rows: string; moved: string }>(
    'select (select count(*) from customers) as rows, (select sum(rows) from stepgate.transfer) as moved',
  );
  return failures.length === 0 && Number(row?.rows) === 5 && Number(row?.moved) === 5;
}

/**
 * Each side's trigger waits for the row that the other side has changed: the old side waited for its row before the new side's trigger did,
 * and has it first.
 */
export async function playLockedRow({ scene, driver, worker }: Stage): Promise<Played & { readonly row: unknown }> {
  await scene.reset(ROWS);
  await finishBatches({ scene, worker });
  const steps: readonly Step[] = [
    { session: 'worker', sql: 'begin; select from people where id = 4 for update' },
    { session: 'application', sql: 'begin' },
    { session: 'application', sql: "update people set name = 'Old' where id = 4" },
    { session: 'other', sql: 'begin' },
    { session: 'other', sql: "update customers set email = 'new@x' where id = 4" },
    { session: 'worker', sql: 'commit' },
    { session: 'other', sql: 'commit' },
    { session: 'application', sql: 'commit' },
  ];
  const failures = await driver.run(
    steps,
    steps.map(({ session }) => session),
  );
  const played = await judge({ scene }, failures);
  const [row] = await scene.bench.sql('select name, email from people where id = 4');
  return { ...played, row };
}
