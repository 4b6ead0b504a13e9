import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { stepgate } from './test-shell.ts';

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
