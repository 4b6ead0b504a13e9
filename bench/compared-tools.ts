import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { PlanFiles } from './stage.ts';

/** A migration tool that somebody might use instead. */
export interface ComparedTool {
  readonly name: string;
  /** Its folder with these migrations in their order, each a text of SQL. */
  files(migrations: readonly string[]): PlanFiles;
  /** What brings a database up to date, in that folder. */
  command(place: ToolPlace): readonly [string, ...string[]];
  /** What it needs in its environment beside DATABASE_URL. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ToolPlace {
  /** Where npm installed the tools. */
  readonly bin: string;
  readonly databaseUrl: string;
}

/** With an npm package of its own; each runs a migration in one transaction unless told otherwise. */
export const NPM_TOOLS: readonly ComparedTool[] = [
  {
    name: 'node-pg-migrate',
    files: (migrations) => byName(migrations, (sql, name) => [`migrations/${name}.sql`, `-- Up Migration\n${sql}`]),
    command: ({ bin }) => [process.execPath, join(bin, 'node-pg-migrate'), 'up'],
  },
  {
    name: 'graphile-migrate',
    files: (migrations) => ({ '.gmrc': '{}', 'migrations/current.sql': '', ...graphileCommits(migrations) }),
    command: ({ bin }) => [process.execPath, join(bin, 'graphile-migrate'), 'migrate'],
  },
  {
    name: 'knex',
    files: (migrations) => ({
      'knexfile.cjs': "module.exports = { client: 'pg', connection: process.env.DATABASE_URL };\n",
      ...byName(migrations, (sql, name) => [
        `migrations/${name}.cjs`,
        `exports.up = (knex) => knex.raw(${JSON.stringify(sql)});\nexports.down = () => {};\n`,
      ]),
    }),
    command: ({ bin }) => [process.execPath, join(bin, 'knex'), 'migrate:latest', '--knexfile', 'knexfile.cjs'],
  },
  {
    name: 'drizzle-kit',
    files: (migrations) => ({
      'drizzle.config.ts': "export default { dialect: 'postgresql', out: './drizzle', dbCredentials: { url: process.env.DATABASE_URL } };\n",
      'drizzle/meta/_journal.json': drizzleJournal(migrations.length),
      ...byName(migrations, (sql, name) => [`drizzle/${name}.sql`, sql]),
    }),
    command: ({ bin }) => [process.execPath, join(bin, 'drizzle-kit'), 'migrate'],
  },
];

/** No package of npm's: Debian has it. */
export const SQITCH: ComparedTool = {
  name: 'sqitch',
  files: (migrations) => ({
    'sqitch.conf': '[core]\n\tengine = pg\n',
    'sqitch.plan': [
      '%syntax-version=1.0.0\n%project=bench\n',
      ...migrations.map((_, index) => `${nameOf(index)} ${timeOf(index).toISOString().slice(0, 19)}Z Bench <bench@example.com> # tables`),
      '',
    ].join('\n'),
    ...byName(migrations, (sql, name) => [`deploy/${name}.sql`, `begin;\n${sql}commit;\n`]),
  }),
  command: ({ databaseUrl }) => ['sqitch', 'deploy', databaseUrl.replace(/^postgres(ql)?:/, 'db:pg:')],
  environment: { SQITCH_FULLNAME: 'Bench', SQITCH_EMAIL: 'bench@example.com' },
};

function byName(migrations: readonly string[], file: (sql: string, name: string) => readonly [string, string]): PlanFiles {
  return Object.fromEntries(migrations.map((sql, index) => file(sql, nameOf(index))));
}

/** Tools order by name, some by a number in front. */
function nameOf(index: number): string {
  return `${String(index + 1).padStart(6, '0')}_tables`;
}

function timeOf(index: number): Date {
  return new Date(Date.UTC(2026, 0, 1, 0, index));
}

/** Each names the one before it by its hash, as `graphile-migrate commit` writes it. */
function graphileCommits(migrations: readonly string[]): PlanFiles {
  const files: Record<string, string> = {};
  let previous = '';
  for (const [index, sql] of migrations.entries()) {
    const hash = `sha1:${createHash('sha1')
      .update(`${`${previous}\n${sql.trim()}`.trim()}\n`)
      .digest('hex')}`;
    files[`migrations/committed/${String(index + 1).padStart(6, '0')}.sql`] = `--! Previous: ${previous || '-'}\n--! Hash: ${hash}\n\n${sql}`;
    previous = hash;
  }
  return files;
}

function drizzleJournal(migrations: number): string {
  const entries = Array.from({ length: migrations }, (_, idx) => ({
    ...{ idx, version: '7', when: timeOf(idx).getTime(), tag: nameOf(idx), breakpoints: false },
  }));
  return JSON.stringify({ version: '7', dialect: 'postgresql', entries });
}
