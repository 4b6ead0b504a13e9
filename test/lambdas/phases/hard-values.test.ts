import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { verifyTarget } from '../../../lambdas/checks/verify-target.ts';
import { catchUp } from '../../../lambdas/phases/catch-up.ts';
import { nextStep } from '../../../lambdas/phases/next-step.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import { beginMeasuredRun, type Deployed, deploy, emptyPlanDatabase, retried, takeStep } from '../../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

/** A table of values that are hard to carry: its columns, and what each row holds in them. */
interface Family {
  readonly name: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly rows: readonly (readonly string[])[];
}

const TYPES = `
create collation blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create type mood as enum ('glad', 'sad, "so"');
create domain positive as int check (value > 0);
create domain named as text collate blind;
create type place as (street text, lot numeric, moods mood[]);
create domain lot as place;
`;

const FAMILIES: readonly Family[] = [
  {
    name: 'texts',
    columns: { a: 'text', b: 'varchar(20)', c: 'char(5)', d: 'bytea', e: 'name' },
    rows: [
      [`repeat('ä€😀"', 120000)`, `''`, `'a'`, `'\\x0001'`, `'n'`],
      [`''`, 'null', `''`, `''`, `''`],
      ['null', `' '`, 'null', 'null', 'null'],
      [`E'\\\\N [[range id]] {"\\\\u0000"}'`, `'a''"\\,()'`, `'a  b'`, `decode(repeat('00ff', 300000), 'hex')`, `'[[open]]'`],
    ],
  },
  {
    name: 'documents',
    columns: { a: 'json', b: 'jsonb', c: 'json[]', d: 'xml' },
    rows: [
      [`'"\\u0000"'`, `'{"a": 1.00}'`, `array['"\\u0000"']::json[]`, `'<a/>'`],
      [`'"\\ud800"'`, `'null'`, `'{}'`, 'null'],
      [`'{"a":1,"a":2 }'`, 'null', 'null', `'<a>&amp;</a>'`],
      [`'{"\\u0000":[1e400]}'`, `'"\\\\u0000"'`, `array['{"x":"\\ud800"}', null]::json[]`, `''`],
    ],
  },
  {
    name: 'numbers',
    columns: { a: 'bigint', b: 'numeric', c: 'double precision', d: 'real', e: 'smallint', f: 'numeric(20, 4)', g: 'money' },
    rows: [
      ['9007199254740993', `'NaN'`, `'NaN'`, `'-0'`, '-32768', '1.00', '1'],
      ['2147483648', `'Infinity'`, `'-Infinity'`, `'Infinity'`, '32767', '9007199254740993.0001', '-1'],
      ['-9223372036854775808', '1.0', `'-0'`, '0', '0', 'null', 'null'],
      ['9223372036854775807', '1.00', '0.1::float8 + 0.2', '1e-40', 'null', `'NaN'`, '0'],
    ],
  },
  {
    name: 'times',
    columns: { a: 'timestamptz', b: 'timestamp', c: 'date', d: 'interval', e: 'timetz', f: 'time', g: 'tstzrange' },
    rows: [
      [`'0001-01-01 00:00+00'`, `'infinity'`, `'0001-01-01'`, `'1 month'`, `'12:00+02'`, `'24:00'`, `'[0001-01-01, infinity)'`],
      [`'9999-12-31 23:59:59.999999+00'`, `'-infinity'`, `'9999-12-31'`, `'30 days'`, `'10:00+00'`, `'00:00'`, `'empty'`],
      [`'infinity'`, `'4713-01-01 BC'`, `'infinity'`, `'-1 day +25:00'`, 'null', `'00:00:00.000001'`, `'(,)'`],
      [`'0044-03-15 BC'`, `'294276-12-31'`, `'0044-03-15 BC'`, 'null', `'00:00+15:59'`, 'null', 'null'],
    ],
  },
  {
    name: 'collated',
    columns: { a: 'text collate blind', b: 'named', c: 'text collate "C"', d: 'text[]' },
    rows: [
      [`'abc'`, `'Abc'`, `'a'`, `'{a,NULL,"NULL",""}'`],
      [`'ABC'`, `'aBC'`, `'A'`, `'{{a,b},{c,d}}'`],
      [`'Abc'`, `'abc'`, `''`, `'[2:3]={a,b}'`],
      [`''`, 'null', 'null', `'{}'`],
    ],
  },
  {
    name: 'composed',
    columns: { a: 'place', b: 'lot', c: 'positive', d: 'place[]', e: 'mood', f: 'int4multirange', g: 'positive[]' },
    rows: [
      [`('a "b",(c)', 1.0, '{glad}')`, `('x', 1.00, null)`, '1', `array[('a', 1, null)::place]`, `'glad'`, `'{[1,2)}'`, `'{1}'`],
      ['(null, null, null)', `('', 'NaN', '{}')`, '2147483647', `'{}'`, `'sad, "so"'`, `'{}'`, 'null'],
      ['null', 'null', 'null', 'null', 'null', 'null', 'null'],
      [
        `('', 1.00, array['sad, "so"', null]::mood[])`,
        '(null, null, null)',
        '2',
        `array[null, (null, null, null)::place]`,
        `'glad'`,
        `'{(,)}'`,
        `'{2,3}'`,
      ],
    ],
  },
  {
    name: 'shapes',
    columns: {
      a: 'point',
      b: 'box',
      c: 'inet',
      d: 'bit varying(9)',
      e: 'uuid',
      f: 'tsvector',
      g: 'polygon',
      h: 'tsquery',
      i: 'pg_lsn',
      j: 'macaddr',
    },
    rows: [
      [
        `'(1,-0)'`,
        `'(1,1),(0,0)'`,
        `'10.0.0.1/8'`,
        `B'01'`,
        `'${'0'.repeat(32)}'`,
        `'a:1 b'`,
        `'((0,0),(1,1))'`,
        `'a & b'`,
        `'0/0'`,
        `'08:00:2b:01:02:03'`,
      ],
      [`'(NaN,Infinity)'`, `'(2,2),(0,0)'`, `'::1'`, `B''`, 'null', `''`, `'((0,0),(1,1),(2,0))'`, `'!a'`, `'F/F'`, 'null'],
      ['null', 'null', 'null', 'null', 'null', 'null', 'null', 'null', 'null', 'null'],
      [`'(1,0)'`, `'(1,1),(0,0)'`, `'10.0.0.1'`, `B'010'`, `'${'f'.repeat(32)}'`, `'a'`, `'((0,0),(1,1))'`, `''`, 'null', 'null'],
    ],
  },
];

/** Beyond 2^53, where a number of JavaScript is another one. */
const FIRST = '9007199254740992';

function source({ name, columns, rows }: Family): string {
  const declared = Object.entries(columns).map(([column, type]) => `, ${column} ${type}`);
  const values = rows.map((row, index) => `insert into ${name}_pool values (${index}, ${row.join(', ')});`);
  return `create table ${name}_pool (n int${declared.join('')});
${values.join('\n')}
create table ${name} (id bigint generated by default as identity (start with ${FIRST}) primary key${declared.join('')});
insert into ${name} (${Object.keys(columns)}) select ${Object.keys(columns)} from ${name}_pool order by n;`;
}

const PLAN: Readonly<Record<string, string>> = {
  'plan.yaml': `title: Hard values
phases:
  - { id: schema }
  - { id: copy, transfers: [${FAMILIES.map(({ name }) => name).join(', ')}] }
  - { id: cutover, cutover: flag }
`,
  '1-schema/up.sql': FAMILIES.map(
    ({ name, columns }) =>
      `create table new_${name} (id bigint primary key${Object.entries(columns)
        .map(([column, type]) => `, ${column} ${type}`)
        .join('')}, gone timestamptz);`,
  ).join('\n'),
  '1-schema/undo.sql': FAMILIES.map(({ name }) => `drop table new_${name};`).join('\n'),
  ...Object.fromEntries(
    FAMILIES.map(({ name, columns }) => [
      `2-copy/${name}.sql`,
      `--! into: new_${name}\n--! from: ${name}\n--! key: id\n--! sync: both\n--! deletes: soft gone\nselect s.id, ${Object.keys(columns).map((column) => `s.${column}`)} from ${name} s;\n`,
    ]),
  ),
  '3-cutover/up.sql': 'comment on table new_texts is null;\n',
  '3-cutover/undo.sql': 'comment on table new_texts is null;\n',
};

let bench: Workbench;
let plan: Deployed;
let run: ChangingEnvelope;
beforeAll(async () => {
  bench = await openWorkbench();
  plan = await deploy(bench, PLAN, 'hard');
  await emptyPlanDatabase(bench, TYPES + FAMILIES.map(source).join('\n'));
  run = await beginMeasuredRun(bench, plan, { id: 'hard' });
  for (let step = await nextStep(bench.ports)(run); step.phase !== null; step = await nextStep(bench.ports)(run)) {
    await takeStep(bench.ports, { ...run, phase: step.phase }, step.kind);
  }
});
afterAll(() => bench?.close());

/** Rows of one side that are not, byte by byte, those of the other. */
async function differences({ name, columns }: Family): Promise<readonly unknown[]> {
  const row = (alias: string): string => `row(${['id', ...Object.keys(columns)].map((column) => `${alias}.${column}`)})::record`;
  return bench.sql(`select coalesce(o.id, n.id)::text as id from ${name} o full join (select * from new_${name} where gone is null) n on n.id = o.id
where o.id is null or n.id is null or ${row('o')} *<> ${row('n')}`);
}

/** What is left to a repair, with the reason. */
async function pending({ name }: Family): Promise<readonly unknown[]> {
  return bench.sql(
    `select side, op, sql_state, refused from stepgate.sync_journal where transfer = '${name}' and reason in ('failed', 'suppressed')`,
  );
}

/** Each row gets the values of the next one in the pool, `by` places on. */
function turned({ name, columns }: Family, table: string, by: number): string {
  const names = Object.keys(columns);
  return `update ${table} set ${names.map((column) => `${column} = p.${column}`)} from ${name}_pool p where p.n = (id - ${FIRST} + ${by}) % 4`;
}

async function drained(): Promise<void> {
  for (let polls = 0; !(await retried(() => catchUp(bench.ports)({ ...run, phase: 'copy', finishes: false, polls }))).done; polls += 1);
}

test.each(FAMILIES)('$name are copied, carried there and back, and compared by their bytes', async (family) => {
  const { name, columns } = family;
  expect(await differences(family)).toEqual([]);
  for (const by of [1, 2, 3]) {
    for (const table of [name, `new_${name}`]) {
      await bench.sql(turned(family, table, by));
      expect({ by, table, differ: await differences(family), pending: await pending(family) }).toEqual({ by, table, differ: [], pending: [] });
    }
  }
  for (const column of Object.keys(columns)) {
    await bench.sql(`update new_${name} set ${column} = p.${column} from ${name}_pool p where p.n = (id - ${FIRST} + 2) % 4`);
    await bench.sql(`update ${name} set ${column} = p.${column} from ${name}_pool p where p.n = (id - ${FIRST} + 1) % 4`);
    expect({ column, differ: await differences(family), pending: await pending(family) }).toEqual({ column, differ: [], pending: [] });
  }
  await bench.sql(`insert into new_${name} (${Object.keys(columns)}) select ${Object.keys(columns)} from ${name}_pool; delete from ${name} where id = ${FIRST} + 1;
delete from new_${name} where id = ${FIRST} + 2; update ${name} set id = 5 where id = ${FIRST} + 4; update new_${name} set id = 6 where id = ${FIRST} + 5`);
  expect({ differ: await differences(family), pending: await pending(family) }).toEqual({ differ: [], pending: [] });
});

test.each(FAMILIES)('$name that a trigger could not carry are carried by the repair', async (family) => {
  const { name, columns } = family;
  for (const [written, held] of [
    [name, `new_${name}`],
    [`new_${name}`, name],
  ] as const) {
    const holder = await bench.connect();
    try {
      await holder.query(`begin; select from ${held} for update`);
      await bench.sql(turned(family, written, 3));
      await holder.query('rollback');
    } finally {
      await holder.end();
    }
    expect(await differences(family)).not.toEqual([]);
    await drained();
    expect({ written, differ: await differences(family), pending: await pending(family) }).toEqual({ written, differ: [], pending: [] });
    await bench.sql(
      `begin isolation level repeatable read; ${turned(family, written, 1)}; insert into ${written} (${Object.keys(columns)}) select ${Object.keys(columns)} from ${name}_pool; commit`,
    );
    await drained();
    expect({ written, differ: await differences(family), pending: await pending(family) }).toEqual({ written, differ: [], pending: [] });
  }
});

test('hard values that both sides changed are a conflict, with both of them', async () => {
  for (const { name, columns } of FAMILIES) {
    const [first = ''] = Object.keys(columns);
    await bench.sql(`begin; set local stepgate.guard = '*'; update ${name} set ${first} = null where id = ${FIRST}; update new_${name} set ${first} = p.${first} from ${name}_pool p where p.n = 0 and id = ${FIRST}; commit;
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason) values ('hard', '${name}', 'source', '${FIRST}', 'update', 'failed'), ('hard', '${name}', 'target', '${FIRST}', 'update', 'failed')`);
  }
  await drained();
  for (const family of FAMILIES) expect({ name: family.name, differ: await differences(family) }).toEqual({ name: family.name, differ: [] });
  const conflicts = await bench.sql(`select transfer from stepgate.conflict where kept = 'target' group by 1 order by 1`);
  expect(conflicts.map((one) => (one as { transfer: string }).transfer)).toEqual(FAMILIES.map(({ name }) => name).toSorted());
});

test('the comparison finds one byte of each, and an undo keeps what the mapping does not make', async () => {
  expect((await verifyTarget(bench.ports)({ ...run, progress: null })).done).toBe(true);
  for (const family of FAMILIES) {
    const { name, columns } = family;
    await bench.sql(
      `begin; set local stepgate.guard = '*'; insert into new_${name} (id, ${Object.keys(columns)}) select -n - 1, ${Object.keys(columns)} from ${name}_pool; commit`,
    );
    expect(await differences(family)).toHaveLength(4);
  }
  const images = (name: string) => `select row_to_json(n)::text as image from new_${name} n where id < 0 order by id`;
  const before = new Map<string, readonly unknown[]>();
  await bench.sql("set TimeZone = 'UTC'");
  for (const { name } of FAMILIES) before.set(name, await bench.sql(images(name)));
  for (const phase of ['cutover', 'copy']) {
    while ((await retried(() => undoPhase(bench.ports)({ ...run, phase }))).next !== 'decide');
  }
  for (const { name } of FAMILIES) {
    const kept = await bench.sql(
      `select image::text from stepgate_archive.row where table_name = 'public.new_${name}' and key::bigint < 0 order by key::bigint`,
    );
    expect({ name, kept }).toEqual({ name, kept: before.get(name) });
  }
});
