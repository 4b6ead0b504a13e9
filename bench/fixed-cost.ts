import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Figure, figure, type Result, ratios, type Size, timeMs } from './figure.ts';
import { type ObtainedTools, obtainTools } from './obtain-tools.ts';
import { runExecution } from './run-execution.ts';
import type { PlanFiles, Stage } from './stage.ts';
import { openTool, type ToolRounds } from './tool-round.ts';

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
  const tables = tableNames(`round_${round}`);
  return {
    'plan.yaml': 'title: Twenty statements\nphases:\n  - { id: schema }\n',
    '1-schema/up.sql': creating(tables),
    '1-schema/undo.sql': dropping(tables),
  };
}

function tableNames(prefix: string): readonly string[] {
  return Array.from({ length: STATEMENTS }, (_, index) => `${prefix}_table_${index}`);
}

function creating(tables: readonly string[]): string {
  return tables.map((table) => `create table ${table} (id bigint primary key);\n`).join('');
}

function dropping(tables: readonly string[]): string {
  return tables.map((table) => `drop table ${table};\n`).join('');
}

interface Round {
  readonly execute: number;
  readonly nothing: number;
  readonly nothingInEngine: number;
  /** By a tool's name: what the same takes with it. */
  readonly others: ReadonlyMap<string, { readonly migration: number; readonly nothing: number }>;
}

/** What a run costs that has next to nothing to do, by the whole command line beside those of other tools. */
export async function measureFixedCost(
  stage: Stage,
  { rounds }: Pick<Size, 'rounds'>,
  obtain: () => Promise<ObtainedTools> = () => obtainTools({ offline: false }),
): Promise<Result> {
  await stage.empty();
  // An empty database would be filled with demo data first.
  await stage.sql('create table something (id bigint primary key)');
  const { tools, missing } = await obtain();
  const hasPsql = await psql(stage, ['-c', 'select 1']).then(
    () => true,
    () => false,
  );
  const opened = await Promise.all(tools.map((tool) => openTool(tool, stage.engine.psqlUrl)));
  const found: Round[] = [];
  try {
    const others = [...(hasPsql ? [psqlRounds(stage)] : []), ...opened];
    for (let round = 0; round < rounds; round += 1) found.push(await measureRound(stage, round, others));
  } finally {
    await Promise.all(opened.map((tool) => tool.close()));
  }
  return {
    name: 'fixed-cost',
    about: `${STATEMENTS} \`create table\` statements by \`stepgate execute\` as a process of its own on a running local engine (gates, snapshot, baseline, \
the phase's transaction, checks, report), then the same again, which has nothing to do; beside the same by tools that run a file's statements in a \
transaction and do nothing else, each by its own command on the same database. psql keeps no record: its nothing to do is a \`select 1\`. The others are \
installed for this in the versions of bench/compared/package.json, and by nothing else; sqitch is Debian's.`,
    figures: figuresOf(found),
    skipped: [...(hasPsql ? [] : ['psql: there is none on this machine']), ...missing],
  };
}

function figuresOf(found: readonly Round[]): readonly Figure[] {
  const execute = found.map((round) => round.execute);
  const nothing = found.map((round) => round.nothing);
  const names = [...(found[0]?.others.keys() ?? [])];
  const others = names.map((name) => ({ name, rounds: found.flatMap((round) => round.others.get(name) ?? []) }));
  return [
    figure({ name: 'stepgate execute, nothing to do', unit: 'ms', goal: GOAL }, nothing),
    figure(
      { name: 'of which the execution itself, functions warm', unit: 'ms' },
      found.map((round) => round.nothingInEngine),
    ),
    ...others.map(({ name, rounds }) =>
      figure(
        { name: `${name}, nothing to do`, unit: 'ms' },
        rounds.map((round) => round.nothing),
      ),
    ),
    ...others.map(({ name, rounds }) =>
      figure(
        { name: `nothing to do, execute to ${name}`, unit: 'ratio' },
        ratios(
          nothing,
          rounds.map((round) => round.nothing),
        ),
      ),
    ),
    figure({ name: `stepgate execute, ${STATEMENTS} statements`, unit: 'ms' }, execute),
    ...others.map(({ name, rounds }) =>
      figure(
        { name: `${name}, ${STATEMENTS} statements`, unit: 'ms' },
        rounds.map((round) => round.migration),
      ),
    ),
    ...others.map(({ name, rounds }) =>
      figure(
        { name: `${STATEMENTS} statements, execute to ${name}`, unit: 'ratio' },
        ratios(
          execute,
          rounds.map((round) => round.migration),
        ),
      ),
    ),
  ];
}

/** The others stand between the two runs of ours, so that what disturbs one disturbs all. */
async function measureRound(stage: Stage, round: number, tools: readonly Pick<ToolRounds, 'name' | 'measure'>[]): Promise<Round> {
  const plan = planId(round);
  const execute = await timeMs(() => runExecute(stage, plan));
  const others = new Map<string, { readonly migration: number; readonly nothing: number }>();
  for (const { name, measure } of tools) {
    const tables = tableNames(`${name.replaceAll('-', '_')}_${round}`);
    others.set(name, await measure(creating(tables)));
    // Our next run would measure them, too: it proves that what it does not change is as before.
    await stage.sql(dropping(tables));
  }
  return { execute, others, nothing: await timeMs(() => runExecute(stage, plan)), nothingInEngine: await runExecution(stage, plan) };
}

function psqlRounds(stage: Stage): Pick<ToolRounds, 'name' | 'measure'> {
  const file = join(stage.folder, 'psql.sql');
  return {
    name: 'psql',
    measure: async (sql) => {
      await writeFile(file, sql);
      return {
        migration: await timeMs(() => psql(stage, ['--single-transaction', '-f', file])),
        nothing: await timeMs(() => psql(stage, ['-c', 'select 1'])),
      };
    },
  };
}

const run = promisify(execFile);

async function psql({ engine }: Stage, args: readonly string[]): Promise<void> {
  await run('psql', ['--no-psqlrc', '--quiet', '-v', 'ON_ERROR_STOP=1', '-d', engine.psqlUrl, ...args]);
}

/** Any exit code but 0 throws. */
async function runExecute({ folder, plansFolder }: Stage, plan: string): Promise<void> {
  const cli = join(import.meta.dirname, '..', 'bin', 'stepgate.mjs');
  await run(process.execPath, [cli, 'execute', plan, '--yes', '--plans', plansFolder, '--data', folder]);
}
