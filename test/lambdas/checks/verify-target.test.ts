import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { compareRange, nextBoundary } from '../../../adapters/comparisons.ts';
import { CheckFailedError, DifferencesFoundError } from '../../../core/errors.ts';
import type { ComparisonProgress } from '../../../core/run/comparison.ts';
import type { TransferComparison } from '../../../core/run/journal.ts';
import { verifyTarget } from '../../../lambdas/checks/verify-target.ts';
import { beginRun, type Deployed, deploy, emptyPlanDatabase, entries, oneTransfer, refusal, runPhases, worksFor } from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, reading, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() =>
  emptyPlanDatabase(
    bench,
    `create collation folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create type mood as enum ('low', 'high');
create table source (id int primary key, name text, amount numeric, word text collate folded);
insert into source select i, case when i % 3 > 0 then 'name ' || i end, 1.0, 'abc' from generate_series(10, 19) i;`,
  ),
);

const COPY = oneTransfer(
  `create table target (id int primary key, name text, amount numeric, word text collate folded, mood mood default 'low', price numeric default 1.0,
code text collate folded default 'de', empty text, seen_at timestamptz default now(), more int generated always as identity);
`,
  'select s.id, s.name, s.amount, s.word from source s',
);

async function copied(files: Readonly<Record<string, string>> = COPY): Promise<Deployed> {
  const plan = await deploy(bench, files);
  const run = await beginRun(bench, plan, { id: 'copied' });
  await runPhases(bench.ports, run);
  return plan;
}

function verify(plan: Deployed, id = 'looked') {
  return verifyTarget(bench.ports)({ ...reading(plan, { mode: 'verify', id }), progress: null });
}

async function comparison(plan: Deployed): Promise<TransferComparison | undefined> {
  const [entry] = await entries(bench, reading(plan, { mode: 'verify', id: 'looked' }) as never, 'comparison');
  return entry?.transfers[0];
}

test('VerifyTarget run twice and beside itself says the same of equal tables, and says what it did not compare', async () => {
  const plan = await copied();
  const answers = await Promise.all([verify(plan), verify(plan)]);
  for (const answer of answers)
    expect(answer).toMatchObject({ done: true, results: [{ sourceRows: 10, targetRows: 10, missing: 0, extra: 0, different: 0 }] });
  const found = await comparison(plan);
  expect(found).toMatchObject({ transfer: 'rows', from: 'public.source', into: 'public.target', samples: [] });
  expect(found?.notCompared.map((one) => one.column)).toEqual(['seen_at', 'more']);
});

test('rows of the source that the mapping leaves out are counted', async () => {
  const plan = await copied(oneTransfer('create table target (id int primary key);\n', 'select s.id from source s where s.name is not null'));
  await verify(plan);
  expect(await comparison(plan)).toMatchObject({ leftOut: 3, sourceRows: 7, targetRows: 7, missing: 0, extra: 0 });
});

test.each([
  { change: "update target set name = 'other' where id = 13", counts: { missing: 0, extra: 0, different: 1 }, samples: ['13'] },
  { change: "update target set name = '' where id = 12", counts: { missing: 0, extra: 0, different: 1 }, samples: ['12'] },
  { change: 'update target set name = null where id = 13', counts: { missing: 0, extra: 0, different: 1 }, samples: ['13'] },
  { change: 'update target set amount = 1.00 where id = 14', counts: { missing: 0, extra: 0, different: 1 }, samples: ['14'] },
  { change: "update target set word = 'ABC' where id = 15", counts: { missing: 0, extra: 0, different: 1 }, samples: ['15'] },
  { change: "update target set mood = 'high' where id = 16", counts: { missing: 0, extra: 0, different: 1 }, samples: ['16'] },
  { change: 'update target set mood = null where id = 16', counts: { missing: 0, extra: 0, different: 1 }, samples: ['16'] },
  { change: 'update target set price = 1.00 where id = 16', counts: { missing: 0, extra: 0, different: 1 }, samples: ['16'] },
  { change: "update target set code = 'DE' where id = 16", counts: { missing: 0, extra: 0, different: 1 }, samples: ['16'] },
  { change: "update target set empty = '' where id = 16", counts: { missing: 0, extra: 0, different: 1 }, samples: ['16'] },
  { change: 'delete from target where id = 10', counts: { missing: 1, extra: 0, different: 0 }, samples: ['10'] },
  { change: 'delete from target where id = 19', counts: { missing: 1, extra: 0, different: 0 }, samples: ['19'] },
  { change: 'delete from target', counts: { missing: 10, extra: 0, different: 0 }, samples: ['10', '11', '12', '13', '14'] },
  { change: 'insert into target (id) values (-5)', counts: { missing: 0, extra: 1, different: 0 }, samples: ['-5'] },
  { change: 'insert into target (id) values (500)', counts: { missing: 0, extra: 1, different: 0 }, samples: ['500'] },
  { change: 'update target set id = 500 where id = 12', counts: { missing: 1, extra: 1, different: 0 }, samples: ['12', '500'] },
  { change: 'delete from source where id = 12', counts: { missing: 0, extra: 1, different: 0 }, samples: ['12'] },
  { change: 'delete from source', counts: { missing: 0, extra: 10, different: 0 }, samples: ['10', '11', '12', '13', '14'] },
])('$change: $counts', async ({ change, counts, samples }) => {
  const plan = await copied();
  await bench.sql(change);
  const error = await refusal(verify(plan));
  expect(error).toBeInstanceOf(DifferencesFoundError);
  expect(error.message).toContain(`${counts.missing} missing, ${counts.extra} extra, ${counts.different} different`);
  expect(await comparison(plan)).toMatchObject({ ...counts, samples });
});

test('a column called like the query calls its tables is compared as any other', async () => {
  const names = ['s', 't', 'm', 'x', 'stepgate_row'];
  await emptyPlanDatabase(
    bench,
    `create table source (id int primary key, ${names.map((name) => `${name} text`).join(', ')}); insert into source (id, s) values (1, 'a')`,
  );
  const plan = await copied(
    oneTransfer(
      `create table target (id int primary key, ${names.map((name) => `${name} text`).join(', ')});\n`,
      `select o.id, ${names.map((name) => `o.${name}`).join(', ')} from source o`,
    ),
  );
  expect(await verify(plan)).toMatchObject({ done: true });
  await bench.sql("update target set t = 'b'");
  expect(await refusal(verify(plan))).toBeInstanceOf(DifferencesFoundError);
});

test('what travels with the input holds no SQL; what is written down holds it', async () => {
  const plan = await copied();
  expect(JSON.stringify(await verify(plan))).not.toContain('select');
  expect((await comparison(plan))?.query).toContain('full join');
});

test('a visit that runs out of time hands its place over', async () => {
  const plan = await copied();
  const input = reading(plan, { mode: 'verify', id: 'looked' });
  const first = await verifyTarget({ ...bench.ports, clockMs: worksFor(0) })({ ...input, progress: null });
  expect(first).toMatchObject({ done: false, transfer: 0 });
  expect(await verifyTarget(bench.ports)({ ...input, progress: first })).toMatchObject({ done: true, results: [{ sourceRows: 10 }] });
});

const WITH_KEYS_OF = (type: string) => oneTransfer(`create table target (id ${type} primary key, name text);\n`, 'select s.id, s.name from source s');

/** The transfer's name and place; hazards that the test accepts move the lines. */
const PLACE = /transfer rows \(2-copy\/rows\.sql:\d+\)/;

test.each([
  { type: 'text', values: ['ann@example.org', 'bob@example.org'] },
  { type: 'varchar(40)', values: ['ann@example.org', 'bob@example.org'] },
  { type: 'date', values: ['1970-02-03', '1971-02-03'] },
  { type: 'numeric', values: ['4915112345678', '4915112345679'] },
  { type: 'bigint', values: ['7', '8'] },
  { type: 'uuid', values: ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'] },
])('keys of type $type are shown as they are only where they are surrogates', async ({ type, values }) => {
  const isSurrogate = type === 'bigint' || type === 'uuid';
  const list = values.map((value) => `('${value}')`).join(', ');
  await emptyPlanDatabase(
    bench,
    `create table source (id ${type} primary key, name text); insert into source select column1::${type}, 'n' from (values ${list}) v`,
  );
  const plan = await copied(WITH_KEYS_OF(type));
  await bench.sql("update target set name = 'other'");
  const error = await refusal(verify(plan));
  expect(error).toBeInstanceOf(DifferencesFoundError);
  expect(error.message).toMatch(PLACE);
  const samples = (await comparison(plan))?.samples ?? [];
  expect(error.message).toContain(`(keys ${samples.join(', ')})`);
  if (isSurrogate) expect(samples).toEqual(values);
  else {
    expect(`${error.message}${samples}`).not.toContain(values[0]);
    const found = await bench.sql<{ key: string }>(
      `select id::text as key from source where left(md5('looked' || id::text), 12) = any ('{${samples.map((one) => one.replace('md5:', ''))}}') order by id`,
    );
    expect(found.map(({ key }) => key)).toEqual(values);
  }
});

test('what a visit hands over shows no natural key, and the next one goes on behind it', async () => {
  const emails = `select 'person-' || lpad(i::text, 6, '0') || '@example.org' as id, 'n' as name from generate_series(1, 250003) i`;
  await emptyPlanDatabase(bench, `create table source (id text primary key, name text); insert into source ${emails}`);
  const plan = await copied(WITH_KEYS_OF('text'));
  const input = reading(plan, { mode: 'verify', id: 'looked' });
  const visit = (ports: typeof bench.ports, progress: ComparisonProgress | null) => verifyTarget(ports)({ ...input, progress });
  const first = await visit({ ...bench.ports, clockMs: worksFor(3) }, null);
  expect(first).toMatchObject({ done: false, transfer: 0, after: { shown: expect.stringMatching(/^md5:[0-9a-f]{12}$/), rows: 250_000 } });
  expect(JSON.stringify(first)).not.toContain('person-');
  const same = { sourceRows: 250_003, targetRows: 250_003, missing: 0, extra: 0, different: 0 };
  expect(await visit(bench.ports, first)).toMatchObject({ done: true, results: [same] });

  await bench.sql("delete from source where id < 'person-000500'; delete from target where id < 'person-000500'");
  expect(await visit(bench.ports, first)).toMatchObject({ done: true, results: [same] });
  await bench.sql("delete from source where id = 'person-250000@example.org'; delete from target where id = 'person-250000@example.org'");
  expect(await visit(bench.ports, first)).toMatchObject({ done: true, results: [{ ...same, sourceRows: 249_503, targetRows: 249_503 }] });
});

test('an error of the comparison names the transfer and its place', async () => {
  await bench.sql('update source set name = id::text');
  const plan = await copied(oneTransfer('create table target (id int primary key, n int);\n', 'select s.id, s.name::int as n from source s'));
  await bench.sql("update source set name = 'Ann Miller' where id = 12");
  const error = await refusal(verify(plan));
  expect(error.message).toMatch(
    /^transfer rows \(2-copy\/rows\.sql:\d+\), comparing: ERROR: invalid input syntax for type integer: \(a value, not shown\)/,
  );
});

test('a check of after.sql that fails is named with its keys, and what warns is not', async () => {
  await emptyPlanDatabase(bench, SMALL_SOURCE);
  const plan = await copied({
    ...SMALL_PLAN,
    'after.sql': `${SMALL_PLAN['after.sql']}--! check: warned, warn, no rows\nselect id from customers;\n`,
  });
  expect(await verify(plan)).toMatchObject({ done: true });
  await bench.sql('update people set age = 91 where id = 5; update customers set age = 91 where id = 5');
  const error = await refusal(verify(plan));
  expect(error).toBeInstanceOf(CheckFailedError);
  expect(error.message).toContain('after.sql:2: check nobody-is-older-than-90 failed: found 1, expected none (5)');
  expect(error.message).not.toContain('warned');
});

test('comparing writes nothing and cannot write', async () => {
  const plan = await copied();
  const [before] = await bench.sql('select pg_snapshot_xmax(pg_current_snapshot())::text as next');
  await verify(plan);
  expect(await bench.sql('select pg_snapshot_xmax(pg_current_snapshot())::text as next')).toEqual([before]);
  const write = bench.ports.session.readOnly((query) => query(z.unknown(), 'insert into target (id) values (1)'));
  await expect(write).rejects.toThrow('read-only transaction');
});

function theTransfer(plan: Deployed) {
  const [transfer] = plan.plan.phases.flatMap((phase) => (phase.kind === 'transfer' ? phase.transfers : []));
  if (transfer === undefined) throw new Error('the plan has a transfer');
  return transfer;
}

test('whatever the tables hold, ranges of any size find what comparing row by row finds', async () => {
  const plan = await copied(oneTransfer('create table target (id int primary key, name text);\n', 'select s.id, s.name from source s'));
  const transfer = theTransfer(plan);
  const table = fc.uniqueArray(fc.tuple(fc.integer({ min: -6, max: 12 }), fc.constantFrom(null, '', 'a', 'A')), {
    selector: ([id]) => id,
    maxLength: 14,
  });
  await fc.assert(
    fc.asyncProperty(table, table, fc.integer({ min: 1, max: 5 }), async (source, target, rows) => {
      await bench.sql(`truncate source, target; insert into source (id, name) values ${valuesOf(source)}; insert into target values ${valuesOf(target)};
delete from source where id = 1000; delete from target where id = 1000`);
      const found = await bench.ports.session.readOnly(async (query) => {
        const sum = { source: 0, target: 0, missing: 0, extra: 0, different: 0 };
        let after: string | null = null;
        let upto: string | null;
        do {
          upto = (await nextBoundary(query, transfer, { after, rows, salt: '' }))?.key ?? null;
          const range = await compareRange(query, transfer, { after, upto, unmapped: [], salt: '', ledger: null });
          for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += range[key];
          after = upto;
        } while (upto !== null);
        return sum;
      });
      expect(found).toEqual(byHand(new Map(source), new Map(target)));
    }),
    { numRuns: 40, seed: 5 },
  );
});

function valuesOf(rows: readonly (readonly [number, string | null])[]): string {
  return [[1000, null] as const, ...rows].map(([id, name]) => `(${id}, ${name === null ? 'null' : `'${name}'`})`).join(', ');
}

function byHand(source: ReadonlyMap<number, string | null>, target: ReadonlyMap<number, string | null>) {
  return {
    source: source.size,
    target: target.size,
    missing: [...source.keys()].filter((id) => !target.has(id)).length,
    extra: [...target.keys()].filter((id) => !source.has(id)).length,
    different: [...source].filter(([id, name]) => target.has(id) && target.get(id) !== name).length,
  };
}

async function beside(plan: Deployed): Promise<readonly string[]> {
  const [entry] = await entries(bench, reading(plan, { mode: 'verify', id: 'looked' }) as never, 'targets');
  return (entry?.findings ?? []).map(({ name, status, found }) => `${status} ${name}: ${found}`);
}

const PLAIN = 'select s.id, s.name from source s';

test('what stands beside the rows of a target is told', async () => {
  const plan = await copied(oneTransfer('create table target (id int primary key, name text);\n', PLAIN));
  await verify(plan);
  expect(await beside(plan)).toEqual([
    'pass index: 1 index valid',
    'pass access: who writes a source may write its target; row-level security is as on the source',
  ]);
  await bench.sql(`create role clerk nologin; grant insert, update on source to clerk; alter table source enable row level security`);
  try {
    expect(await verify(plan)).toMatchObject({ done: true });
    expect(await beside(plan)).toEqual([
      'pass index: 1 index valid',
      'info grants: clerk may write public.source and not public.target',
      'warn row-level-security: public.source has row-level security and public.target has none: whoever may read it sees every row',
    ]);
  } finally {
    await bench.sql('revoke all on source from clerk; drop role clerk');
  }
});

test.each([
  { column: 'serial', said: 'target_id_seq gives 1 next, and public.target.id holds 19 already' },
  { column: "int default nextval('drawn')", said: 'drawn gives 1 next, and public.target.id holds 19 already' },
])('a sequence that would give a value again fails: $column', async ({ column, said }) => {
  await bench.sql('create sequence drawn');
  const plan = await copied(oneTransfer(`create table target (id ${column} primary key, name text);\n`, PLAIN));
  const error = await refusal(verify(plan));
  expect(error).toBeInstanceOf(CheckFailedError);
  expect(error.message).toContain(`sequence: ${said}; set it beyond every value in a phase after the copy`);
  await bench.sql("select setval(pg_get_serial_sequence('target', 'id'), 19), setval('drawn', 19)");
  expect(await verify(plan)).toMatchObject({ done: true });
  expect(await beside(plan)).toContain('pass sequence: 1 sequence beyond every value of the targets');
});

test('a foreign key of a target that nobody validated fails', async () => {
  const plan = await copied(oneTransfer('create table target (id int primary key, name text);\n', PLAIN));
  await bench.sql(
    'create table names (name text primary key); alter table target add constraint named foreign key (name) references names not valid',
  );
  const error = await refusal(verify(plan));
  expect(error).toBeInstanceOf(CheckFailedError);
  expect(error.message).toContain('foreign-key: named of target is not validated');
});

test('before the cutover only phases that are applied are compared, and after.sql is left for later', async () => {
  const files = oneTransfer('create table target (id int primary key, name text);\n', PLAIN, {
    'after.sql': '--! check: never, fail, no rows\nselect 1;\n',
  });
  const plan = await copied(files);
  const look = () => verifyTarget(bench.ports)({ ...reading(plan, { mode: 'execute', id: 'looked' }), progress: null, stage: 'before-cutover' });
  expect(await look()).toMatchObject({ done: true, results: [{ sourceRows: 10, targetRows: 10 }] });
  const [entry] = await entries(bench, reading(plan, { mode: 'execute', id: 'looked' }) as never, 'comparison');
  expect(entry).toMatchObject({ stage: 'before-cutover', transfers: [{ sourceRows: 10 }] });
  await bench.sql("update target set name = 'other' where id = 13");
  expect(await refusal(look())).toBeInstanceOf(DifferencesFoundError);
  await bench.sql("update stepgate.phase set applied_at = null where phase = 'copy'");
  expect(await look()).toMatchObject({ done: true, results: [] });
});

test('more rows in the quarantine than the plan allows fail, as many as it allows are counted', async () => {
  const files = oneTransfer('create table target (id int primary key, name text);\n', PLAIN);
  const plan = await copied({ ...files, 'plan.yaml': `quality: 90%\n${files['plan.yaml']}` });
  const quarantine = (id: number) =>
    bench.sql(`delete from target where id = ${id};
insert into stepgate.quarantine (plan, transfer, key, reason, original) values ('small', 'rows', '${id}', 'odd', '{}')`);
  await quarantine(12);
  expect(await verify(plan)).toMatchObject({ done: true, results: [{ sourceRows: 9, quarantined: 1, leftOut: 0, missing: 0 }] });
  await quarantine(13);
  const error = await refusal(verify(plan));
  expect(error).toBeInstanceOf(CheckFailedError);
  expect(error.message).toContain('2 of 10 rows are in the quarantine');
});
