import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CheckFailedError, StatementFailedError } from '../../../core/errors.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { runBackfill } from '../../../lambdas/phases/run-backfill.ts';
import { runPhase } from '../../../lambdas/phases/run-phase.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import { beginRun, deploy, emptyPlanDatabase, entries, oneTransfer, refusal } from '../../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench));

const SOURCE = "create table source (id int primary key, note text); insert into source select i, 'note ' || i from generate_series(1, 1000) i;";
const TARGET = 'create table target (id int primary key, note text check (length(note) < 12));\n';
const SHORT = "--! quarantine when: note = 'short'\n--! quarantine when: length(note) < 2\n";

async function readyToCopy({
  bad = '',
  headers = SHORT,
  target = TARGET,
  select = 'select s.id, s.note from source s',
  quality = '99%',
} = {}): Promise<ChangingEnvelope & { readonly phase: string }> {
  await bench.sql(SOURCE + bad);
  const plan = await deploy(
    bench,
    oneTransfer(target, '', {
      'plan.yaml': `title: One transfer\nquality: ${quality}\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [rows] }\n`,
      '2-copy/rows.sql': `--! into: target\n--! from: source\n--! key: id\n--! sync: none\n${headers}${select};\n`,
    }),
  );
  // The journal outlives a test; a run's entries are its own.
  const run = await beginRun(bench, plan, { id: `quarantine-${randomUUID()}` });
  await runPhase(bench.ports)({ ...run, phase: 'schema' });
  return { ...run, phase: 'copy' };
}

const QUARANTINE = 'select key, reason, original from stepgate.quarantine order by key::int';

test('rows for which a condition is true go to the quarantine whole, with the condition, and come to no target', async () => {
  const work = await readyToCopy({ bad: "update source set note = 'short' where id = 3; update source set note = '' where id = 500;" });
  for (let time = 0; time < 2; time += 1) expect(await runBackfill(bench.ports)(work)).toMatchObject({ done: true });
  expect(await bench.sql(QUARANTINE)).toEqual([
    { key: '3', reason: "note = 'short'", original: { id: 3, note: 'short' } },
    { key: '500', reason: 'length(note) < 2', original: { id: 500, note: '' } },
  ]);
  expect(await bench.sql('select count(*)::int as rows, count(*) filter (where id in (3, 500))::int as bad from target')).toEqual([
    { rows: 998, bad: 0 },
  ]);
  expect(await entries(bench, work, 'transfer')).toMatchObject([{ rows: 998, quarantined: 2 }]);
  expect(await undoPhase(bench.ports)(work)).toEqual({ next: 'decide' });
  expect(await bench.sql(QUARANTINE)).toEqual([]);
});

test.each([
  { what: 'that the target refuses', bad: "repeat('secret', 9)", reason: '23514: constraint target_note_check', more: {} },
  {
    what: 'that have no value where one is needed',
    bad: 'null',
    reason: '23502: column note takes no null',
    more: { target: 'create table target (id int primary key, note text not null);\n' },
  },
  {
    what: 'that no cast takes',
    bad: "'secret'",
    reason: '22P02: invalid input syntax for type integer',
    more: {
      target: 'create table target (id int primary key, note int);\n',
      select: "select s.id, replace(s.note, 'note ', '')::int as note from source s",
      headers: '--! quarantine when: note < 0\n',
    },
  },
  {
    what: 'that a function of the database refuses',
    bad: "'secret'",
    reason: '22000: a function of the database refused it',
    more: {
      target: `create table target (id int primary key, note text);
create function refuse() returns trigger language plpgsql as $$ begin if new.note like 'secret%' then raise exception 'not %', new.note using errcode = '22000'; end if; return new; end $$;
create trigger refuse before insert on target for each row execute function refuse();\n`,
    },
  },
])('rows $what are found one by one, and nothing of them but the original is kept', async ({ bad, reason, more }) => {
  const work = await readyToCopy({ bad: `update source set note = ${bad} where id in (7, 900);`, ...more });
  expect(await runBackfill(bench.ports)(work)).toMatchObject({ done: true });
  const found = await bench.sql<{ key: string; reason: string }>('select key, reason from stepgate.quarantine order by key::int');
  expect(found).toEqual(['7', '900'].map((key) => ({ key, reason })));
  expect(await bench.sql("select original ->> 'id' as id from stepgate.quarantine order by key::int")).toEqual([{ id: '7' }, { id: '900' }]);
  expect(await bench.sql('select count(*)::int as rows from target')).toEqual([{ rows: 998 }]);
});

test('a row that is there already is no bad row', async () => {
  const work = await readyToCopy({ select: 'select s.id, s.note from source s join (values (1), (2)) v on true' });
  const error = await refusal(runBackfill(bench.ports)(work));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toContain('duplicate key value violates unique constraint');
  expect(await bench.sql(QUARANTINE)).toEqual([]);
});

test('without a header bad rows are nobody’s to set aside', async () => {
  const work = await readyToCopy({ bad: "update source set note = repeat('x', 50) where id = 7;", headers: '' });
  expect(await refusal(runBackfill(bench.ports)(work))).toBeInstanceOf(StatementFailedError);
  expect(await bench.sql(QUARANTINE)).toEqual([]);
});

test.each([
  { bad: 10, holds: true },
  { bad: 11, holds: false },
])('$bad bad rows of 1,000 under a quality of 99%: holds $holds', async ({ bad, holds }) => {
  const work = await readyToCopy({ bad: `update source set note = '' where id <= ${bad};` });
  if (holds) {
    expect(await runBackfill(bench.ports)(work)).toMatchObject({ done: true });
  } else {
    const error = await refusal(runBackfill(bench.ports)(work));
    expect(error).toBeInstanceOf(CheckFailedError);
    expect(error.message).toContain("11 of 1000 rows are in the quarantine, so 98.900 % are valid; the plan's quality is 99.000 %");
  }
});
