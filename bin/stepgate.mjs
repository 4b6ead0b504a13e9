#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runWithNode24 } from './node-24.mjs';

const [source, emitted] = ['./stepgate.ts', '../dist/bin/stepgate.js'].map((file) => fileURLToPath(new URL(file, import.meta.url)));

// The package holds what is emitted, since Node refuses TypeScript below node_modules.
await runWithNode24(existsSync(source) ? source : emitted, process.argv.slice(2));
