import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, expect, test, vi } from 'vitest';
import { program } from '../../bin/program.ts';
import { type Said, stepgate } from './test-shell.ts';

/** The first engine of a fresh clone synthesizes the stack, on a machine that may have other work. */
vi.setConfig({ testTimeout: 120_000 });

const root = mkdtempSync(join(tmpdir(), 'stepgate-help-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The examples name the shipped plan; a small one by its name answers sooner. */
const PLANS = join(root, 'plans');
cpSync('test/support/plans/shop', join(PLANS, 'lead-centric'), { recursive: true });

const silent = { out: () => {}, say: () => {}, show: () => {}, isLive: false, canAsk: false, ask: async () => '' };

/** Every verb that help shows, as the words that lead to it. */
function verbs(command: Command, path: readonly string[] = []): readonly (readonly string[])[] {
  const { commands } = command.createHelp().visibleCommands(command).length === 0 ? { commands: [] } : command;
  const shown = commands.filter((one) => command.createHelp().visibleCommands(command).includes(one));
  return commands.length === 0 ? [path] : shown.flatMap((one) => verbs(one, [...path, one.name()]));
}

const all = verbs(program({ terminal: silent, now: () => new Date(0), signal: new AbortController().signal }, () => {}));

/** The words after `stepgate` in the example, without what a shell would make of the output. */
async function exampleOf(path: readonly string[]): Promise<readonly string[]> {
  const { exitCode, out } = await stepgate([...path, '--help']);
  expect(exitCode).toBe(0);
  const [, example = ''] = /^Example: .*?stepgate ([^>)"]*)/m.exec(out) ?? [];
  return example.trim().split(' ');
}

test.each(all.map((path) => ({ verb: path.join(' '), path })))('the help of $verb ends with an example of it', async ({ path }) => {
  expect(path.length).toBeGreaterThan(0);
  expect((await exampleOf(path)).slice(0, path.length)).toEqual(path);
});

async function run(path: string, folder = 'data', onLine: (line: string) => void = () => {}, signal = new AbortController().signal): Promise<Said> {
  const words = await exampleOf(path.split(' '));
  const where = path === 'completion' ? [] : ['--plans', path === 'init' ? join(root, 'new') : PLANS, '--data', join(root, folder)];
  return stepgate([...words, ...where], { onLine, signal });
}

const MODES = ['dry-run', 'backup', 'execute', 'verify', 'report', 'status', 'rollback', 'schedule', 'local psql-url', 'check', 'init', 'completion'];
const APART = ['cleanup', 'demo', 'stop', 'local up', 'local down', 'local forward', 'local reset'];

test('every example of a verb does what it says', async () => {
  expect([...MODES, ...APART].toSorted()).toEqual(all.map((path) => path.join(' ')).toSorted());
  const down = new AbortController();
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const engine = run('local up', 'data', (line) => line.startsWith('the engine runs until') && resolve(), down.signal);
  try {
    await Promise.race([ready, engine]);
    for (const verb of MODES) expect(await run(verb), verb).toMatchObject({ exitCode: 0 });
    // Rolled back by then.
    expect(await run('cleanup')).toMatchObject({ exitCode: 2, out: expect.stringContaining('there is nothing to clean up') });
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const stopped = run('execute', 'data', (line) => line.startsWith('run ') && begin());
    await Promise.race([begun, stopped]);
    // By how far it had come.
    const { exitCode: code, out } = await run('stop');
    expect([code, out]).toEqual([expect.toSatisfy((one: number) => one === 2 || one === 3), expect.stringMatching(/^\n?(refused|rolled-back): /)]);
    expect(await stopped).toMatchObject({ exitCode: code });
  } finally {
    down.abort();
  }
  expect(await engine).toMatchObject({ exitCode: 0 });
  expect(await run('local down')).toMatchObject({ exitCode: 0, out: expect.stringContaining('no engine runs in') });
  expect(await run('local forward')).toMatchObject({ exitCode: 0 });
  expect(await run('local reset')).toMatchObject({ exitCode: 0 });
  // The example spoils a row: what it shows is the way back.
  expect(await run('demo')).toMatchObject({ exitCode: 3 });
});
