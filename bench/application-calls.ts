import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CallFigures } from '../bin/live-crm/call-log.ts';
import { paceClock } from '../bin/live-crm/paced-clock.ts';
import { figure, type Result, type Size } from './figure.ts';
import { type Application, startApplication } from './live/application.ts';
import { runExecution } from './run-execution.ts';
import type { Stage } from './stage.ts';

const PLAN = 'lead-centric';

/** The run gives a lock up after this long (ledger/functions/enter.sql). */
const LOCK_TIMEOUT_MS = 200;
const SLACK_MS = 10;

const CALLS_PER_SECOND = 200;
const SMALL_CALLS_PER_SECOND = 40;

/** The control run lasts about as long as the other. */
const CONTROL_MS = 20_000;
const SMALL_CONTROL_MS = 500;

/** The application works so long at each stop between migration and rollback. */
const STOP_MS = 2_000;
const SMALL_STOP_MS = 300;

interface Round {
  readonly control: CallFigures;
  readonly live: CallFigures;
  readonly lost: number;
  readonly runsMs: number;
}

/** What a live application feels of a whole migration and its rollback, beside a control run without any. */
export async function measureApplication(stage: Stage, { rounds, rows }: Size): Promise<Result> {
  const found: Round[] = [];
  for (let round = 0; round < rounds; round += 1) found.push(await measureRound(stage, { round, rows }));
  const of = (value: (round: Round) => number) => found.map(value);
  const goal = (most: number) => (rows === null ? { goal: { kind: 'at most', value: most } as const } : {});
  return {
    name: 'application',
    about: `A CRM client in a process of its own, with 8 connections, ${rows === null ? CALLS_PER_SECOND : SMALL_CALLS_PER_SECOND} calls a second, one transaction each, at READ COMMITTED and \
REPEATABLE READ: first alone, then through a whole \`execute\` of ${PLAN}, the cutover, and a \`rollback\`. It works on the old side, then on both, on the \
new one, and on the old one again. A call counts from its wait for a connection to its commit.`,
    figures: [
      figure({ name: 'longest call above the control run’s', unit: 'ms', ...goal(LOCK_TIMEOUT_MS + SLACK_MS) }, of(aboveControl)),
      figure({ name: 'p99 to the larger of twice the control run’s and 10 ms above it', unit: 'ratio', ...goal(1) }, of(p99ToAllowed)),
      figure(
        { name: 'failed calls that the control run lacks', unit: 'count', ...goal(0) },
        of(({ live, control }) => Math.max(0, live.failed - control.failed)),
      ),
      figure(
        { name: 'lost writes', unit: 'count', ...goal(0) },
        of(({ lost }) => lost),
      ),
      ...(['p50Ms', 'p99Ms', 'maxMs'] as const).flatMap((name) => [
        figure(
          { name: `${NAMES[name]}, control run`, unit: 'ms' },
          of(({ control }) => control[name]),
        ),
        figure(
          { name: `${NAMES[name]}, migration and rollback`, unit: 'ms' },
          of(({ live }) => live[name]),
        ),
      ]),
      figure(
        { name: 'calls, migration and rollback', unit: 'count' },
        of(({ live }) => live.calls),
      ),
      figure(
        { name: 'transactions that began again, control run', unit: 'count' },
        of(({ control }) => control.retries),
      ),
      figure(
        { name: 'transactions that began again, migration and rollback', unit: 'count' },
        of(({ live }) => live.retries),
      ),
      figure(
        { name: 'migration and rollback', unit: 'ms' },
        of(({ runsMs }) => runsMs),
      ),
    ],
    skipped: found.flatMap(({ live }) => live.failures.map((line) => `a call that failed: ${line}`)),
  };
}

const NAMES = { p50Ms: 'median call', p99Ms: 'p99 of calls', maxMs: 'longest call' } as const;

function aboveControl({ live, control }: Round): number {
  return Math.max(0.1, live.maxMs - control.maxMs);
}

function p99ToAllowed({ live, control }: Round): number {
  return live.p99Ms / Math.max(2 * control.p99Ms, control.p99Ms + SLACK_MS);
}

async function measureRound(stage: Stage, { round, rows }: { readonly round: number; readonly rows: number | null }): Promise<Round> {
  await fill(stage, rows);
  const callsPerSecond = rows === null ? CALLS_PER_SECOND : SMALL_CALLS_PER_SECOND;
  const alone = await startApplication(stage.engine.psqlUrl, { seed: 2 * round, callsPerSecond });
  await delay(rows === null ? CONTROL_MS : SMALL_CONTROL_MS);
  await alone.stop();
  const control = await alone.figures();
  alone.close();
  const application = await startApplication(stage.engine.psqlUrl, { seed: 2 * round + 1, callsPerSecond });
  try {
    return { control, ...(await liveRound(stage, application, rows === null ? STOP_MS : SMALL_STOP_MS)) };
  } finally {
    application.close();
  }
}

async function liveRound(stage: Stage, application: Application, stopMs: number): Promise<Omit<Round, 'control'>> {
  const endPace = paceClock(stage.engine.clock);
  try {
    return await workThrough(stage, application, stopMs);
  } finally {
    endPace();
  }
}

async function workThrough(stage: Stage, application: Application, stopMs: number): Promise<Omit<Round, 'control'>> {
  const forward = await runExecution(stage, PLAN);
  await application.use('both');
  await delay(stopMs);
  await application.use('new');
  await delay(stopMs);
  await application.use('old');
  const back = await runExecution(stage, PLAN, 'rollback');
  await application.stop();
  const lost = (await application.lost('old')).length;
  return { live: await application.figures(), lost, runsMs: forward + back };
}

/** The plan's demo database, with its own number of contacts or with another. */
async function fill(stage: Stage, rows: number | null): Promise<void> {
  const folder = join(stage.plan(PLAN).folder, 'demo');
  await stage.empty();
  await stage.sql(await readFile(join(folder, 'source.sql'), 'utf8'));
  await stage.sql(`select set_config('gen.contacts', '${rows ?? ''}', false)`);
  await stage.sql(await readFile(join(folder, 'generate.sql'), 'utf8'));
}
