import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadPlans } from '../../bin/load-plans.ts';
import { compileFolder } from '../../bin/plans.ts';

const PLANS = join(import.meta.dirname, '../support/plans');
const root = mkdtempSync(join(tmpdir(), 'stepgate-plans-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a folder of plans becomes the text and the digest of each, by its name', async () => {
  const compiled = await compileFolder(join(PLANS, 'shop'));
  expect(await loadPlans(PLANS)).toEqual({ shop: compiled.ok && { json: compiled.loaded.json, digest: compiled.loaded.digest } });
});

test('every plan that does not compile is told, a folder without a plan.yaml among them', async () => {
  const folder = join(root, 'wrong');
  cpSync(PLANS, folder, { recursive: true });
  for (const name of ['broken', 'forgotten', '.git']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'broken', 'plan.yaml'), 'title: Broken\nphases: none\n');
  const error = await loadPlans(folder).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'PlansDoNotCompileError' });
  const { message } = error as Error;
  expect(message).toMatch(/^plan broken does not compile:\n.*broken\/plan\.yaml:2:\d+: /);
  expect(message).toMatch(/\nplan forgotten does not compile:\n.*forgotten\/plan\.yaml.*the file is missing/);
  expect(message).not.toContain('.git');
});

test('a folder without plans is refused', async () => {
  mkdirSync(join(root, 'empty'));
  await expect(loadPlans(join(root, 'empty'))).rejects.toThrow(`there are no plans in ${join(root, 'empty')}`);
});
