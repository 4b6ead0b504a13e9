import { afterAll, beforeAll, expect, test } from 'vitest';
import { playCrowd } from './crowd.ts';
import { openScene, type Scene } from './scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
  await scene.install('source');
  await scene.install('target');
});
afterAll(() => scene?.close());

/** `npm run test:live` asks for 36,000. */
const CHANGES = Number(process.env.STEPGATE_LIVE_CHANGES ?? 1_000);

test('eight clients on both sides, batches, repairs and ended backends leave no difference and lose no write', { timeout: 1_800_000 }, async () => {
  const { failed, lost, differences, left, ...counted } = await playCrowd(scene, {
    transactions: Math.ceil(CHANGES / 1.4),
    rows: Math.ceil(CHANGES / 2),
    seed: Number(process.env.STEPGATE_LIVE_SEED ?? 5),
    kills: Math.ceil(CHANGES / 200),
  });
  expect({ failed: Object.keys(failed).filter((name) => !/^(repeatable read) 40001 /.test(name)), lost, differences, left }).toEqual({
    failed: [],
    lost: [],
    differences: [],
    left: 0,
  });
  if (process.env.STEPGATE_LIVE_CHANGES !== undefined) console.log(JSON.stringify({ ...counted, failed }));
  expect(counted.changedRows).toBeGreaterThan(CHANGES / 2);
});
