import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { chooseRun } from '../../bin/chosen-run.ts';
import { localArchive } from '../../bin/run-archive.ts';
import { PlanId, RunId } from '../../core/ids.ts';
import type { JournalEntry } from '../../core/run/journal.ts';
import * as example from '../core/run/journal-example.ts';
import { stepgate } from './test-shell.ts';

const root = mkdtempSync(join(tmpdir(), 'stepgate-status-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A run's journal as an engine leaves it, a minute after the one that was written before. */
function left(data: string, id: string, { minute, entries }: { readonly minute: number; readonly entries: readonly JournalEntry[] }): void {
  const folder = join(root, data, 'buckets', 'stepgate-reports', 'runs', id, 'journal');
  mkdirSync(folder, { recursive: true });
  const at = `2026-11-29T02:${String(minute).padStart(2, '0')}:00.000Z`;
  for (const [index, one] of entries.entries()) writeFileSync(join(folder, `${index}.json`), JSON.stringify({ ...one, run: id, at }));
}

const { runEntry, lock, gates, phase, end, preflight } = example;
const killed = [runEntry('execute'), lock, ...gates, phase('schema')];
const refused = [runEntry('execute'), end('refused')];

left('several', 'migrated-1', { minute: 1, entries: example.migrated });
left('several', 'refused-2', { minute: 2, entries: refused });
left('several', 'looked-3', { minute: 3, entries: [runEntry('dry-run'), preflight, end('passed')] });
left('several', 'again-4', {
  minute: 4,
  entries: [runEntry('execute'), example.entry({ kind: 'lock', token: 4, takenOverFrom: null, planState: 'migrated' }), end('migrated')],
});
left('one', 'refused-1', { minute: 1, entries: refused });
left('killed', 'killed-1', { minute: 1, entries: killed });
left('cut', 'cut-1', { minute: 1, entries: killed });
writeFileSync(join(root, 'cut', 'buckets', 'stepgate-reports', 'runs', 'cut-1', 'journal', '0.json'), '{"kind":');

const status = (data: string, ...args: readonly string[]) => stepgate(['status', ...args, '--data', join(root, data)]);

test('status tells of the last run that changed something, and names the newer ones, a refusal with its reason', async () => {
  const { out, exitCode } = await status('several');
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^run migrated-1\nmigrated: shop is migrated\n/);
  expect(out).toContain('\nnewer\n  again-4  migrated\n  looked-3  passed\n  refused-2  refused\n      shop is refused\n');
  expect(JSON.parse((await status('several', '--json')).out)).toMatchObject({
    run: 'migrated-1',
    newer: ['again-4', 'looked-3', 'refused-2'],
    earlier: [],
  });
});

test('a run that is named is told, whatever came of others', async () => {
  expect((await status('several', '--run', 'looked-3')).out).toMatch(/^run looked-3\npassed: /);
});

test('where nothing was changed, status tells of the newest run', async () => {
  expect((await status('one')).out).toMatch(/^run refused-1\nrefused: shop is refused\n/);
});

test('a run that was killed has no outcome, and status gives the ways on', async () => {
  const { out } = await status('killed');
  expect(out).toMatch(/^run killed-1\nno outcome: it was stopped or killed, or its engine ended before it did\n/);
  expect(out).toContain(`npx stepgate execute shop --data ${join(root, 'killed')}`);
  expect(out).toContain(`npx stepgate rollback shop --data ${join(root, 'killed')}`);
});

test('a journal that was cut is named with one line', async () => {
  const { exitCode, err } = await status('cut');
  expect({ exitCode, err }).toEqual({
    exitCode: 1,
    err: expect.stringMatching(/^stepgate: \S+\/cut-1\/journal\/0\.json is no journal entry that this version reads/),
  });
});

test.each([
  { name: 'one that has written already', id: 'refused-2', newer: ['again-4', 'looked-3'], earlier: ['migrated-1'] },
  { name: 'one that is too young to have written', id: 'young-5', newer: [], earlier: ['again-4', 'looked-3', 'refused-2', 'migrated-1'] },
])('the run under way comes first: $name', async ({ id, newer, earlier }) => {
  const underWay = { id: RunId.parse(id), executionArn: 'arn', begun: new Date(0), plan: PlanId.parse('shop'), mode: 'execute' } as const;
  const chosen = await chooseRun(localArchive(join(root, 'several')), [underWay], { plan: undefined, run: undefined });
  expect(chosen).toMatchObject({
    run: { id },
    isUnderWay: true,
    newer: newer.map((one) => ({ id: one })),
    earlier: earlier.map((one) => ({ id: one })),
  });
});
