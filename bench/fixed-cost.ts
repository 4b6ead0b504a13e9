import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Figure, figure, type Result, ratios, type Size, timeMs } from './figure.ts';
import { runExecution } from './run-execution.ts';
import type { PlanFiles, Stage } from './stage.ts';

const STATEMENTS = 20;

/** Nothing to do on a running engine is said at once. */
const GOAL = { kind: 'at most', value: 1_000 } as const;

/** A plan a round, since a migrated one has nothing to do. */
export function fixedPlans(rounds: number): Readonly<Record<string, PlanFiles>> {
  return Object.fromEntries(Array.from({ length: rounds }, (_, round) => [planId(round), fixedPlan(round)]));
}

function planId(round: number): string {
  return `twenty-statements-${round}`;
}

function fixedPlan(round: number): PlanFiles {
  const tables = Array.from({ length: STATEMENTS }, (_, index) => `round_${round}_table_${index}`);
  return {
    'plan.yaml': 'title: Twenty statements\nphases:\n  - { id: schema }\n',
    '1-schema/up.sql': tables.map((table) => `create table ${table} (id bigint primary key);\n`).join(''),
    '1-schema/undo.sql': tables.map((table) => `drop table ${table};\n`).join(''),
  };
}

interface Round {
  readonly psqlFile: number;
  readonly psqlNothing: number;
  readonly execute: number;
  readonly nothing: number;
  readonly nothingInEngine: number;
}

/** What a run costs that has next to nothing to do, by the whole command line beside psql's. */
export async function measureFixedCost(stage: Stage, { rounds }: Pick<Size, 'rounds'>): Promise<Result> {
  await stage.empty();
  // An empty database would be filled with demo data first.
  await stage.sql('create table something (id bigint primary key)');
  const hasPsql = await psql(stage, ['-c', 'select 1']).then(
    () => true,
    () => false,
  );
  const found: Round[] = [];
  for (let round = 0; round < rounds; round += 1) found.push(await measureRound(stage, planId(round), hasPsql));
  const samples = (name: keyof Round) => found.map((round) => round[name]);
  return {
    name: 'fixed-cost',
    about: `${STATEMENTS} \`create table\` statements by \`stepgate execute\` as a process of its own on a running local engine (gates, snapshot, baseline, \
the phase's transaction, checks, report), then the same again, which has nothing to do; beside \`psql --single-transaction\` with the same file.`,
    figures: [
      figure({ name: 'stepgate execute, nothing to do', unit: 'ms', goal: GOAL }, samples('nothing')),
      figure({ name: 'of which the execution itself, functions warm', unit: 'ms' }, samples('nothingInEngine')),
      figure({ name: `stepgate execute, ${STATEMENTS} statements`, unit: 'ms' }, samples('execute')),
      ...(hasPsql ? psqlFigures(samples) : []),
    ],
    skipped: hasPsql ? [] : ['psql: there is none on this machine'],
  };
}

function psqlFigures(samples: (name: keyof Round) => readonly number[]): readonly Figure[] {
  return [
    figure({ name: `psql, ${STATEMENTS} statements`, unit: 'ms' }, samples('psqlFile')),
    figure({ name: 'psql, select 1', unit: 'ms' }, samples('psqlNothing')),
    figure({ name: `${STATEMENTS} statements, execute to psql`, unit: 'ratio' }, ratios(samples('execute'), samples('psqlFile'))),
  ];
}

async function measureRound(stage: Stage, plan: string, hasPsql: boolean): Promise<Round> {
  const file = (name: string) => join(stage.plansFolder, plan, '1-schema', name);
  const byPsql = (args: readonly string[]) => (hasPsql ? timeMs(() => psql(stage, args)) : Number.NaN);
  const psqlFile = await byPsql(['--single-transaction', '-f', file('up.sql')]);
  if (hasPsql) await psql(stage, ['-f', file('undo.sql')]);
  return {
    psqlFile,
    execute: await timeMs(() => execute(stage, plan)),
    psqlNothing: await byPsql(['-c', 'select 1']),
    nothing: await timeMs(() => execute(stage, plan)),
    nothingInEngine: await runExecution(stage, plan),
  };
}

const run = promisify(execFile);

async function psql({ engine }: Stage, args: readonly string[]): Promise<void> {
  await run('psql', ['--no-psqlrc', '--quiet', '-v', 'ON_ERROR_STOP=1', '-d', engine.psqlUrl, ...args]);
}

/** Any exit code but 0 throws. */
async function execute({ folder, plansFolder }: Stage, plan: string): Promise<void> {
  const cli = join(import.meta.dirname, '..', 'bin', 'stepgate.mjs');
  await run(process.execPath, [cli, 'execute', plan, '--yes', '--plans', plansFolder, '--data', folder]);
}
