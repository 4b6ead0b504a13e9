import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareSql } from '../../core/transfer/compare-sql.ts';
import { applicationSteps, type Case, CHANGES, casesOf, sample } from './cases.ts';
import { doUpdate, looseCursor, onDepthZero, onUpdateOnly, patientSource, type Remedy, wholeRows } from './defects.ts';
import { interleavings, openDriver, type Step } from './driver.ts';
import { NOTHING_WRONG, type Played, playBatches, playLockedRow, playTwoWorkers, type Stage } from './play.ts';
import { type Difference, openScene } from './scene.ts';

let stage: Stage;
beforeAll(async () => {
  const scene = await openScene();
  const [worker, watcher] = [await scene.connect(), await scene.connect()];
  const [application, other] = [await scene.application(), await scene.application()];
  stage = { scene, worker, application, driver: await openDriver({ worker, application, other }, watcher) };
  await scene.install('source');
});
afterAll(() => stage?.scene.close());

/** What the first case left different in which anything is; null where nothing is in any. */
async function firstDifference(cases: readonly Case[], play: (one: Case) => Promise<Played>): Promise<readonly Difference[] | null> {
  for (const one of cases) {
    const { differences } = await play(one);
    if (differences.length > 0) return differences;
  }
  return null;
}

async function withDefect(plant: Promise<Remedy>, work: () => Promise<void>): Promise<void> {
  const remedy = await plant;
  try {
    await work();
  } finally {
    await remedy();
  }
}

function casesWith(name: string): readonly Case[] {
  return casesOf(
    4,
    CHANGES.filter((change) => change.side === 'old' && change.name === name),
  ).filter(({ level }) => level === 'read committed');
}

test('a batch that writes over what is there is caught', async () => {
  const cases = casesWith('an update');
  expect(await firstDifference(cases, (one) => playBatches(stage, one))).toBeNull();
  expect(await firstDifference(cases, (one) => playBatches(stage, one, doUpdate))).not.toBeNull();
});

test.each(['an insert', 'a delete'])('triggers on UPDATE only are caught by %s', async (name) => {
  await withDefect(onUpdateOnly(stage.scene), async () => {
    expect(await firstDifference(casesWith(name), (one) => playBatches(stage, one))).not.toBeNull();
  });
  expect(await firstDifference(casesWith(name).slice(0, 3), (one) => playBatches(stage, one))).toBeNull();
});

test('triggers that look away below another trigger are caught by a delete that cascades', async () => {
  const cases = casesWith('a delete that cascades');
  await withDefect(onDepthZero(stage.scene), async () => {
    expect(await firstDifference(cases, (one) => playBatches(stage, one))).not.toBeNull();
  });
  expect(await firstDifference(cases.slice(0, 3), (one) => playBatches(stage, one))).toBeNull();
});

test('a cursor that is read and not held is caught by two workers', async () => {
  const orders = interleavings({ worker: 2, other: 2 });
  const isRight = async (): Promise<boolean> => {
    for (const order of orders) if (!(await playTwoWorkers(stage, order))) return false;
    return true;
  };
  expect(await isRight()).toBe(true);
  await withDefect(looseCursor(stage.scene), async () => expect(await isRight()).toBe(false));
});

test('whole rows in both directions are caught where each side waits for the other', async () => {
  await stage.scene.install('target');
  const right = { ...NOTHING_WRONG, row: { name: 'Old', email: 'new@x' } };
  await withDefect(patientSource(stage.scene), async () => {
    expect(await playLockedRow(stage)).toEqual(right);
    await withDefect(wholeRows(stage.scene), async () => {
      expect(await playLockedRow(stage)).toEqual({ ...NOTHING_WRONG, row: { name: 'Old', email: 'p4@x' } });
    });
  });
});

test('a comparison in one statement is right while the application writes, one in two is not', async () => {
  const { scene, driver } = stage;
  const transfer = scene.transfer('customers');
  const change = CHANGES.find(({ name }) => name === 'an update');
  if (change === undefined) throw new Error('no update');
  const compare = compareSql(transfer, { after: null, upto: null }, { unmapped: [], salt: '', ledger: null });
  const one = `create temp table compared on commit drop as select missing || '/' || extra || '/' || different as found from (${compare}) as c`;
  const two = [
    `create temp table mapped on commit drop as ${transfer.select}`,
    `create temp table compared on commit drop as select count(*)::text as found from mapped m full join customers c on c.id = m.id
where m.id is null or c.id is null or (m.full_name, m.email, m.level, m.zip) is distinct from (c.full_name, c.email, c.level, c.zip)`,
  ];
  const found = async (statements: readonly string[]): Promise<readonly string[]> => {
    const answers = new Set<string>();
    for (const order of sample(interleavings({ worker: statements.length, application: 3 }), 20, 6)) {
      await scene.reset("insert into people select i, 'Person ' || i from generate_series(2, 12, 2) i");
      for (const id of ['customers', 'actives']) {
        const { sql, values } = scene.batch(id, 100);
        await stage.worker.query(sql, [...values]);
      }
      await stage.worker.query('begin');
      const steps: readonly Step[] = statements.map((sql) => ({ session: 'worker', sql }));
      await driver.run([...steps, ...applicationSteps({ change, level: 'read committed' })], order);
      const { rows } = await stage.worker.query<{ found: string }>('select found from compared');
      await stage.worker.query('commit');
      answers.add(rows[0]?.found ?? '');
    }
    return [...answers].sort();
  };
  expect(await found([one])).toEqual(['0/0/0']);
  expect(await found(two)).toContain('1');
});
