import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { faultsOfScenario } from './run-cases.ts';
import { PLANS, SCENARIOS } from './scenarios.ts';
import { openSite } from './site.ts';

/** About so many of the scenario's two thousand, few enough for a run or two; `npm run test:faults` runs all of them. */
const SAMPLE = 40;

/** A number that follows from the seed and the case's own, evenly from 0 to 1. */
function fraction(seed: number, index: number): number {
  return ((seed + index + 1) * 0.618_033_988_75) % 1;
}

test('a run outlives a sample of the faults that it has to outlive, and leaves nothing', { timeout: 120_000 }, async () => {
  const seed = Number(process.env.STEPGATE_FAULTS_SEED ?? Date.now() % 1_000_000);
  const [scenario] = SCENARIOS;
  if (scenario === undefined) throw new Error('there are no scenarios');
  const site = await openSite(PLANS, join(tmpdir(), 'stepgate-assemblies'));
  try {
    const chosen = { known: new Map(), shard: 0, shards: 1, needs: new Set<string>(), tell: () => {} };
    const kinds = ['within', 'away', 'busy', 'death'];
    const pick = ({ absorption, fault }: { absorption: string; fault: { effect: { kind: string } } }, index: number) => {
      return kinds.includes(absorption) && fault.effect.kind !== 'crashed' && fraction(seed, index) < SAMPLE / 2_000;
    };
    const { passed, failed } = await faultsOfScenario(site, scenario, { ...chosen, pick });
    expect({ seed, failed }).toEqual({ seed, failed: [] });
    expect(passed).toBeGreaterThan(SAMPLE / 4);
  } finally {
    await site.close();
  }
});
