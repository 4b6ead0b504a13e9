#!/usr/bin/env node
// Runs a program of node_modules/.bin: with-node-24.mjs vitest run
import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runWithNode24 } from './node-24.mjs';

const [name = '', ...args] = process.argv.slice(2);
const program = fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));
if (name === '' || !existsSync(program)) {
  process.stderr.write(`node_modules/.bin has no program "${name}"; run "npm ci" first, then: node bin/with-node-24.mjs vitest run\n`);
  process.exitCode = 1;
} else {
  await runWithNode24(realpathSync(program), args);
}
