import { GetScheduleCommand, ListSchedulesCommand, UpdateScheduleCommand } from '@aws-sdk/client-scheduler';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { RunId } from '../../core/ids.ts';
import { deadManName } from '../../core/run/dead-man.ts';
import { type DoorSite, openDoorSite } from '../support/door-site.ts';

// Runs whose execution dies, settled by the functions that would be deployed.

let site: DoorSite;
beforeAll(async () => {
  site = await openDoorSite();
}, 60_000);
afterAll(() => site?.close());
beforeEach(() => site.reset());

/** Starts a run that is stopped when it leaves the state; gives its id. */
async function stoppedAfter(state: string, mode = 'execute'): Promise<string> {
  const stopped = Promise.withResolvers<void>();
  site.onExit(state, async (execution) => {
    await site.stop(execution);
    stopped.resolve();
  });
  const run = await site.start(mode);
  await stopped.promise;
  return run;
}

const FREE = { fences: 0, lock: null };

test.each([
  { state: 'LoadPlan', outcome: 'refused', made: false },
  { state: 'MeasureBefore', outcome: 'refused', made: false },
  { state: 'RaiseFence', outcome: 'rolled-back', made: false },
  { state: 'CompleteRun', outcome: 'migrated', made: true },
])('a run that is stopped behind $state ends $outcome, and holds nothing', async ({ state, outcome, made }) => {
  const run = await stoppedAfter(state);
  expect(await site.ended(`recover-${run}-1`)).toBe('SUCCEEDED');
  expect(await site.held()).toEqual({ ...FREE, made });
  const report = await site.report(run);
  expect(report.outcome?.outcome).toBe(outcome);
  expect(report.recoveries).toMatchObject([
    { status: 'begun', by: `recover-${run}-1`, because: expect.stringContaining('ABORTED (Interrupted: by the test)') },
  ]);
  expect(site.notices()).toHaveLength(1);
  expect(await site.answers(1)).toEqual([`${run} started`]);
});

test('a rollback that is stopped on its way is brought to its end', async () => {
  await site.ended(await site.start('execute'));
  const run = await stoppedAfter('UndoPhase', 'rollback');
  await site.ended(`recover-${run}-1`);
  expect((await site.report(run)).outcome).toMatchObject({ outcome: 'rolled-back', exitCode: 0 });
  expect(await site.held()).toEqual({ ...FREE, made: false });
});

test('a dry run that is stopped is refused, and the database has no ledger', async () => {
  const run = await stoppedAfter('Assess', 'dry-run');
  await site.ended(`recover-${run}-1`);
  expect((await site.report(run)).outcome?.outcome).toBe('refused');
  expect(await site.held()).toEqual({ ...FREE, made: false });
});

test('a recovery that dies is followed by the next one', async () => {
  site.onExit('DecideRecovery', (execution) => site.stop(execution));
  const run = await stoppedAfter('RunBackfill');
  expect(await site.ended(`recover-${run}-1`)).toBe('ABORTED');
  expect(await site.ended(`recover-${run}-2`)).toBe('SUCCEEDED');
  const report = await site.report(run);
  expect(report.outcome?.outcome).toBe('rolled-back');
  expect(report.recoveries.map(({ number, status }) => `${number} ${status}`)).toEqual(['1 begun', '2 begun']);
  expect(await site.held()).toEqual({ ...FREE, made: false });
});

test('after three recoveries that failed a person is called, and no fourth begins', async () => {
  site.onExit('RunBackfill', (execution) => {
    site.desk.plan([{ call: { service: 'lambda', action: 'AcquireLock' }, nth: 1, times: 100, moment: 'before', effect: { kind: 'dies' } }]);
    return site.stop(execution);
  });
  const run = await site.start('execute');
  expect(await site.ended(`recover-${run}-3`)).toBe('FAILED');
  expect((await site.answers(4)).toSorted()).toEqual(
    [`${run} started`, ...[1, 2].map((n) => `recover-${run}-${n} started`), `recover-${run}-3 gave-up`].toSorted(),
  );
  const [notice, ...others] = site.notices();
  expect(others).toEqual([]);
  expect(notice).toContain('three needs a person, its run could not be settled');
  expect((await site.report(run)).recoveries.at(-1)).toMatchObject({ status: 'given-up', number: 3 });
  expect((await site.executions()).filter((name) => name.startsWith(`recover-${run}`))).toHaveLength(3);
  site.desk.plan([]);
  // What a person is told to do.
  await site.ended(await site.start('rollback'));
  expect(await site.held()).toEqual({ ...FREE, made: false });
});

test('an event that comes twice at once, and one that comes late, start nothing more', async () => {
  site.desk.plan([{ call: { service: 'events' }, nth: 1, moment: 'before', effect: { kind: 'twice' } }]);
  const run = await stoppedAfter('RunBackfill');
  await site.ended(`recover-${run}-1`);
  expect(await site.answers(2)).toHaveLength(2);
  expect((await site.executions()).filter((name) => name.startsWith(`recover-${run}`))).toEqual([`recover-${run}-1`]);
  expect((await site.report(run)).outcome?.outcome).toBe('rolled-back');
});

test('a run whose end nobody hears of is taken over by the next one, and a late event leaves it to that', async () => {
  site.desk.plan([{ call: { service: 'events' }, nth: 1, moment: 'before', effect: { kind: 'delayed', seconds: 12 } }]);
  const run = await stoppedAfter('RunBackfill');
  const next = await site.start('execute');
  expect(await site.ended(next)).toBe('SUCCEEDED');
  expect(await site.answers(1)).toEqual([`${run} left-alone`]);
  expect(await site.held()).toEqual({ ...FREE, made: true });
});

test('a recovery and a run that a person starts at the same time: one has the lock, the other ends without harm', async () => {
  const run = await stoppedAfter('RunBackfill');
  const next = await site.start('execute');
  const [status] = await Promise.all([site.ended(next), site.ended(`recover-${run}-1`)]);
  const report = await site.report(run);
  // Whoever was first.
  if (status === 'SUCCEEDED') expect(report.recoveries.at(-1)).toMatchObject({ status: 'left', because: expect.stringContaining(next) });
  else expect((await site.report(next)).outcome?.sentence).toContain(`recover-${run}-1 is RUNNING`);
  expect(await site.held()).toEqual({ ...FREE, made: status === 'SUCCEEDED' });
});

test('what ended with an outcome is looked at and left alone', async () => {
  await site.migrator.query('update source set note = null; alter table source add column more text; create table made (id int)');
  const run = await site.start('execute');
  expect(await site.ended(run)).toBe('FAILED');
  expect(await site.answers(1)).toEqual([`${run} left-alone`]);
});

/** Lets so much time pass by the engine's clock. */
async function pass(seconds: number): Promise<void> {
  const release = site.engine.clock.hold();
  await site.engine.clock.waitUntil(new Date(site.engine.clock.now().getTime() + seconds * 1000), new AbortController().signal);
  release();
}

async function schedules(): Promise<readonly string[]> {
  const { Schedules = [] } = await site.schedules().send(new ListSchedulesCommand({}));
  return Schedules.map(({ Name = '' }) => Name);
}

test('the dead man’s schedule of a fence settles a run whose end nobody hears of', async () => {
  site.desk.plan([{ call: { service: 'events' }, nth: 1, times: 100, moment: 'before', effect: { kind: 'lost' } }]);
  const run = await stoppedAfter('RaiseFence');
  expect(await schedules()).toEqual([deadManName(RunId.parse(run))]);
  expect(await site.held()).toMatchObject({ fences: 1, lock: run });
  await pass(1_801);
  expect(await site.ended(`recover-${run}-1`)).toBe('SUCCEEDED');
  expect((await site.report(run)).outcome?.outcome).toBe('rolled-back');
  expect(await site.held()).toEqual({ ...FREE, made: false });
  expect(await schedules()).toEqual([]);
});

/** When a schedule fires next; undefined while it is not there. */
async function firesAt(Name: string): Promise<number | undefined> {
  const { ScheduleExpression = '' } = await site
    .schedules()
    .send(new GetScheduleCommand({ Name }))
    .catch(() => ({ ScheduleExpression: '' }));
  return ScheduleExpression === '' ? undefined : Date.parse(`${ScheduleExpression.slice(3, -1)}Z`);
}

test('the dead man’s schedule of a run that lives moves itself on, and goes with the fence', async () => {
  const moved = Promise.withResolvers<number>();
  site.onExit('RaiseFence', async (run) => {
    // While the run is at work time is real, so the schedule comes to it.
    const Name = deadManName(RunId.parse(run));
    const soon = new Date(site.engine.clock.now().getTime() + 2_000).toISOString().slice(0, 19);
    const { FlexibleTimeWindow, Target, ActionAfterCompletion } = await site.schedules().send(new GetScheduleCommand({ Name }));
    await site
      .schedules()
      .send(new UpdateScheduleCommand({ Name, FlexibleTimeWindow, Target, ActionAfterCompletion, ScheduleExpression: `at(${soon})` }));
    const later = Date.parse(`${soon}Z`) + 1_800_000;
    await expect.poll(() => firesAt(Name), { timeout: 20_000 }).toBe(later);
    moved.resolve(later);
  });
  const run = await site.start('execute');
  await moved.promise;
  expect(await site.ended(run)).toBe('SUCCEEDED');
  expect(await schedules()).toEqual([]);
}, 60_000);
