import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { verdicts } from './mutants.ts';
import { faultsOfRights } from './rights.ts';
import { type FailedCase, faultsOfScenario } from './run-cases.ts';
import { PLANS, SCENARIOS } from './scenarios.ts';
import { sequences } from './sequences.ts';
import { openSite } from './site.ts';

/**
 * Every call and every function of a run without faults × every way of failing, in each scenario, each checked from outside.
 *
 * `npm run test:faults [-- --scenario NAME] [--only 'TEXT && TEXT'] [--every N] [--processes N] [--trace] [--first]`: a line for each case that fails; exit 1 when one did.
 * `npm run test:faults -- --sequences N [--seed N]`: two or three faults at once instead, in N runs beside an application that writes.
 * `npm run test:faults -- --mutants [--only PATTERN]`: planted defects instead, each of which a case has to notice.
 */
const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    only: { type: 'string', default: '' },
    every: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    shard: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    sequences: { type: 'string' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
  },
});
const COUNTS = /^(\d+) passed, (\d+) failed$/;
const NEEDS = /^needs: (.*)$/;

const { passed, failed } = await counts();
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

interface Share extends Counts {
  readonly needs: readonly string[];
}

function counts(): Promise<Counts> {
  if (values.mutants) return ofMutants();
  if (values.sequences !== undefined) return ofSequences(Number(values.sequences));
  return values.shard === undefined ? besideOneAnother(Number(values.processes)) : here(values.shard);
}

async function ofSequences(runs: number): Promise<Counts> {
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  process.stdout.write(`seed ${seed}\n`);
  const site = await openSite(PLANS, join(tmpdir(), 'stepgate-assemblies'));
  try {
    const { passed, unmet, written, failure } = await sequences(site, { runs, seed });
    process.stdout.write(`${passed} sequences, ${unmet} of whose faults no call met; ${written} rows were written meanwhile\n`);
    if (failure !== null) process.stdout.write(`FAILED with seed ${seed}: ${failure}\n`);
    return { passed, failed: failure === null ? 0 : 1 };
  } finally {
    await site.close();
  }
}

async function ofMutants(): Promise<Counts> {
  const found = await verdicts(values.only, ({ mutant, caughtBy }) => {
    process.stdout.write(`${caughtBy === null ? 'MISSED' : 'caught'} ${mutant}${caughtBy === null ? '' : `: ${caughtBy}`}\n`);
  });
  const missed = found.filter(({ caughtBy }) => caughtBy === null).length;
  return { passed: found.length - missed, failed: missed };
}

/** Each process has an engine of its own and its share of the cases. */
async function besideOneAnother(processes: number): Promise<Counts> {
  const shards = await Promise.all(Array.from({ length: processes }, (_, index) => inProcess(`${index + 1}/${processes}`)));
  const sum = shards.reduce((some, one) => ({
    passed: some.passed + one.passed,
    failed: some.failed + one.failed,
    needs: [...some.needs, ...one.needs],
  }));
  // Only all of the cases need every right.
  if (values.scenario !== undefined || values.only !== '' || values.every !== '1') return sum;
  const faults = faultsOfRights(new Set(sum.needs));
  for (const fault of faults) process.stdout.write(`FAILED ${fault}\n`);
  return faults.length === 0 ? { passed: sum.passed + 1, failed: sum.failed } : { passed: sum.passed, failed: sum.failed + faults.length };
}

function inProcess(shard: string): Promise<Share> {
  const { promise, resolve } = Promise.withResolvers<Share>();
  const child = spawn(process.execPath, [import.meta.filename, ...process.argv.slice(2), '--shard', shard], { stdio: ['ignore', 'pipe', 'inherit'] });
  let counts: Counts | null = null;
  let needs: readonly string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = COUNTS.exec(line);
    const needed = NEEDS.exec(line);
    if (needed !== null) needs = (needed[1] ?? '').split(', ');
    else if (said === null) process.stdout.write(`${line}\n`);
    else counts = { passed: Number(said[1]), failed: Number(said[2]) };
  });
  child.once('close', (code) => {
    if (counts === null) process.stdout.write(`FAILED: process ${shard} ended with ${code} before its cases were done\n`);
    resolve({ needs, ...(counts ?? { passed: 0, failed: 1 }) });
  });
  return promise;
}

async function here(shard: string): Promise<Counts> {
  const [index = 1, of = 1] = shard.split('/').map(Number);
  const site = await openSite(PLANS, join(tmpdir(), 'stepgate-assemblies'));
  const known = new Map<string, Set<string>>();
  const needs = new Set<string>();
  let passed = 0;
  let failed = 0;
  try {
    for (const scenario of SCENARIOS.filter(({ name }) => values.scenario === undefined || values.scenario === name)) {
      const tell = ({ name, faults }: FailedCase) => void process.stdout.write(`FAILED ${scenario.name}: ${name}\n  ${faults.join('\n  ')}\n`);
      const found = await faultsOfScenario(site, scenario, {
        known,
        shard: index - 1,
        shards: of,
        pick: ({ name }, index) => index % Number(values.every) === 0 && values.only.split(' && ').every((part) => name.includes(part)),
        needs,
        tell,
        isFirstOnly: values.first,
        trace: values.trace ? (line) => void process.stdout.write(`${line}\n`) : undefined,
      });
      passed += found.passed;
      failed += found.failed.length;
      process.stdout.write(
        `${scenario.name} ${shard}: ${found.passed} of ${found.passed + found.failed.length} cases passed, in ${found.runs} runs and ${Math.round(found.seconds)} s\n`,
      );
    }
  } finally {
    await site.close();
  }
  process.stdout.write(`needs: ${[...needs].join(', ')}\n`);
  return { passed, failed };
}
