import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { Report } from '../../core/run/report.ts';
import { type Said, stepgate } from './test-shell.ts';

/** The first engine of a fresh clone synthesizes the stack, on a machine that may have other work. */
vi.setConfig({ testTimeout: 120_000 });

const PLANS = 'test/support/plans';
const root = mkdtempSync(join(tmpdir(), 'stepgate-bin-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Options that end each command line. */
const at = (folder: string) => ['--plans', PLANS, '--data', join(root, folder)];

/** Runs `local up` until `end`. */
async function engineUp(folder: string): Promise<{ end(): Promise<Said> }> {
  const down = new AbortController();
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const engine = stepgate(['local', 'up', ...at(folder)], {
    signal: down.signal,
    onLine: (line) => line.startsWith('the engine runs until') && resolve(),
  });
  await Promise.race([ready, engine]);
  return {
    end() {
      down.abort();
      return engine;
    },
  };
}

test('the verbs work one after another on one database that the first of them fills', async () => {
  const engine = await engineUp('verbs');
  const dryRun = await stepgate(['dry-run', ...at('verbs')]);
  expect(dryRun.err).toContain('the database was empty; filled it with the demo data of plan shop');
  expect(dryRun).toMatchObject({ exitCode: 0, out: expect.stringContaining('passed: dry-run of shop passed') });

  const executed = await stepgate(['execute', '--yes', '--json', ...at('verbs')]);
  expect(executed.exitCode).toBe(0);
  const { report, outcome, page } = JSON.parse(executed.out);
  expect(outcome).toBe('migrated');
  expect(Report.parse(report).totals).toMatchObject({ rowsMoved: 20, differences: 0 });

  const printed = await stepgate(['report', ...at('verbs')]);
  expect(printed.out).toMatch(/^# shop: migrated\n/);
  rmSync(page);
  expect(await stepgate(['report', ...at('verbs')])).toEqual(printed);

  expect((await stepgate(['verify', ...at('verbs')])).exitCode).toBe(0);
  const rolledBack = await stepgate(['rollback', '--yes', ...at('verbs')]);
  expect(rolledBack).toMatchObject({ exitCode: 0, out: expect.stringContaining('rolled-back: shop is rolled back: the database is as before') });
  expect((await stepgate(['status', ...at('verbs')])).out).toMatch(/^run shop-rollback-/);
  expect((await engine.end()).exitCode).toBe(0);
});

test('an engine that runs is not taken away, and goes on with a run whose terminal is gone', async () => {
  const engine = await engineUp('attached');
  expect(await stepgate(['local', 'psql-url', ...at('attached')])).toMatchObject({
    exitCode: 0,
    out: expect.stringMatching(/^postgres:\/\/migrator:/),
  });
  expect((await stepgate(['local', 'up', ...at('attached')])).err).toMatch(/^stepgate: an engine runs in .* already/);
  expect((await stepgate(['local', 'reset', ...at('attached')])).err).toMatch(/^stepgate: .* cannot be emptied: .* is in use/);

  const interruption = new AbortController();
  const onLine = (line: string) => line.startsWith('pre-flight') && interruption.abort();
  const interrupted = await stepgate(['backup', ...at('attached')], { onLine, signal: interruption.signal });
  expect(interrupted).toMatchObject({
    exitCode: 130,
    err: expect.stringMatching(/run shop-backup-\S+ goes on in the engine\n +npx stepgate status --follow --run shop-backup-/),
  });

  expect((await engine.end()).exitCode).toBe(0);
  expect((await stepgate(['local', 'reset', ...at('attached')])).exitCode).toBe(0);
});

test('a schedule is made with the digest of the plan, named, and deleted', async () => {
  const time = ['--at', '2099-12-01T22:00', '--zone', 'Europe/Berlin', '--mode', 'execute'];
  const made = await stepgate(['schedule', ...time, ...at('attached')]);
  expect(made.out).toMatch(/^execute-shop-20991201T2200: execute of shop at 2099-12-01T22:00 in Europe\/Berlin, digest [0-9a-f]{12}/);
  expect(made.err).toContain('keep "stepgate local up" running until then');
  expect((await stepgate(['schedule', ...time, ...at('attached')])).err).toMatch(/^stepgate: .*already exists/);
  expect((await stepgate(['schedule', '--list', ...at('attached')])).out).toBe('execute-shop-20991201T2200');
  expect((await stepgate(['schedule', '--delete', 'execute-shop-20991201T2200', ...at('attached')])).exitCode).toBe(0);
  expect((await stepgate(['schedule', '--delete', 'execute-shop-20991201T2200', ...at('attached')])).err).toMatch(
    /^stepgate: there is no schedule "execute-shop-20991201T2200"; "stepgate schedule --list" names those that there are$/,
  );
});

test.each([
  { phase: 'schema', found: 'public.products already holds rows' },
  { phase: 'indexes', found: '1 different of 20 rows' },
])('a row that is spoiled from outside after phase $phase is found, and the run goes back', async ({ phase, found }) => {
  const { exitCode, err, out } = await stepgate(['demo', '--fail', phase, ...at(`demo-${phase}`)]);
  expect(exitCode).toBe(3);
  expect(err).toContain('! from outside: ');
  expect(out).toContain(found);
  expect(err).toContain('checked apart from the run: the table holds the same rows as before, and no other is left');
});

test('an interrupted run is stopped with exit code 130, and the next one goes on from what is committed', async () => {
  const interruption = new AbortController();
  const onLine = (line: string) => line.startsWith('phase copy') && interruption.abort();
  const interrupted = await stepgate(['execute', '--yes', ...at('interrupted')], { onLine, signal: interruption.signal });
  expect(interrupted.exitCode).toBe(130);
  expect(interrupted.err).toMatch(
    /interrupted; run shop-execute-\S+ is stopped\. Its ledger keeps what is committed: npx stepgate execute shop --data \S+ --plans /,
  );
  expect((await stepgate(['execute', '--yes', ...at('interrupted')])).exitCode).toBe(0);
});
