import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isMissed, type Result } from './figure.ts';
import { MEASUREMENTS, stageOptions } from './measurements.ts';
import { describeMachine, page, textTable } from './page.ts';
import { openStage } from './stage.ts';

const ROUNDS = 5;
const PAGE = resolve(import.meta.dirname, '..', 'docs', 'performance.md');

const USAGE = `npm run bench -- [--only NAME]... [--rows N] [--json]
NAME is one of ${Object.keys(MEASUREMENTS).join(', ')}. A run of everything at full size writes docs/performance.md.
Exit codes: 0 measured, and every goal met; 1 a goal was missed, or something failed; 2 usage.`;

interface Request {
  readonly names: readonly string[];
  readonly rows: number | null;
  readonly json: boolean;
}

/** Null for what it does not understand. */
function readRequest(args: readonly string[]): Request | null {
  const options = { only: { type: 'string', multiple: true }, rows: { type: 'string' }, json: { type: 'boolean' } } as const;
  const { only, rows, json } = parseArgs({ args: [...args], options }).values;
  const names = only ?? Object.keys(MEASUREMENTS);
  const isFit = names.every((name) => Object.hasOwn(MEASUREMENTS, name)) && (rows === undefined || /^[1-9]\d{0,8}$/.test(rows));
  return isFit ? { names, rows: rows === undefined ? null : Number(rows), json: json ?? false } : null;
}

/** Each result is said as soon as there is one; the document or the table comes at the end. */
async function bench({ names, rows, json }: Request): Promise<number> {
  const stage = await openStage(stageOptions(ROUNDS));
  try {
    const machine = await describeMachine(stage);
    const results: Result[] = [];
    for (const name of names) {
      process.stderr.write(`measuring ${name} …\n`);
      const result = await MEASUREMENTS[name]?.(stage, { rounds: ROUNDS, rows });
      if (result !== undefined) results.push(result);
    }
    if (names.length === Object.keys(MEASUREMENTS).length && rows === null) writeFileSync(PAGE, page(machine, ROUNDS, results));
    process.stdout.write(`${json ? JSON.stringify({ machine, rounds: ROUNDS, results }, null, 2) : textTable(results)}\n`);
    return results.some(({ figures }) => figures.some(isMissed)) ? 1 : 0;
  } finally {
    await stage.close();
  }
}

const request = readRequestSafely(process.argv.slice(2));
if (request === null) {
  process.stderr.write(`${USAGE}\n`);
  process.exitCode = 2;
} else {
  process.exitCode = await bench(request);
}

/** An unknown option throws in parseArgs; the usage says more than its message. */
function readRequestSafely(args: readonly string[]): Request | null {
  try {
    return readRequest(args);
  } catch {
    return null;
  }
}
