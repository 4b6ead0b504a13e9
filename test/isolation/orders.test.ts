import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationSteps, type Case, CHANGES, casesOf, described, LEVELS, sample } from './cases.ts';
import { interleavings, openDriver } from './driver.ts';
import { NOTHING_WRONG, type Played, playBatches, playBothSides, playRepairs, type Stage } from './play.ts';
import { openScene } from './scene.ts';

let stage: Stage;
beforeAll(async () => {
  const scene = await openScene();
  const [worker, watcher] = [await scene.connect(), await scene.connect()];
  const [application, other] = [await scene.application(), await scene.application()];
  stage = { scene, worker, application, driver: await openDriver({ worker, application, other }, watcher) };
  await scene.install('source');
});
afterAll(() => stage?.scene.close());

/** Plays cases and names those that went wrong. */
async function wrong<One>(
  cases: readonly One[],
  describeCase: (one: One) => string,
  play: (one: One) => Promise<Played>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const one of cases) {
    const played = await play(one);
    if (JSON.stringify(played) !== JSON.stringify(NOTHING_WRONG)) found.push(`${describeCase(one)}: ${JSON.stringify(played)}`);
  }
  return found;
}

const old = CHANGES.filter(({ side }) => side === 'old');

describe('while only the old side is written', () => {
  test('batches and the application in any order leave no difference', { timeout: 300_000 }, async () => {
    const cases = sample(casesOf(4, old), 40, 1);
    expect(await wrong(cases, described, (one) => playBatches(stage, one))).toEqual([]);
  });
});

describe('with both sides carried', () => {
  beforeAll(() => stage.scene.install('target'));

  test('batches and the application in any order leave no difference', { timeout: 300_000 }, async () => {
    const cases = sample(casesOf(4), 40, 2);
    expect(await wrong(cases, described, (one) => playBatches(stage, one))).toEqual([]);
  });

  test('repairs and the application in any order leave no difference', { timeout: 600_000 }, async () => {
    // Keys of its own, so that the application does not meet itself.
    const earlierChanges = CHANGES.map((change) => ({ ...change, sql: change.sql.replaceAll('7', '9').replace('= 3', '= 1') }));
    const cases = sample(
      casesOf(4).flatMap((one) => earlierChanges.map((earlier) => ({ one, earlier }))),
      40,
      3,
    ).slice(0, 5_000);
    const name = ({ one, earlier }: (typeof cases)[number]): string => `${described(one)} after ${earlier.name} on the ${earlier.side} side`;
    expect(await wrong(cases, name, ({ one, earlier }) => playRepairs(stage, one, earlier))).toEqual([]);
  });

  test('a write on each side of the same row in any order loses neither', { timeout: 300_000 }, async () => {
    const sides = (level: Case['level'], otherLevel: Case['level']) =>
      [
        { level, change: { name: 'name', side: 'old', sql: "update people set name = 'Old' where id = 4" } },
        { level: otherLevel, change: { name: 'email', side: 'new', sql: "update customers set email = 'new@x' where id = 4" } },
      ] as const;
    const cases = LEVELS.flatMap((level) =>
      LEVELS.flatMap((otherLevel) => interleavings({ application: 3, other: 3 }).map((order) => ({ level, otherLevel, order }))),
    );
    const play = async ({ level, otherLevel, order }: (typeof cases)[number]): Promise<Played & { readonly row?: unknown }> => {
      const played = await playBothSides(stage, order, sides(level, otherLevel));
      // The row is one row, and a transaction with an older snapshot may not change it.
      const levels: Readonly<Record<string, string>> = { application: level, other: otherLevel };
      const refused = played.failures.filter(({ session, state }) => state === '40001' && levels[session] !== 'read committed');
      const [name, email] = ['application', 'other'].map((session) => !refused.some((one) => one.session === session));
      const [row] = await stage.scene.bench.sql<{ name: string; email: string }>('select name, email from people where id = 4');
      const isKept = row?.name === (name ? 'Old' : 'Person 4') && row.email === (email ? 'new@x' : 'p4@x');
      return { ...played, failures: played.failures.filter((one) => !refused.includes(one)), ...(isKept ? {} : { row }) };
    };
    expect(await wrong(sample(cases, 30, 4), (one) => JSON.stringify(one), play)).toEqual([]);
  });
});

test.each([
  { name: 'an insert', sql: "insert into people values (7, 'New', null, 1, 'B', true, null)" },
  { name: 'a key update', sql: 'update people set id = 7 where id = 4' },
  { name: 'an update', sql: "update people set town = 'B' where id = 6" },
])('$name beside an update of the lookup, with repairs between them, leaves no difference', { timeout: 300_000 }, async ({ name, sql }) => {
  const lookup = { name: 'lookup', side: 'old', sql: "update towns set zip = '99999' where code = 'B'" } as const;
  const cases = LEVELS.slice(0, 2).flatMap((level) =>
    interleavings({ application: 3, other: 3, worker: 1 }).map((order) => ({ level, change: { name, side: 'old', sql } as const, order })),
  );
  const play = ({ level, change, order }: Case): Promise<Played> =>
    playBothSides(stage, order, [
      { level, change: lookup },
      { level, change },
    ]);
  expect(await wrong(sample(cases, 15, 5), described, play)).toEqual([]);
});

test('a case takes as many turns as it has steps', () => {
  const [one] = casesOf(4);
  expect(one?.order).toHaveLength(7);
  expect(one === undefined ? [] : applicationSteps(one)).toHaveLength(3);
});
