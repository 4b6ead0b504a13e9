import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { INSTALL_SQL } from '../../../adapters/ledger-install.ts';
import { phaseLedger } from '../../../adapters/phase-ledger.ts';
import { transferLedger } from '../../../adapters/transfer-ledger.ts';
import { StatementFailedError, UnknownOutcomeError } from '../../../core/errors.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { verifyTarget } from '../../../lambdas/checks/verify-target.ts';
import { runBackfill } from '../../../lambdas/phases/run-backfill.ts';
import { runPhase } from '../../../lambdas/phases/run-phase.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import { beginRun, brokenWire, type Deployed, deploy, emptyPlanDatabase, entries, oneTransfer, refusal } from '../../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench));

interface Given {
  readonly source: string;
  readonly target: string;
  readonly key: string;
  readonly select?: string;
  readonly headers?: string;
}

async function readyToCopy({ source, target, key, select = 'select s.id, s.note from source s', headers = '' }: Given): Promise<{
  readonly plan: Deployed;
  readonly work: ChangingEnvelope & { readonly phase: string };
}> {
  await bench.sql(source);
  const rows = `--! into: target\n--! from: source\n--! key: ${key}\n--! sync: none\n${headers}${select};\n`;
  const plan = await deploy(bench, oneTransfer(target, '', { '2-copy/rows.sql': rows }));
  // The journal outlives a test; a run's entries are its own.
  const run = await beginRun(bench, plan, { id: `ranges-${randomUUID()}` });
  await runPhase(bench.ports)({ ...run, phase: 'schema' });
  return { plan, work: { ...run, phase: 'copy' } };
}

async function expectSame(): Promise<void> {
  const differing = `select count(*)::int as differing from (table source except all table target) a full join (table target except all table source) b on false`;
  expect(await bench.sql(differing)).toEqual([{ differing: 0 }]);
}

/** Keys that sort differently by value, by text and by their JSON. */
const PAIRS = `create table source (place text collate "C", day date, number bigint, note text, primary key (place, number));
insert into source select p, '2026-01-01', n, p || n from unnest(array['', 'a', 'a"b', 'a,b', '[[range x]]', 'b', 'B', '\\', 'ä', null]) p,
unnest(array[-9223372036854775808, -1, 0, 2, 10, 9007199254740993]) n where p is not null`;
const PAIR_TARGET = 'create table target (place text collate "C", number bigint, note text, primary key (place, number));\n';
const PAIR_SELECT = 'select s.place, s.number, s.note from source s';

test('a key of two columns is read in ranges, compared and taken out without losing or doubling a row', async () => {
  const { plan, work } = await readyToCopy({ source: PAIRS, target: PAIR_TARGET, key: 'place, number', select: PAIR_SELECT });
  const [, phase] = plan.plan.phases;
  if (phase?.kind !== 'transfer' || phase.transfers[0] === undefined) throw new Error('the plan has a transfer');
  await phaseLedger(bench.ports.session).begin(work.run, phase);
  for (let done = false; !done; ) {
    ({ done } = await transferLedger(bench.ports.session).copyBatch(work.run, { phase: 'copy', transfer: phase.transfers[0] }, { rows: 7 }));
  }
  expect(await runBackfill(bench.ports)(work)).toMatchObject({ done: true });
  expect(await bench.sql('select rows::int, batches from stepgate.transfer')).toEqual([{ rows: 54, batches: 8 }]);
  expect(await bench.sql('select count(*)::int as rows from source join target using (place, number, note)')).toEqual([{ rows: 54 }]);
  expect(await verifyTarget(bench.ports)({ ...work, progress: null })).toMatchObject({
    results: [{ sourceRows: 54, targetRows: 54, missing: 0, extra: 0 }],
  });
  await bench.sql("update target set note = 'mine' where place = 'b' and number = 2");
  expect(await undoPhase(bench.ports)(work)).toEqual({ next: 'decide' });
  expect(await bench.sql('select key, (select count(*)::int from target) as left from stepgate_archive.row')).toEqual([
    { key: '["b", "2"]', left: 0 },
  ]);
});

test.each([
  { what: 'an index over more columns', index: 'place, number, note' },
  { what: 'an index over fewer', index: 'number' },
])('a key of two columns with $what is refused by name', async ({ index }) => {
  const target = `create table target (place text collate "C" not null, number bigint not null, note text, unique (${index}));\n`;
  const { work } = await readyToCopy({ source: PAIRS, target, key: 'place, number', select: PAIR_SELECT });
  const error = await refusal(runBackfill(bench.ports)(work));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toContain("public.target (place, number) are not the table's key");
});

const PLAIN = { source: 'create table source (id int primary key, note text)', target: 'create table target (id int primary key, note text);\n' };
const UUIDS = { source: 'create table source (id uuid primary key, note text)', target: 'create table target (id uuid primary key, note text);\n' };
const filled = ({ source }: { readonly source: string }, id: string) =>
  `${source}; insert into source select ${id}, 'note ' || i from generate_series(1, 300) i; `;
const ANALYZED = 'analyze source;';
const OLD_STATISTICS = 'analyze source; update source set id = -id;';

test.each([
  { what: 'integers that were counted', key: 'id', ...PLAIN, source: filled(PLAIN, 'i'), ranges: 4 },
  { what: 'integers by their statistics', key: 'id', ...PLAIN, source: filled(PLAIN, 'i') + ANALYZED, ranges: 4 },
  { what: 'integers of which the statistics know nothing', key: 'id', ...PLAIN, source: filled(PLAIN, 'i') + OLD_STATISTICS, ranges: 1 },
  { what: 'uuids that were counted', key: 'id', ...UUIDS, source: filled(UUIDS, "md5('row' || i)::uuid"), ranges: 4 },
  { what: 'uuids by their statistics', key: 'id', ...UUIDS, source: filled(UUIDS, "md5('row' || i)::uuid") + ANALYZED, ranges: 4 },
  { what: 'pairs that were counted', key: 'place, number', source: PAIRS, target: PAIR_TARGET, select: PAIR_SELECT, ranges: 4 },
  { what: 'fewer rows than ranges', key: 'id', ...PLAIN, source: `${PLAIN.source}; insert into source values (1, 'a'), (2, 'b')`, ranges: 2 },
  { what: 'no rows', key: 'id', ...PLAIN, source: `${PLAIN.source}; `, ranges: 1 },
])('$what are copied in four ranges at once, or in as many as there can be', async ({ ranges, ...given }) => {
  const { work } = await readyToCopy({ ...given, headers: '--! parallel: 4\n' });
  expect(await runBackfill(bench.ports)(work)).toEqual({ done: true, transfer: null, rows: 0 });
  const rows = await bench.sql<{ rows: number }>('select count(*)::int as rows from source');
  expect(await bench.sql('select count(*)::int as ranges, sum(rows)::int as rows from stepgate.transfer')).toEqual([{ ranges, rows: rows[0]?.rows }]);
  expect(await bench.sql('select count(*)::int as rows from target')).toEqual(rows);
  expect(await entries(bench, work, 'transfer')).toMatchObject([rows[0] ?? {}]);
  expect(await undoPhase(bench.ports)(work)).toEqual({ next: 'decide' });
  expect(await bench.sql('select (select count(*)::int from target) + (select count(*)::int from stepgate_archive.row) as left')).toEqual([
    { left: 0 },
  ]);
});

test('ranges of a run that died are gone on with, rows beyond the outer ones included', async () => {
  const { work } = await readyToCopy({ ...PLAIN, source: filled(PLAIN, 'i'), key: 'id', headers: '--! parallel: 3\n' });
  let calls = 0;
  const wire = await brokenWire(bench, (sql) => sql.includes('run_batch') && ++calls === 1);
  expect(await refusal(runBackfill(wire.ports)(work))).toBeInstanceOf(UnknownOutcomeError);
  await wire.close();
  const ranges = 'select range_number, upper_key from stepgate.transfer order by range_number';
  const before = await bench.sql(ranges);
  await bench.sql("insert into source values (-5, 'below'), (999, 'above')");
  // As it is found by who comes when one range is done, another in its middle, and the third has not begun.
  await bench.sql(`delete from target where id <= 100 or id > 150; update stepgate.transfer set last_key = null, done_at = null, rows = 0 where range_number = 0;
update stepgate.transfer set last_key = '150', done_at = null where range_number = 1; update stepgate.transfer set last_key = '200', done_at = null where range_number = 2`);
  expect(await Promise.all([1, 2].map(() => runBackfill(bench.ports)(work).catch((error: unknown) => error)))).toContainEqual(
    expect.objectContaining({ done: true }),
  );
  expect(await bench.sql(ranges)).toEqual(before);
  expect(before).toHaveLength(3);
  await expectSame();
});

test('a table that refers to itself is copied in one range, and tables after those that they refer to', async () => {
  const { work } = await readyToCopy({
    source: `create table source (id int primary key, parent int); insert into source select i, nullif(i - 1, 0) from generate_series(1, 40) i`,
    target: 'create table target (id int primary key, parent int references target);\n',
    key: 'id',
    headers: '--! parallel: 4\n',
    select: 'select s.id, s.parent from source s',
  });
  expect(await runBackfill(bench.ports)(work)).toMatchObject({ done: true });
  expect(await bench.sql('select count(*)::int as ranges from stepgate.transfer')).toEqual([{ ranges: 1 }]);
  await expectSame();
});

test('targets are filled after those that they refer to, and emptied before, whatever order the plan gives', async () => {
  await bench.sql('create table people (id int primary key); create table shares (id int primary key, person int)');
  await bench.sql('insert into people values (1), (2); insert into shares values (1, 2), (2, 1)');
  const transfer = (into: string, from: string, columns: string) =>
    `--! into: ${into}\n--! from: ${from}\n--! key: id\n--! sync: none\nselect ${columns} from ${from} s;\n`;
  const plan = await deploy(bench, {
    'plan.yaml': 'title: Two tables\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [shares, people] }\n',
    '1-schema/up.sql': 'create table persons (id int primary key);\ncreate table parts (id int primary key, person int references persons);\n',
    '1-schema/undo.sql': 'drop table parts;\ndrop table persons;\n',
    '2-copy/shares.sql': transfer('parts', 'shares', 's.id, s.person'),
    '2-copy/people.sql': transfer('persons', 'people', 's.id'),
  });
  const run = await beginRun(bench, plan, { id: 'order' });
  await runPhase(bench.ports)({ ...run, phase: 'schema' });
  expect(await runBackfill(bench.ports)({ ...run, phase: 'copy' })).toMatchObject({ done: true });
  expect(await undoPhase(bench.ports)({ ...run, phase: 'copy' })).toEqual({ next: 'decide' });
  expect(await bench.sql('select (select count(*)::int from persons) + (select count(*)::int from parts) as left')).toEqual([{ left: 0 }]);
});

test('a ledger from before ranges keeps its cursors, each as the only range of its transfer', async () => {
  const { work } = await readyToCopy({ ...PLAIN, source: filled(PLAIN, 'i'), key: 'id' });
  await runBackfill(bench.ports)(work);
  await bench.sql(`alter table stepgate.transfer drop constraint transfer_pkey, add primary key (plan, phase, transfer, direction),
drop column range_number, drop column upper_key, drop column mapped, drop column quarantined, drop column paused_ms, drop column pausing_for`);
  await bench.sql(INSTALL_SQL);
  await bench.sql(INSTALL_SQL);
  expect(await bench.sql('select range_number, upper_key, rows::int from stepgate.transfer')).toEqual([
    { range_number: 0, upper_key: null, rows: 300 },
  ]);
  expect(await runBackfill(bench.ports)(work)).toMatchObject({ done: true });
  await expectSame();
});
