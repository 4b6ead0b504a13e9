#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { runWithNode24 } from './node-24.mjs';

await runWithNode24(fileURLToPath(new URL('./stepgate.ts', import.meta.url)), process.argv.slice(2));
