import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { phaseLedger } from '../../../adapters/phase-ledger.ts';
import { transferLedger } from '../../../adapters/transfer-ledger.ts';
import { DatabaseBusyError, StatementFailedError, UndoFailedError, UnknownOutcomeError } from '../../../core/errors.ts';
import { decideRecovery } from '../../../lambdas/rollback/decide-recovery.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import {
  beginMeasuredRun,
  beginRun,
  brokenWire,
  deploy,
  emptyDatabase,
  entries,
  onePhase,
  oneTransfer,
  refusal,
  runPhases,
} from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() =>
  emptyDatabase(bench, 'create table source (id int primary key, note text); insert into source select i, i::text from generate_series(1, 20) i;'),
);

const COPY = oneTransfer(
  "create table target (id int primary key, note text, country text default 'DE', seen_at timestamptz default now());\n",
  'select s.id, s.note from source s',
);

test('UndoPhase of each kind of phase, run twice and beside itself, undoes it once', async () => {
  await emptyDatabase(bench, SMALL_SOURCE);
  const run = await beginRun(bench, await deploy(bench, SMALL_PLAN), { id: 'whole' });
  await runPhases(bench.ports, run);
  for (const phase of ['owners', 'indexes', 'copy', 'schema']) {
    const both = await Promise.allSettled([1, 2].map(() => undoPhase(bench.ports)({ ...run, phase })));
    for (const one of both) {
      if (one.status === 'rejected') expect(one.reason, phase).toBeInstanceOf(DatabaseBusyError);
    }
    expect(await undoPhase(bench.ports)({ ...run, phase }), phase).toEqual({ next: 'decide' });
    expect(await undoPhase(bench.ports)({ ...run, phase }), phase).toEqual({ next: 'decide' });
  }
  expect(await bench.sql('select phase from stepgate.phase')).toEqual([]);
  expect(await bench.sql('select key from stepgate_archive.row')).toEqual([]);
  expect(await bench.sql("select to_regclass('customers')::text as target")).toEqual([{ target: null }]);
});

test('what the plan did not put into a target is archived whole and counted, the rest goes', async () => {
  const run = await beginRun(bench, await deploy(bench, COPY), { id: 'archive' });
  await runPhases(bench.ports, run);
  await bench.sql(`insert into target (id, note) values (0, 'below'), (99, 'above');
update target set note = 'changed' where id = 3;
update target set note = null where id = 4;
update target set country = 'AT' where id = 5`);
  expect(await undoPhase(bench.ports)({ ...run, phase: 'copy' })).toEqual({ next: 'decide' });
  expect(await bench.sql("select key, image->>'note' as note, image->>'country' as country from stepgate_archive.row order by key::int")).toEqual([
    { key: '0', note: 'below', country: 'DE' },
    { key: '3', note: 'changed', country: 'DE' },
    { key: '4', note: null, country: 'DE' },
    { key: '5', note: '5', country: 'AT' },
    { key: '99', note: 'above', country: 'DE' },
  ]);
  expect(await bench.sql('select id from target')).toEqual([]);
  const undone = (await entries(bench, run, 'transfer')).filter((entry) => entry.direction === 'undo');
  expect(undone).toMatchObject([{ transfer: 'rows', archived: { table: 'stepgate_archive.row', rows: 5 } }]);
});

test('an image holds the whole row also where a column is called like the query calls the table', async () => {
  const plan = await deploy(
    bench,
    oneTransfer('create table target (id int primary key, t text, x int);\n', 'select s.id, s.note as t from source s'),
  );
  const run = await beginRun(bench, plan, { id: 'alias' });
  await runPhases(bench.ports, run);
  await bench.sql("insert into target values (99, 'foreign', 7)");
  await undoPhase(bench.ports)({ ...run, phase: 'copy' });
  expect(await bench.sql('select image from stepgate_archive.row')).toEqual([{ image: { id: 99, t: 'foreign', x: 7 } }]);
});

test('an undo that another run finishes counts what the first one archived', async () => {
  const plan = await deploy(bench, COPY);
  const first = await beginMeasuredRun(bench, plan, { id: 'first' });
  await runPhases(bench.ports, first);
  await bench.sql("insert into target (id, note) values (99, 'foreign')");
  const wire = await brokenWire(bench, (sql) => sql.includes('undo_phase'));
  expect(await refusal(undoPhase(wire.ports)({ ...first, phase: 'copy' }))).toBeInstanceOf(UnknownOutcomeError);
  await wire.close();
  // As if the last call had not come through.
  await bench.sql(`insert into stepgate.phase (plan, phase, ordinal, digest, run_id, undo_begun_at)
select plan, 'copy', 2, 'x', 'first', '-infinity' from stepgate.plan; update stepgate.lock set run_id = null`);
  const second = await beginRun(bench, plan, { id: 'second', mode: 'rollback' });
  expect(await undoPhase(bench.ports)({ ...second, phase: 'copy' })).toEqual({ next: 'decide' });
  const undone = (await entries(bench, second, 'transfer')).filter((entry) => entry.direction === 'undo');
  expect(undone).toMatchObject([{ archived: { rows: 1 } }]);
});

test('an undo whose last answer was lost is found done', async () => {
  const run = await beginRun(bench, await deploy(bench, COPY), { id: 'lost' });
  await runPhases(bench.ports, run);
  const wire = await brokenWire(bench, (sql) => sql.includes('undo_phase'));
  expect(await refusal(undoPhase(wire.ports)({ ...run, phase: 'copy' }))).toBeInstanceOf(UnknownOutcomeError);
  expect(await undoPhase(wire.ports)({ ...run, phase: 'copy' })).toEqual({ next: 'decide' });
  await wire.close();
});

test('a transfer that had not begun leaves a table that the plan did not make alone', async () => {
  await bench.sql("create table target (id int primary key, note text); insert into target values (7, 'not ours')");
  const plan = await deploy(bench, {
    'plan.yaml': 'title: One transfer\nphases:\n  - { id: copy, transfers: [rows] }\n',
    '1-copy/rows.sql': COPY['2-copy/rows.sql'] ?? '',
  });
  const run = await beginRun(bench, plan, { id: 'filled' });
  const error = await refusal(runPhases(bench.ports, run));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toContain('public.target already holds rows');
  expect(await undoPhase(bench.ports)({ ...run, phase: 'copy' })).toEqual({ next: 'decide' });
  expect(await bench.sql('select id from target')).toEqual([{ id: 7 }]);
});

test('a phase whose plan says that it cannot be undone halts with the reason', async () => {
  const plan = await deploy(bench, {
    'plan.yaml': 'title: No way back\nphases:\n  - { id: only, undo: none, because: the notes are gone }\n',
    '1-only/up.sql': 'update source set note = null;\n',
  });
  const run = await beginRun(bench, plan, { id: 'none' });
  await runPhases(bench.ports, run);
  const error = await refusal(undoPhase(bench.ports)({ ...run, phase: 'only' }));
  expect(error).toBeInstanceOf(UndoFailedError);
  expect(error.message).toContain('the notes are gone');
});

test('VACUUM needs no undo', async () => {
  const plan = await deploy(bench, {
    'plan.yaml': 'title: Statistics\nphases:\n  - { id: only, undo: none, because: statistics change no row }\n',
    '1-only/up.sql': 'vacuum (analyze) source;\n',
  });
  const run = await beginRun(bench, plan, { id: 'vacuum' });
  await runPhases(bench.ports, run);
  expect(await undoPhase(bench.ports)({ ...run, phase: 'only' })).toEqual({ next: 'decide' });
  expect(await decideRecovery(bench.ports)({ ...run, failure: null })).toMatchObject({ kind: 'none' });
});

test('an undo that fails is named and keeps what is there', async () => {
  const run = await beginRun(bench, await deploy(bench, onePhase('create table made (id int);\n', 'drop table made;\ndrop table source_;\n')), {
    id: 'fails',
  });
  await runPhases(bench.ports, run);
  const error = await refusal(undoPhase(bench.ports)({ ...run, phase: 'only' }));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toMatch(/1-only\/undo\.sql:\d+: statement 2: table "source_" does not exist/);
  expect(await bench.sql("select to_regclass('made')::text as made, (select phase from stepgate.phase) as phase")).toEqual([
    { made: 'made', phase: 'only' },
  ]);
});

test('a batch forward that arrives after the undo has begun moves nothing', async () => {
  const plan = await deploy(bench, COPY);
  const run = await beginRun(bench, plan, { id: 'fenced' });
  await runPhases(bench.ports, run, 'copy');
  const [transfer] = plan.plan.phases.flatMap((phase) => (phase.kind === 'transfer' ? phase.transfers : []));
  const [, copy] = plan.plan.phases;
  if (transfer === undefined || copy === undefined) throw new Error('the plan has a transfer');
  await phaseLedger(bench.ports.session).begin(run.run, copy);
  const batch = (rows: number) => transferLedger(bench.ports.session).copyBatch(run.run, { phase: 'copy', transfer }, rows);
  expect(await batch(5)).toMatchObject({ done: false, rows: 5 });
  await phaseLedger(bench.ports.session).beginUndo(run.run, copy);
  expect(await refusal(batch(5))).toBeInstanceOf(StatementFailedError);
  expect(await bench.sql('select count(*)::int as rows from target')).toEqual([{ rows: 5 }]);
});
