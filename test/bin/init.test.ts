import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { stepgate } from './test-shell.ts';

/** The first engine of a fresh clone synthesizes the stack, on a machine that may have other work. */
vi.setConfig({ testTimeout: 120_000 });

const root = mkdtempSync(join(tmpdir(), 'stepgate-init-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a plan that init wrote compiles as it is, without an accepted hazard', async () => {
  const made = await stepgate(['init', 'new-books', '--plans', root, '--json']);
  expect(made.exitCode).toBe(0);
  const { folder, files } = JSON.parse(made.out);
  expect(readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())).toHaveLength(files.length);
  const { exitCode, out } = await stepgate(['check', 'new-books', '--plans', root, '--json']);
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject([{ plan: 'new-books', compiles: true, accepted: [] }]);
});

test('a second init of the same name is refused, and what is there stays', async () => {
  await stepgate(['init', 'kept', '--plans', root]);
  const before = readFileSync(join(root, 'kept', 'plan.yaml'), 'utf8');
  expect(await stepgate(['init', 'kept', '--plans', root])).toMatchObject({ exitCode: 1, err: expect.stringContaining('is there already') });
  expect(readFileSync(join(root, 'kept', 'plan.yaml'), 'utf8')).toBe(before);
});

test('the schema of plan.yaml is named where it lies beside the plans only', async () => {
  await stepgate(['init', 'elsewhere', '--plans', root]);
  expect(readFileSync(join(root, 'elsewhere', 'plan.yaml'), 'utf8')).toMatch(/^title: /);
});

test('a plan that init wrote runs, forward and back', async () => {
  const at = ['--plans', join(root, 'tried'), '--data', join(root, 'data')];
  await stepgate(['init', 'tried-once', '--plans', join(root, 'tried')]);
  const down = new AbortController();
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const engine = stepgate(['local', 'up', '--demo', ...at], {
    signal: down.signal,
    onLine: (line) => line.startsWith('the engine runs until') && resolve(),
  });
  try {
    await Promise.race([ready, engine]);
    for (const words of [['dry-run'], ['execute', '--yes'], ['verify'], ['rollback', '--yes']])
      expect(await stepgate([...words, ...at]), words.join(' ')).toMatchObject({ exitCode: 0 });
  } finally {
    down.abort();
  }
  await engine;
});
