import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bundleFiles, bundleFunctions } from '../../infra/bundle.ts';
import { ALL_FUNCTIONS } from '../../infra/functions.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MODULES = path.join(ROOT, 'node_modules');
const folder = mkdtempSync(path.join(os.tmpdir(), 'stepgate-bundle-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
// As in Lambda, the SDK is found above the bundle; nothing else is promised there.
mkdirSync(path.join(folder, 'node_modules'));
symlinkSync(path.join(MODULES, '@aws-sdk'), path.join(folder, 'node_modules/@aws-sdk'));

interface Imported {
  readonly file: string;
  readonly handler: string;
  readonly did: readonly string[];
}

/** Imports bundles in a process without an environment, that may read the bundles and the SDK, and nothing else. */
function importBundles(files: readonly string[]): readonly Imported[] {
  const readable = [folder, MODULES, path.join(import.meta.dirname, 'import-probe.mjs')];
  const output = execFileSync(
    process.execPath,
    ['--permission', ...readable.map((allowed) => `--allow-fs-read=${allowed}`), path.join(import.meta.dirname, 'import-probe.mjs'), ...files],
    { env: {}, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  );
  return JSON.parse(output) as readonly Imported[];
}

/** Bundles one made-up file. */
function bundleText(name: string, text: string): string {
  const sources = path.join(folder, 'sources');
  mkdirSync(sources, { recursive: true });
  writeFileSync(path.join(sources, `${name}.ts`), text);
  bundleFiles({ root: sources, outFolder: path.join(folder, 'made-up'), files: { [name]: `${name}.ts` } });
  return path.join(folder, 'made-up', name, 'index.mjs');
}

test('every function is bundled, exports a handler, stays below 600 KB and does nothing when it is imported', () => {
  const outFolder = path.join(folder, 'functions');
  bundleFunctions({ outFolder, root: ROOT });
  const files = Object.keys(ALL_FUNCTIONS).map((name) => path.join(outFolder, name, 'index.mjs'));
  expect(files.map((file) => ({ file, isSmall: statSync(file).size < 600_000 }))).toEqual(files.map((file) => ({ file, isSmall: true })));
  expect(importBundles(files)).toEqual(files.map((file) => ({ file, handler: 'function', did: [] })));
});

test.each([
  { name: 'connects', text: "import net from 'node:net'; net.connect(9, '127.0.0.1').on('error', () => {});", did: 'TCPWRAP' },
  { name: 'resolves', text: "import dns from 'node:dns'; dns.lookup('localhost', () => {});", did: 'GETADDRINFOREQWRAP' },
  { name: 'writes', text: "import fs from 'node:fs'; fs.writeFileSync('/tmp/stepgate-never', '');", did: 'ERR_ACCESS_DENIED FileSystemWrite' },
  { name: 'reads', text: "import fs from 'node:fs'; fs.readFileSync('/etc/hosts');", did: 'ERR_ACCESS_DENIED FileSystemRead' },
  { name: 'waits', text: 'setInterval(() => {}, 1000);', did: 'Timeout' },
])('a bundle that $name when it is imported is found', ({ name, text, did }) => {
  const file = bundleText(name, `${text}\nexport const handler = async () => 1;\n`);
  expect(importBundles([file])[0]?.did).toContain(did);
});

test('the SDK stays outside, SQL comes in as text, and a CommonJS package may require a builtin', () => {
  writeFileSync(path.join(folder, 'old.cjs'), "module.exports = require('node:path').sep;\n");
  mkdirSync(path.join(folder, 'sources'), { recursive: true });
  writeFileSync(path.join(folder, 'sources/one.sql'), 'select 1;\n');
  const file = bundleText(
    'mixed',
    `import { S3Client } from '@aws-sdk/client-s3';
     import separator from '../old.cjs';
     // @ts-ignore
     import sql from './one.sql';
     export const handler = async () => [separator, sql, typeof S3Client];\n`,
  );
  const text = readFileSync(file, 'utf8');
  expect(text).toContain('from"@aws-sdk/client-s3"');
  expect(text).toContain('select 1;');
  expect(text.length).toBeLessThan(1500);
  expect(importBundles([file])).toEqual([{ file, handler: 'function', did: [] }]);
});

test('the same sources give the same bytes wherever they lie', () => {
  const made = ['here', 'elsewhere'].map((name) => {
    const root = path.join(folder, name);
    mkdirSync(root);
    writeFileSync(path.join(root, 'a.ts'), "import { b } from './b.ts';\nexport const handler = async (): Promise<string> => b;\n");
    writeFileSync(path.join(root, 'b.ts'), "export const b: string = 'größe';\n");
    bundleFiles({ root, outFolder: path.join(root, 'out'), files: { A: 'a.ts' } });
    return readFileSync(path.join(root, 'out/A/index.mjs'), 'utf8');
  });
  expect(made[0]).toBe(made[1]);
});

test('a function whose file is missing is named', () => {
  expect(() => bundleFiles({ root: folder, outFolder: path.join(folder, 'none'), files: { Gone: 'lambdas/gone.ts' } })).toThrow(/lambdas\/gone\.ts/);
});
