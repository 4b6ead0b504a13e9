import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Call } from '../../local/faults/fault-desk.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../support/small-plan.ts';
import { type Case, casesOf } from './cases.ts';
import { type Ended, type Mode, openSite, type Site } from './site.ts';

/**
 * Every call and every function of a run without faults × every way of failing, each checked from outside.
 *
 * `npm run test:faults [-- --shard I/N] [--only TEXT] [--every N]`; a line for each case that fails; exit 1 when one did.
 */
const { values } = parseArgs({ options: { shard: { type: 'string' }, only: { type: 'string' }, every: { type: 'string' } } });
const [shard = 1, shards = 1] = (values.shard ?? '1/1').split('/').map(Number);
const every = Number(values.every ?? 1);

/** Without the column that tells the time, which is another one in each run. */
const PLAN = { ...SMALL_PLAN, '1-schema/up.sql': (SMALL_PLAN['1-schema/up.sql'] ?? '').replace(', seen_at timestamptz default now()', '') };

type World = Readonly<Record<string, string>>;

interface Reference {
  readonly before: World;
  readonly migrated: World;
  readonly execute: readonly Call[];
  readonly rollback: readonly Call[];
}

const site = await openSite({ plan: PLAN, source: SMALL_SOURCE, assemblyFolder: join(tmpdir(), 'stepgate-assemblies') });
let passed = 0;
let failed = 0;
try {
  const reference = await referenceOf(site);
  const all = (['execute', 'rollback'] as const).flatMap((mode) => casesOf(reference[mode]).map((one) => ({ mode, one })));
  const mine = all.filter(({ one }, index) => index % shards === shard - 1 && index % every === 0 && one.name.includes(values.only ?? ''));
  process.stdout.write(`${all.length} cases, ${mine.length} of them here\n`);
  for (const { mode, one } of mine) {
    const faults = await faultsOf(site, reference, { mode, one });
    if (faults.length === 0) passed += 1;
    else {
      failed += 1;
      process.stdout.write(`FAILED ${mode}: ${one.name}\n  ${faults.join('\n  ')}\n`);
    }
  }
} finally {
  await site.close();
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

async function referenceOf(at: Site): Promise<Reference> {
  await at.reset();
  const before = await at.look();
  const execute = await at.run('execute', []);
  if (execute.error !== null) throw new Error(`a run without faults ends ${execute.error}: ${execute.cause}`);
  const migrated = await at.look();
  const rollback = await at.run('rollback', []);
  if (rollback.error !== null) throw new Error(`a rollback without faults ends ${rollback.error}: ${rollback.cause}`);
  return { before, migrated, execute: execute.calls, rollback: rollback.calls };
}

/** What is wrong after a case, and after the run that goes on from it. */
async function faultsOf(at: Site, reference: Reference, { mode, one }: { readonly mode: Mode; readonly one: Case }): Promise<readonly string[]> {
  await at.reset();
  if (mode === 'rollback') {
    const first = await at.run('execute', []);
    if (first.error !== null) return [`the run before it ends ${first.error}: ${first.cause}`];
  }
  const ended = await at.run(mode, one.faults);
  if (ended.met === 0) return ['the fault was not met'];
  const said = await wrongWith(at, reference, { ended, mode });
  const next = await at.run('execute', []);
  const isUndone = next.error === 'rolled-back';
  const last = isUndone ? await at.run('execute', []) : next;
  return [
    ...said,
    ...(last.error === null ? [] : [`the next execute ends ${last.error}: ${last.cause.slice(0, 300)}`]),
    ...differences('the next execute', await at.look(), reference.migrated),
  ];
}

async function wrongWith(
  at: Site,
  { before, migrated }: Reference,
  { ended, mode }: { readonly ended: Ended; readonly mode: Mode },
): Promise<readonly string[]> {
  const outcome = ended.error ?? (mode === 'rollback' ? 'rolled-back' : 'migrated');
  const said = `ended ${outcome}${ended.cause === '' ? '' : ` (${ended.cause.slice(0, 200)})`}`;
  const left = await at.leftOver().catch((error: unknown) => [`no ledger to look at: ${String(error)}`]);
  const world = await at.look();
  if (outcome === 'migrated') return [...differences(said, world, migrated), ...left];
  if (outcome === 'rolled-back') return [...differences(said, world, before), ...left];
  // Refused is before the first change: of a rollback, that is the migrated database.
  if (outcome === 'refused') return differences(said, world, mode === 'rollback' ? migrated : before);
  return [said];
}

function differences(when: string, found: World, expected: World): readonly string[] {
  const names = [...new Set([...Object.keys(found), ...Object.keys(expected)])];
  return names
    .filter((name) => found[name] !== expected[name])
    .map((name) => `${when}: ${name} is\n${found[name] ?? 'not there'}\n  and should be\n${expected[name] ?? 'not there'}`);
}
