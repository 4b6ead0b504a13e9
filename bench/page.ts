import { availableParallelism, totalmem } from 'node:os';
import { type Figure, isMissed, type Result } from './figure.ts';
import type { Stage } from './stage.ts';

/** What the numbers depend on. */
export interface Machine {
  readonly cores: number;
  readonly memoryGb: number;
  readonly postgres: string;
  readonly node: string;
}

export async function describeMachine(stage: Stage): Promise<Machine> {
  const [found] = await stage.sql<{ version: string }>("select split_part(current_setting('server_version'), ' ', 1) as version");
  return {
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    postgres: found?.version ?? 'unknown',
    node: process.versions.node,
  };
}

/** docs/performance.md. */
export function page(machine: Machine, rounds: number, results: readonly Result[]): string {
  return [
    '# Performance',
    '',
    `Written by \`npm run bench\` from what it measured: medians of ${rounds}, the things compared taking turns within one run. Times depend on the machine`,
    'and on what else it does; **the ratios are what matters**. `npm run bench -- --json` prints the same for programs, `--only NAME` measures one part,',
    '`--rows N` copies fewer rows. Why a goal is missed, and what the limit is: [missed-goals.md](missed-goals.md).',
    '',
    `Machine: ${machine.cores} cores, ${machine.memoryGb} GB of memory, Node ${machine.node}, PostgreSQL ${machine.postgres} of the local engine (fsync and`,
    'full_page_writes off, shared with the engine and the client). Nothing here was measured in AWS.',
    '',
    ...results.flatMap((result) => [`## ${result.name}`, '', result.about, '', ...markdownTable(result), '']),
  ].join('\n');
}

function markdownTable({ figures, skipped }: Result): readonly string[] {
  const rows = figures.map((figure) => `| ${figure.name} | ${shown(figure, figure.median)} | ${range(figure)} | ${goal(figure)} |`);
  return ['| what | median | lowest to highest | goal |', '|---|--:|--:|---|', ...rows, ...skipped.flatMap((line) => ['', `Not measured: ${line}.`])];
}

/** For a terminal: a line a figure, in columns. */
export function textTable(results: readonly Result[]): string {
  const width = Math.max(...results.flatMap(({ figures }) => figures.map(({ name }) => name.length)));
  return results
    .flatMap(({ name, figures, skipped }) => [
      name,
      ...figures.map((figure) =>
        `  ${figure.name.padEnd(width)}  ${shown(figure, figure.median).padStart(12)}  ${range(figure).padStart(22)}  ${goal(figure)}`.trimEnd(),
      ),
      ...skipped.map((line) => `  not measured: ${line}`),
    ])
    .join('\n');
}

function range(figure: Figure): string {
  return `${number(figure, figure.lowest)} to ${number(figure, figure.highest)}`;
}

function goal(figure: Figure): string {
  if (figure.goal === undefined) return '';
  return `${figure.goal.kind} ${shown(figure, figure.goal.value)}: ${isMissed(figure) ? 'missed' : 'met'}`;
}

function shown(figure: Figure, value: number): string {
  return figure.unit === 'ratio' || figure.unit === 'count' ? number(figure, value) : `${number(figure, value)} ${figure.unit}`;
}

function number({ unit }: Figure, value: number): string {
  const digits = unit === 'count' ? 0 : unit === 'ratio' ? 2 : value < 10 ? 1 : 0;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
