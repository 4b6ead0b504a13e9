import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { phaseLedger } from '../../../adapters/phase-ledger.ts';
import { transferLedger } from '../../../adapters/transfer-ledger.ts';
import { DatabaseBusyError, GateRefusedError, StatementFailedError, UndoFailedError, UnknownOutcomeError } from '../../../core/errors.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { decideRecovery } from '../../../lambdas/rollback/decide-recovery.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import {
  beginMeasuredRun,
  beginRun,
  brokenWire,
  deploy,
  emptyPlanDatabase,
  entries,
  onePhase,
  oneTransfer,
  refusal,
  retried,
  runPhases,
  until,
} from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() =>
  emptyPlanDatabase(
    bench,
    'create table source (id int primary key, note text); insert into source select i, i::text from generate_series(1, 20) i;',
  ),
);

const COPY = oneTransfer(
  "create table target (id int primary key, note text, country text default 'DE', seen_at timestamptz default now());\n",
  'select s.id, s.note from source s',
);

test('UndoPhase of each kind of phase, run twice and beside itself, undoes it once', async () => {
  await emptyPlanDatabase(bench, SMALL_SOURCE);
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
  expect(await decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED })).toMatchObject({ kind: 'none' });
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
  const batch = (rows: number) => transferLedger(bench.ports.session).copyBatch(run.run, { phase: 'copy', transfer }, { rows });
  expect(await batch(5)).toMatchObject({ done: false, rows: 5 });
  await phaseLedger(bench.ports.session).beginUndo(run.run, copy);
  expect(await refusal(batch(5))).toBeInstanceOf(StatementFailedError);
  expect(await bench.sql('select count(*)::int as rows from target')).toEqual([{ rows: 5 }]);
});

/** A plan with a table that no transfer fills, one that its own SQL fills, and columns on the source. */
const MAKES = oneTransfer(
  `--! allow: JSON_COLUMN because its text comes back byte for byte
create table target (id int primary key, note text);
create table remarks (id int primary key, target_id int references target on delete cascade, body json);
create table kinds (kind text primary key);
insert into kinds values ('a'), ('b');
alter table source add column context text not null default 'old', add column extra json;
`,
  'select s.id, s.note from source s',
  { '1-schema/undo.sql': 'alter table source drop column extra, drop column context;\ndrop table kinds, remarks, target;\n' },
);
const KEPT = 'select phase, table_name as "table", image::text as image from stepgate_archive.row where transfer is null order by id';

async function undoBoth(run: ChangingEnvelope): Promise<void> {
  for (const phase of ['copy', 'schema']) expect(await undoPhase(bench.ports)({ ...run, phase })).toEqual({ next: 'decide' });
}

test('what others wrote into tables and columns that no transfer fills is kept, byte for byte, before it goes', async () => {
  const run = await beginRun(bench, await deploy(bench, MAKES), { id: 'kept' });
  await runPhases(bench.ports, run);
  await bench.sql(`insert into remarks values (1, 3, '{"a":"\\u0000","a":2}'), (2, null, null);
insert into kinds values ('c');
update source set context = 'new' where id = 4; update source set extra = '{"b": 1,"b": 2}' where id = 5`);
  await undoBoth(run);
  expect(await bench.sql(KEPT)).toEqual([
    { phase: 'copy', table: 'public.remarks', image: '{"id":1,"target_id":3,"body":{"a":"\\u0000","a":2}}' },
    { phase: 'schema', table: 'public.source', image: '{"id":4,"context":"new","extra":null}' },
    { phase: 'schema', table: 'public.source', image: '{"id":5,"context":"old","extra":{"b": 1,"b": 2}}' },
    { phase: 'schema', table: 'public.remarks', image: '{"id":2,"target_id":null,"body":null}' },
    ...['a', 'b', 'c'].map((kind) => ({ phase: 'schema', table: 'public.kinds', image: `{"kind":"${kind}"}` })),
  ]);
  const kept = Object.fromEntries((await entries(bench, run, 'kept')).map((entry) => [entry.phase, entry.tables]));
  expect(kept).toEqual({
    copy: [{ table: 'public.remarks', rows: 1 }],
    schema: [
      { table: 'public.kinds', rows: 3 },
      { table: 'public.remarks', rows: 1 },
      { table: 'public.source', rows: 2 },
    ],
  });
});

test('what only the plan wrote into its tables and columns is not kept', async () => {
  const filled = { ...MAKES, '1-schema/up.sql': `${MAKES['1-schema/up.sql']}update source set context = 'by the plan', extra = '{}';\n` };
  const run = await beginRun(bench, await deploy(bench, filled), { id: 'own' });
  await runPhases(bench.ports, run);
  await undoBoth(run);
  expect(await bench.sql(KEPT)).toEqual([]);
});

test('rows that an undo deletes by its own SQL are kept first, since nobody can tell whose they are in a table that a later phase filled', async () => {
  const plan = {
    'plan.yaml': 'title: Filled by SQL\nphases:\n  - { id: schema }\n  - { id: fill }\n',
    '1-schema/up.sql': 'create table copies (id int primary key, note text);\n',
    '1-schema/undo.sql': 'drop table copies;\n',
    '2-fill/up.sql': 'insert into copies select id, note from source;\n',
    '2-fill/undo.sql': 'delete from copies;\n',
  };
  for (const [id, change] of [
    ['untouched', ''],
    ['touched', "update copies set note = 'mine' where id = 7"],
  ] as const) {
    await emptyPlanDatabase(
      bench,
      'create table source (id int primary key, note text); insert into source select i, i::text from generate_series(1, 20) i;',
    );
    const run = await beginRun(bench, await deploy(bench, plan), { id });
    await runPhases(bench.ports, run);
    await bench.sql(change);
    for (const phase of ['fill', 'schema']) await undoPhase(bench.ports)({ ...run, phase });
    expect(await bench.sql('select count(*)::int as rows from stepgate_archive.row'), id).toEqual([{ rows: 20 }]);
  }
});

test.each([
  {
    made: 'create table notes (id int, target_id int references target on delete cascade); insert into notes values (1, 3)',
    said: 'notes, which is not the plan',
    clear: 'drop table notes',
  },
  {
    made: 'create table notes (id int, target_id int references target); insert into notes values (1, 3)',
    said: 'refers to target by notes_target_id_fkey',
    clear: 'alter table notes drop constraint notes_target_id_fkey',
  },
  { made: 'create view readers as select note from target', said: 'view readers', clear: 'drop view readers' },
  { made: 'create table notes (id int, target_id int references target)', said: 'refers to target by', clear: 'drop table notes' },
  { made: 'create table heirs (extra int) inherits (target)', said: 'table heirs', clear: 'drop table heirs' },
  { made: 'create table notes (one target)', said: 'column one of table notes', clear: 'drop table notes' },
  {
    made: 'create function notes() returns bigint language sql begin atomic select count(*) from target; end',
    said: 'function notes()',
    clear: 'drop function notes()',
  },
  {
    made: 'create table notes (id int); create policy p on notes using (exists (select from target))',
    said: 'policy p on table notes',
    clear: 'drop table notes',
  },
])('an undo does not begin while what is not of the plan refers to it: $made', async ({ made, said, clear }) => {
  const run = await beginRun(bench, await deploy(bench, COPY), { id: 'referred' });
  await runPhases(bench.ports, run);
  await bench.sql(made);
  const error = await refusal(undoPhase(bench.ports)({ ...run, phase: 'copy' }));
  expect(error).toBeInstanceOf(GateRefusedError);
  expect(error.message).toContain(said.replace('public.', ''));
  expect(await bench.sql('select count(*)::int as rows from target')).toEqual([{ rows: 20 }]);
  await bench.sql(clear);
  expect(await undoPhase(bench.ports)({ ...run, phase: 'copy' })).toEqual({ next: 'decide' });
});

test('a target that somebody dropped holds the undo of its transfer up no more', async () => {
  const run = await beginRun(bench, await deploy(bench, COPY), { id: 'dropped' });
  await runPhases(bench.ports, run);
  await bench.sql('drop table target');
  expect(await undoPhase(bench.ports)({ ...run, phase: 'copy' })).toEqual({ next: 'decide' });
  expect((await refusal(undoPhase(bench.ports)({ ...run, phase: 'schema' }))).message).toContain('1-schema/undo.sql');
});

test('a row that changes while its batch is undone waits, and is kept as it was when it went', async () => {
  const run = await beginRun(bench, await deploy(bench, COPY), { id: 'racing' });
  await runPhases(bench.ports, run);
  const other = await bench.connect();
  await other.query('begin');
  await other.query("update target set note = 'late' where id = 3");
  const undone = retried(() => undoPhase(bench.ports)({ ...run, phase: 'copy' }));
  await until(bench, "exists (select from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'stepgate/%')");
  await other.query('commit');
  await other.end();
  await undone;
  expect(await bench.sql("select image->>'note' as note from stepgate_archive.row")).toEqual([{ note: 'late' }]);
});

test.each([
  {
    what: 'swapped tables in one phase',
    up: 'create table fresh as select * from source; alter table source rename to old; alter table fresh rename to source;',
    undo: 'alter table source rename to fresh; alter table old rename to source; drop table fresh;',
    write: "insert into source values (99, 'app')",
    kept: '{"id":99,"note":"app"}',
  },
  {
    what: 'renamed a table and made a new one of its name',
    up: 'alter table source rename to old; create table source (id int primary key, note text);',
    undo: 'drop table source; alter table old rename to source;',
    write: "insert into source values (99, 'app')",
    kept: '{"id":99,"note":"app"}',
  },
  {
    what: 'added a column and renamed it',
    up: 'alter table source add column a text; alter table source rename a to b;',
    undo: 'alter table source drop column b;',
    write: "update source set b = 'app' where id = 3",
    kept: '{"id":3,"b":"app"}',
  },
  {
    what: 'added a column of a composite type',
    up: 'create type pair as (one text, two text); alter table source add column p pair;',
    undo: 'alter table source drop column p; drop type pair;',
    write: "update source set p = row('x', null) where id = 3",
    kept: '{"id":3,"p":{"one":"x","two":null}}',
  },
  {
    what: 'added a column that is the time by default',
    up: 'alter table source add column at timestamptz not null default now();',
    undo: 'alter table source drop column at;',
    write: "update source set at = 'infinity' where id = 3",
    kept: '{"id":3,"at":"infinity"}',
  },
  {
    what: 'made a partitioned table and filled it',
    up: 'create table parted (id int, note text) partition by range (id); create table part partition of parted for values from (0) to (100); insert into parted select * from source;',
    undo: 'drop table parted;',
    write: "delete from parted where id < 20; update parted set note = 'app'",
    kept: '{"id":20,"note":"app"}',
  },
  {
    what: 'forced row security on its table',
    up: 'create table hidden (id int); alter table hidden enable row level security; alter table hidden force row level security;',
    undo: 'drop table hidden;',
    write: 'alter table hidden no force row level security; insert into hidden values (7); alter table hidden force row level security',
    kept: '{"id":7}',
  },
])('what others wrote is found where the plan $what', async ({ up, undo, write, kept }) => {
  const run = await beginRun(bench, await deploy(bench, onePhase(up, undo)), { id: 'made' });
  await runPhases(bench.ports, run);
  await bench.sql(write);
  expect(await undoPhase(bench.ports)({ ...run, phase: 'only' })).toEqual({ next: 'decide' });
  expect((await bench.sql<{ image: string }>(KEPT)).map(({ image }) => image)).toContain(kept);
});

test('where nobody else wrote, nothing is kept of a column with a default of its time, of partitions, of rows under another time zone', async () => {
  const up = `set local timezone = 'Asia/Tokyo';
create table times (at timestamptz); insert into times values ('2026-01-01 00:00+00');
create table parted (id int) partition by range (id); create table part partition of parted for values from (0) to (100); insert into parted values (1);
alter table source add column at timestamptz not null default now();`;
  const run = await beginRun(bench, await deploy(bench, onePhase(up, 'drop table times, parted; alter table source drop column at;')), { id: 'own' });
  await runPhases(bench.ports, run);
  await undoPhase(bench.ports)({ ...run, phase: 'only' });
  expect(await bench.sql(KEPT)).toEqual([]);
});

test('a row that goes by a cascade of its own table, or loses its reference, is kept as it was', async () => {
  const made = `create table target (id int primary key, note text, parent int references target on delete cascade);
create table remarks (id int primary key, target_id int references target on delete set null);
`;
  const plan = oneTransfer(made, 'select s.id, s.note from source s', { '1-schema/undo.sql': 'drop table remarks, target;\n' });
  const run = await beginRun(bench, await deploy(bench, plan), { id: 'nested' });
  await runPhases(bench.ports, run);
  await bench.sql("insert into target values (99, 'app', 1); insert into remarks values (1, 2)");
  await undoPhase(bench.ports)({ ...run, phase: 'copy' });
  const images = (await bench.sql<{ image: string }>('select image::text as image from stepgate_archive.row')).map(({ image }) => image);
  expect(images).toEqual(expect.arrayContaining(['{"id":99,"note":"app","parent":1}', '{"id":1,"target_id":2}']));
});

test('a foreign key on a column that the plan made, and a view that it names, hold its undo back no more than the plan does', async () => {
  const up = `create table customers (id int primary key); insert into customers select id from source;
alter table source add column customer_id int references customers; update source set customer_id = id;
create view readers as select id from customers;`;
  const undo = 'drop view readers; alter table source drop column customer_id; drop table customers;';
  const run = await beginRun(bench, await deploy(bench, onePhase(up, undo)), { id: 'referring' });
  await runPhases(bench.ports, run);
  expect(await undoPhase(bench.ports)({ ...run, phase: 'only' })).toEqual({ next: 'decide' });
});

test('a view on a column that the plan added holds its undo back', async () => {
  const run = await beginRun(bench, await deploy(bench, onePhase('alter table source add column x int;', 'alter table source drop column x;')), {
    id: 'seen',
  });
  await runPhases(bench.ports, run);
  // Another schema's view is not the plan's for having the name of a table that the plan changes.
  await bench.sql(`create schema if not exists audit; create or replace view audit.source as select x from source;
create view other as select note from source; create view readers as select x from source`);
  const { message } = await refusal(undoPhase(bench.ports)({ ...run, phase: 'only' }));
  await bench.sql('drop schema audit cascade');
  expect(message).toContain('view readers');
  expect(message).toContain('view audit.source');
  expect(message).not.toContain('view other');
});

test('a row whose default gives another value each time is kept when its value is not of the copy', async () => {
  const run = await beginRun(bench, await deploy(bench, COPY), { id: 'timely' });
  await runPhases(bench.ports, run);
  await bench.sql("update target set seen_at = '2031-01-01' where id = 3");
  await undoPhase(bench.ports)({ ...run, phase: 'copy' });
  expect(await bench.sql('select key from stepgate_archive.row')).toEqual([{ key: '3' }]);
});

test('a table that its undo leaves behind keeps no trigger of ours', async () => {
  const plan = oneTransfer('create table target (id int primary key, note text);\n', 'select s.id, s.note from source s', {
    '1-schema/undo.sql': "comment on table target is 'forgotten';\n",
  });
  const run = await beginRun(bench, await deploy(bench, plan), { id: 'left' });
  await runPhases(bench.ports, run);
  await undoBoth(run);
  expect(await bench.sql("select tgname from pg_trigger where tgname = 'stepgate_keep'")).toEqual([]);
});
