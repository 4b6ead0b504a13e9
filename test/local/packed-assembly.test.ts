import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { isPacked, packAssembly, readPacked } from '../../local/packed-assembly.ts';

const root = mkdtempSync(join(tmpdir(), 'stepgate-packed-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('an assembly that is packed reads as it was, with its bundles where the construct looks for them', () => {
  const folder = join(root, 'bundle');
  mkdirSync(folder);
  writeFileSync(join(folder, 'index.mjs'), 'export const handler = 1;');
  const bundle = { folder, handler: 'index.handler', timeoutSeconds: 120, environment: { LEVEL: 'INFO' } };
  const out = join(root, 'dist');
  mkdirSync(out);
  expect(isPacked(out)).toBe(false);
  packAssembly({ definition: '{"StartAt":"One"}', functions: { One: bundle } }, out);
  expect(isPacked(out)).toBe(true);
  const moved = join(out, 'functions', 'One');
  expect(readPacked(out)).toEqual({ definition: '{"StartAt":"One"}', functions: { One: { ...bundle, folder: moved } } });
  expect(readFileSync(join(moved, 'index.mjs'), 'utf8')).toBe('export const handler = 1;');
});
