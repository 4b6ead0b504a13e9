import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { SMALL_PLAN, SMALL_SOURCE } from '../support/small-plan.ts';
import { otherPrograms, PASSWORD, type SomebodysServer, somebodysServer } from '../support/somebodys-server.ts';
import { type Said, stepgate } from './test-shell.ts';

/** The first engine of a fresh clone synthesizes the stack, on a machine that may have other work. */
vi.setConfig({ testTimeout: 120_000 });

const root = mkdtempSync(join(tmpdir(), 'stepgate-any-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PLANS = join(root, 'plans');
for (const [name, text] of Object.entries(SMALL_PLAN)) {
  mkdirSync(dirname(join(PLANS, 'small', name)), { recursive: true });
  writeFileSync(join(PLANS, 'small', name), text);
}

const nowhere = join(root, 'none');
const URL_OF_NONE = `postgres://owner:${encodeURIComponent(PASSWORD)}@127.0.0.1:1/crm`;
const COMMANDS = ['--snapshot-command', 'echo taken', '--restore-command', 'restore $STEPGATE_SNAPSHOT_ID'];

test.each([
  { args: ['execute', '--yes'], message: 'execute takes a snapshot first: give --snapshot-command and --restore-command, or say --no-snapshot' },
  { args: ['backup'], message: 'backup takes a snapshot first: give --snapshot-command and --restore-command, or say --no-snapshot' },
  { args: ['backup', '--no-snapshot'], message: 'backup takes a snapshot and nothing else' },
  { args: ['execute', '--no-snapshot', ...COMMANDS], message: '--no-snapshot and --snapshot-command exclude one another' },
  { args: ['execute', '--snapshot-command', 'dump'], message: '--snapshot-command is given alone' },
  { args: ['dry-run', '--restore-command', 'restore'], message: '--restore-command is given alone' },
  { args: ['dry-run'], message: 'owner@127.0.0.1:1/crm: nothing answers (ECONNREFUSED)' },
  { args: ['local', 'up', '--demo'], message: '--demo fills an empty database; it does not touch one of --database-url' },
])('$args on a database of one’s own is refused with one line, and nothing is made', async ({ args, message }) => {
  const { exitCode, err } = await stepgate([...args, '--plans', PLANS, '--data', nowhere, '--database-url', URL_OF_NONE]);
  expect(exitCode).toBe(1);
  expect(err).toContain(`stepgate: ${message}`);
  expect(err).not.toMatch(/s3cr/);
  expect(existsSync(nowhere)).toBe(false);
});

test.each([{ args: ['--no-snapshot'] }, { args: COMMANDS }])('$args without --database-url is refused', async ({ args }) => {
  const { exitCode, err } = await stepgate(['execute', '--yes', '--plans', PLANS, '--data', nowhere, ...args]);
  expect({ exitCode, err }).toEqual({ exitCode: 1, err: expect.stringContaining('go with --database-url') });
});

/** An engine in front of the server, until the work is done. */
async function withEngine(args: readonly string[], work: () => Promise<void>): Promise<Said> {
  const down = new AbortController();
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const onLine = (line: string) => line.startsWith('the engine runs until') && resolve();
  const engine = stepgate(['local', 'up', ...args], { signal: down.signal, onLine });
  try {
    await Promise.race([ready, engine]);
    await work();
  } finally {
    down.abort();
  }
  return engine;
}

async function succeeds(args: readonly string[]): Promise<Said> {
  const said = await stepgate(args);
  expect(said, args.join(' ')).toMatchObject({ exitCode: 0 });
  return said;
}

/** What the plan changes and what it must leave alone, as PostgreSQL tells it. */
async function stateOf(server: SomebodysServer): Promise<readonly unknown[]> {
  return server.sql(`select (select md5(string_agg(p::text, '' order by id)) from people p) as people,
    (select string_agg(relname, ' ' order by relname) from pg_class where relnamespace = 'public'::regnamespace) as relations`);
}

function filesBelow(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return names.filter((name) => statSync(name).isFile());
}

test('a plain role’s database is migrated and rolled back by its URL, with a snapshot by command, and no password in any file', async () => {
  const server = await somebodysServer();
  try {
    await server.sql(SMALL_SOURCE);
    const before = await stateOf(server);
    const data = join(root, 'embedded');
    const at = ['--plans', PLANS, '--data', data, '--database-url', server.url];
    const up = await withEngine([...at, ...COMMANDS], async () => {
      const executed = await succeeds(['execute', '--yes', ...at, ...COMMANDS]);
      expect(executed.out).toMatch(/backup +PASSED +snapshot stepgate-small-execute/);
      expect(readFileSync(join(data, 'rds', 'snapshots', `${/snapshot (stepgate-\S+),/.exec(executed.out)?.[1]}.log`), 'utf8')).toBe('taken\n');
      expect((await succeeds(['report', ...at])).out).toContain('Restored by\n\n```sh\nrestore $STEPGATE_SNAPSHOT_ID');
      const goBack = /npx stepgate rollback small --database-url postgres:\/\/app_owner@\S+ --data \S+ --plans \S+\n/;
      expect(executed.out).toMatch(goBack);
      expect((await succeeds(['report', ...at])).out).toMatch(goBack);
      const other = await stepgate(['verify', ...at.slice(0, -1), server.url.replace(/[^/]*$/, 'postgres')]);
      expect(other).toMatchObject({ exitCode: 1, err: expect.stringMatching(/works on app_owner@.*, not on app_owner@.*\/postgres; name another/) });
      const without = await stepgate(['execute', '--yes', '--no-snapshot', ...at]);
      expect(without).toMatchObject({ exitCode: 1, err: expect.stringContaining('was started with another word on snapshots') });

      await succeeds(['rollback', '--yes', ...at]);
      for (const file of filesBelow(data)) {
        const text = readFileSync(file, 'utf8');
        for (const secret of [PASSWORD, encodeURIComponent(PASSWORD)]) expect(text.includes(secret), file).toBe(false);
      }
    });
    expect(up.out + up.err).not.toMatch(/s3cr/);
    expect(await stateOf(server)).toEqual(before);

    const asked = await stepgate(['execute', '--no-snapshot', ...at], { answer: 'no' });
    expect(asked).toMatchObject({ exitCode: 1, err: expect.stringContaining('NO SNAPSHOT will be taken: --no-snapshot') });
    const tried = await succeeds(['dry-run', '--no-snapshot', ...at]);
    expect(tried.err).toContain('WARN snapshot: no snapshot is taken before the first change, because the operator said so');
    const local = await stepgate(['verify', '--plans', PLANS, '--data', data]);
    expect(local).toMatchObject({ exitCode: 1, err: expect.stringContaining("choose another folder, or give that database's URL") });
  } finally {
    await server.stop();
  }
});

test('a plan that init wrote is checked, executed, verified and rolled back on a database of one’s own', async () => {
  // PostgreSQL 15 where Debian brings it.
  const server = await somebodysServer(otherPrograms()[0]);
  try {
    await server.sql(SMALL_SOURCE);
    const before = await stateOf(server);
    const plans = join(root, 'begun');
    await succeeds(['init', 'new-books', '--plans', plans]);
    await succeeds(['check', 'new-books', '--plans', plans]);
    const at = ['--plans', plans, '--data', join(root, 'begun-data'), '--database-url', server.url];
    await withEngine([...at, '--no-snapshot'], async () => {
      expect((await succeeds(['execute', '--yes', '--no-snapshot', ...at])).out).toMatch(/^\nmigrated: new-books /m);
      expect(await server.sql("select relname from pg_class where relname ~ '^new_books' order by 1")).toMatchObject([
        { relname: 'new_books_items' },
        { relname: 'new_books_items_label' },
        { relname: 'new_books_items_pkey' },
      ]);
      await succeeds(['verify', ...at]);
      expect((await succeeds(['rollback', '--yes', ...at])).out).toMatch(/^\nrolled-back: new-books /m);
    });
    expect(await stateOf(server)).toEqual(before);
  } finally {
    await server.stop();
  }
});

const others = otherPrograms();
if (others.length === 0) test.skip('another version: there is no /usr/lib/postgresql/15/bin, and STEPGATE_TEST_POSTGRES names no folder');

test.each(others)('the programs in %s: migrated, verified, rolled back and as before', async (programs) => {
  const server = await somebodysServer(programs);
  try {
    await server.sql(SMALL_SOURCE);
    const before = await stateOf(server);
    const at = ['--plans', PLANS, '--data', join(root, server.name), '--database-url', server.url];
    await withEngine([...at, '--no-snapshot'], async () => {
      const executed = await succeeds(['execute', '--yes', '--no-snapshot', '--json', ...at]);
      expect(JSON.parse(executed.out).report).toMatchObject({ totals: { rowsMoved: 1000, differences: 0 }, snapshot: { status: 'none' } });
      await succeeds(['verify', ...at]);
      await succeeds(['rollback', '--yes', ...at]);
    });
    expect(await stateOf(server)).toEqual(before);
  } finally {
    await server.stop();
  }
});
