import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { phaseLedger } from '../../../adapters/phase-ledger.ts';
import { transferLedger } from '../../../adapters/transfer-ledger.ts';
import { DatabaseBusyError, StatementFailedError, UnknownOutcomeError } from '../../../core/errors.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { verifyTarget } from '../../../lambdas/checks/verify-target.ts';
import type { StatePorts } from '../../../lambdas/middleware/ports.ts';
import { runBackfill } from '../../../lambdas/phases/run-backfill.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import {
  beginRun,
  brokenWire,
  type Deployed,
  deploy,
  emptyPlanDatabase,
  entries,
  oneTransfer,
  refusal,
  runPhases,
} from '../../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench));

const SOURCE = "create table source (id int primary key, note text); insert into source select i, 'note ' || i from generate_series(1, 300) i;";
const TARGET = 'create table target (id int primary key, note text);\n';
const COPY = oneTransfer(TARGET, 'select s.id, s.note from source s');

async function readyToCopy(id: string, files = COPY): Promise<{ readonly plan: Deployed; readonly run: ChangingEnvelope }> {
  const plan = await deploy(bench, files);
  const run = await beginRun(bench, plan, { id });
  await runPhases(bench.ports, run, 'copy');
  return { plan, run };
}

/** One small batch after another, until the cursor says that it is done. */
async function copyInBatches(ports: StatePorts, { plan, run }: { plan: Deployed; run: ChangingEnvelope }, rows: number): Promise<void> {
  const [transfer] = plan.plan.phases.flatMap((phase) => (phase.kind === 'transfer' ? phase.transfers : []));
  if (transfer === undefined) throw new Error('the plan has a transfer');
  const phase = plan.plan.phases.find((one) => one.kind === 'transfer');
  if (phase !== undefined) await phaseLedger(ports.session).begin(run.run, phase);
  for (let done = false; !done; ) {
    ({ done } = await transferLedger(ports.session).copyBatch(run.run, { phase: 'copy', transfer }, { rows }));
  }
}

async function expectSame(): Promise<void> {
  expect(
    await bench.sql(`select count(*)::int as differing from (table source except all table target) a
full join (table target except all table source) b on false`),
  ).toEqual([{ differing: 0 }]);
}

test('RunBackfill run twice moves every row once', async () => {
  await bench.sql(SOURCE);
  const { run } = await readyToCopy('twice');
  expect(await runBackfill(bench.ports)({ ...run, phase: 'copy' })).toEqual({ done: true, transfer: null, rows: 0 });
  expect(await runBackfill(bench.ports)({ ...run, phase: 'copy' })).toEqual({ done: true, transfer: null, rows: 0 });
  await expectSame();
  expect(await entries(bench, run, 'transfer')).toMatchObject([{ transfer: 'rows', direction: 'up', rows: 300, batches: 1, archived: null }]);
});

test('a filled target has its statistics, unless somebody holds it', async () => {
  await bench.sql(SOURCE);
  const { run } = await readyToCopy('counted');
  const holder = await bench.connect();
  const rows = async () => (await bench.sql<{ rows: number }>("select reltuples::int as rows from pg_class where oid = 'target'::regclass"))[0]?.rows;
  try {
    await holder.query('begin; lock table target in share update exclusive mode');
    expect((await runBackfill(bench.ports)({ ...run, phase: 'copy' })).done).toBe(true);
    expect(await rows()).toBe(-1);
  } finally {
    await holder.end();
  }
  expect((await runBackfill(bench.ports)({ ...run, phase: 'copy' })).done).toBe(true);
  expect(await rows()).toBe(300);
});

test('RunBackfill beside itself moves every row once, ten times over', async () => {
  await bench.sql(SOURCE);
  const { run } = await readyToCopy('beside');
  for (let time = 0; time < 10; time += 1) {
    await bench.sql('truncate target; delete from stepgate.transfer; update stepgate.phase set applied_at = null where phase = $$copy$$');
    const both = await Promise.allSettled([1, 2, 3].map(() => runBackfill(bench.ports)({ ...run, phase: 'copy' })));
    for (const one of both) {
      if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(DatabaseBusyError);
    }
    expect(await runBackfill(bench.ports)({ ...run, phase: 'copy' })).toMatchObject({ done: true });
    await expectSame();
  }
});

test('batches of two callers take turns at one cursor', async () => {
  await bench.sql(SOURCE);
  const ready = await readyToCopy('turns');
  await Promise.all([1, 2].map(() => copyInBatches(bench.ports, ready, 17)));
  await expectSame();
  expect(await bench.sql('select rows::int, batches, last_key from stepgate.transfer')).toEqual([{ rows: 300, batches: 18, last_key: '300' }]);
});

test('a run that died between batches goes on where it stopped', async () => {
  await bench.sql(SOURCE);
  const { run } = await readyToCopy('died');
  const wire = await brokenWire(bench, (sql) => sql.includes('run_batch'));
  expect(await refusal(runBackfill(wire.ports)({ ...run, phase: 'copy' }))).toBeInstanceOf(UnknownOutcomeError);
  await wire.close();
  expect(await runBackfill(bench.ports)({ ...run, phase: 'copy' })).toMatchObject({ done: true });
  await expectSame();
});

test('answers lost at random leave every row there once', async () => {
  await bench.sql(SOURCE);
  const ready = await readyToCopy('random');
  let calls = 0;
  const wire = await brokenWire(bench, (sql) => sql.includes('run_batch') && [1, 2, 4, 7, 8, 9, 12].includes(++calls));
  for (let isDone = false; !isDone; ) {
    isDone = await copyInBatches(wire.ports, ready, 31).then(
      () => true,
      (error: unknown) => {
        expect(error).toBeInstanceOf(UnknownOutcomeError);
        return false;
      },
    );
  }
  await wire.close();
  expect(calls).toBeGreaterThan(10);
  await expectSame();
});

const ODD_TEXTS = [
  "'",
  "''",
  '\\',
  '\\\\',
  "\\'",
  '\\1',
  '\\&',
  '[[range x]]',
  '[[range "id"]]',
  '$1',
  '%s',
  ':name',
  'ABC',
  'abc',
  'Äpfel',
  'äpfel',
  'Z',
  '_',
  '😀',
  ' ',
  '  x',
];

test.each([
  { type: 'text', values: ODD_TEXTS },
  { type: 'text collate "C"', values: ODD_TEXTS },
  { type: 'text collate "und-x-icu"', values: ODD_TEXTS },
  { type: 'varchar(40)', values: ODD_TEXTS },
  { type: 'bigint', values: ['-9223372036854775808', '-1', '0', '1', '9007199254740993', '9223372036854775807'] },
  { type: 'numeric', values: ['-1.50', '-1.5000000000000000000001', '0', '0.00000000000000000000001', '123456789012345678901234567890'] },
  { type: 'uuid', values: ['ffffffff-ffff-ffff-ffff-ffffffffffff', '00000000-0000-0000-0000-000000000000', '7f000000-0000-4000-8000-000000000001'] },
  {
    type: 'timestamptz',
    values: [
      '-infinity',
      '0044-03-15 00:00:00+00 BC',
      '1970-01-01 00:00:00.000001+00',
      '1970-01-01 00:00:00.000002+00',
      '2026-10-25 00:30:00+00',
      'infinity',
    ],
  },
  { type: 'date', values: ['0001-01-01', '2026-01-31', '2026-02-01'] },
  { type: 'double precision', values: ['-Infinity', '-1e300', '0.1', '0.30000000000000004', 'NaN'] },
  { type: 'bytea', values: ['\\x', '\\x00', '\\x5c27', '\\xff'] },
])('keys of type $type are read in ranges without losing or doubling one', async ({ type, values }) => {
  const list = values.map((value) => `('${value.replaceAll("'", "''")}')`).join(', ');
  await bench.sql(`create table source (id ${type} primary key, note text); insert into source select column1::${type}, 'n' from (values ${list}) v`);
  const ready = await readyToCopy(
    'keys',
    oneTransfer(`create table target (id ${type} primary key, note text);\n`, 'select s.id, s.note from source s'),
  );
  await copyInBatches(bench.ports, ready, 1);
  expect(await runBackfill(bench.ports)({ ...ready.run, phase: 'copy' })).toMatchObject({ done: true });
  expect(await bench.sql('select rows::int, batches from stepgate.transfer')).toEqual([{ rows: values.length, batches: values.length }]);
  expect(await verifyTarget(bench.ports)({ ...ready.run, progress: null })).toMatchObject({ done: true, results: [{ sourceRows: values.length }] });
  expect(await undoPhase(bench.ports)({ ...ready.run, phase: 'copy' })).toEqual({ next: 'decide' });
  expect(await bench.sql('select (select count(*)::int from target) + (select count(*)::int from stepgate_archive.row) as left')).toEqual([
    { left: 0 },
  ]);
});

test('names that need quotes, and texts of the plan that look like ours, are taken as they are', async () => {
  await bench.sql(`create table "So]urce ""x""" ("I]d" int primary key, note text); insert into "So]urce ""x""" values (1, 'a'), (2, 'b')`);
  const ready = await readyToCopy(
    'quoted',
    oneTransfer('create table target ("Key]" int primary key, "a ""b""" text, note text);\n', '', {
      '2-copy/rows.sql': `--! into: target
--! from: "So]urce ""x"""
--! key: "Key]"
--! sync: none
select s."I]d" as "Key]", '[[range "x"]]' as "a ""b""", '[[range mapped.id]] $1 \\1' as note from "So]urce ""x""" s;
`,
    }),
  );
  await copyInBatches(bench.ports, ready, 1);
  expect(await bench.sql('select * from target where "Key]" = 2')).toEqual([
    { 'Key]': 2, 'a "b"': '[[range "x"]]', note: '[[range mapped.id]] $1 \\1' },
  ]);
  expect(await verifyTarget(bench.ports)({ ...ready.run, progress: null })).toMatchObject({ results: [{ sourceRows: 2, targetRows: 2 }] });
  expect(await undoPhase(bench.ports)({ ...ready.run, phase: 'copy' })).toEqual({ next: 'decide' });
});

test('an empty source is done at once', async () => {
  await bench.sql('create table source (id int primary key, note text)');
  const { run } = await readyToCopy('empty');
  expect(await runBackfill(bench.ports)({ ...run, phase: 'copy' })).toMatchObject({ done: true });
  expect(await entries(bench, run, 'transfer')).toMatchObject([{ rows: 0, batches: 0 }]);
});

const REFUSED = [
  {
    what: 'a target that holds rows',
    target: `${TARGET}insert into target values (1, 'x');\n`,
    select: 'select s.id, s.note from source s',
    said: 'already holds rows',
  },
  {
    what: 'a column of another type',
    target: 'create table target (id int primary key, note varchar(9));\n',
    select: 'select s.id, s.note from source s',
    said: 'note is text in the SELECT and character varying',
  },
  {
    what: 'a column that is not there',
    target: 'create table target (id int primary key);\n',
    select: 'select s.id, s.note from source s',
    said: 'has no column note',
  },
  {
    what: 'a generated column',
    target: "create table target (id int primary key, note text generated always as ('x') stored);\n",
    select: 'select s.id, s.note from source s',
    said: '2-copy/rows.sql:5: public.target.note is generated by the database, which takes no value for it; leave it out of the SELECT, or make it a plain column',
  },
  {
    what: 'a value that the target refuses',
    target: 'create table target (id int primary key, note text check (length(note) < 7));\n',
    select: 'select s.id, s.note from source s',
    said: 'violates check constraint "target_note_check"',
  },
  {
    what: 'one row twice',
    target: TARGET,
    select: 'select s.id, s.note from source s join (values (1), (2)) v on true',
    said: 'duplicate key value violates unique constraint "target_pkey"',
  },
  {
    what: 'a target whose key is not unique',
    target: 'create table target (id int not null, note text);\n',
    select: 'select s.id, s.note from source s',
    said: 'target.id',
  },
  {
    what: 'a target whose key may be null',
    target: 'create table target (id int unique, note text);\n',
    select: 'select s.id, s.note from source s',
    said: 'target.id',
  },
] as const;

test.each(REFUSED)('$what is refused by name, and nothing is moved', async ({ target, select, said }) => {
  await bench.sql(SOURCE);
  const { run } = await readyToCopy('refused', oneTransfer(target, select));
  const before = await bench.sql('select count(*)::int as rows from target');
  const error = await refusal(runBackfill(bench.ports)({ ...run, phase: 'copy' }));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toContain(said);
  expect(error.message).not.toContain('note 1');
  expect(await bench.sql('select count(*)::int as rows from target')).toEqual(before);
});

test.each([
  {
    what: 'a value that no cast takes',
    select: 'select s.id, s.note::int::text as note from source s',
    said: 'invalid input syntax for type integer: (a value, not shown)',
  },
  { what: 'a column that is not there', select: 'select s.id, s.nothing as note from source s', said: 'column s.nothing does not exist' },
])('$what is said with the transfer, its file and its line, and without the value', async ({ select, said }) => {
  await bench.sql(SOURCE);
  const { run } = await readyToCopy('named', oneTransfer(TARGET, select));
  const error = await refusal(runBackfill(bench.ports)({ ...run, phase: 'copy' }));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toMatch(/^transfer rows \(2-copy\/rows\.sql:\d+\): ERROR: /);
  expect(error.message).toContain(said);
  expect(error.message).not.toContain('note 1');
});

test('a text key that source and target sort differently is refused before a row is moved', async () => {
  await bench.sql('create table source (id text collate "C" primary key, note text); insert into source values ($$a$$, $$b$$)');
  const { run } = await readyToCopy(
    'collation',
    oneTransfer('create table target (id text collate "und-x-icu" primary key, note text);\n', 'select s.id, s.note from source s'),
  );
  const error = await refusal(runBackfill(bench.ports)({ ...run, phase: 'copy' }));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toContain('collation');
  expect(await undoPhase(bench.ports)({ ...run, phase: 'copy' })).toEqual({ next: 'decide' });
});

test('a run that lost its lock moves nothing', async () => {
  await bench.sql(SOURCE);
  const { run } = await readyToCopy('stale');
  await bench.sql('update stepgate.lock set token = token + 1');
  expect((await refusal(runBackfill(bench.ports)({ ...run, phase: 'copy' }))).name).toBe('StaleTokenError');
  expect(await bench.sql('select count(*)::int as rows from target')).toEqual([{ rows: 0 }]);
});
