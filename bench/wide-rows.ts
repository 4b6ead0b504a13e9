import type { PlanFiles } from './stage.ts';

export type Key = 'bigint' | 'uuid';

/** The id and nine columns of the usual types. */
const COLUMNS = ['id', 'name', 'email', 'city', 'note', 'amount', 'quantity', 'is_open', 'opened_at', 'day'] as const;

const list = (alias: string) => COLUMNS.map((column) => `${alias}.${column}`).join(', ');

function tableSql(name: string, key: Key): string {
  return `create table ${name} (id ${key} primary key, name text, email text, city text, note text, amount numeric(12, 2), quantity integer,
is_open boolean, opened_at timestamptz, day date)`;
}

/** A table of rows of about 130 bytes, every value a function of the row's number; uuid keys lie in the table in no order, as random ones do. */
export function sourceSql(key: Key, rows: number): string {
  const id = key === 'uuid' ? "md5('row' || i)::uuid" : 'i';
  return `${tableSql('source', key)};
insert into source select ${id}, 'Name ' || i, 'person' || i || '@example.com', 'City ' || i % 500, repeat('note ', 1 + i % 8), (i % 100000) / 100.0,
i % 1000, i % 3 = 0, '2020-01-01Z'::timestamptz + i * interval '1 minute', '2020-01-01'::date + i % 2000 from generate_series(1, ${rows}) i`;
}

export interface CopyKind {
  readonly key: Key;
  /** @default 'none' */
  readonly sync?: 'none' | 'forward' | 'both';
  /** Key ranges that are copied at once. @default 1 */
  readonly parallel?: number;
}

/** A plan that makes the target and copies every row. */
export function copyPlan({ key, sync = 'none', parallel = 1 }: CopyKind): PlanFiles {
  const headers = ['into: target', 'from: source', 'key: id', `sync: ${sync}`, `parallel: ${parallel}`].map((header) => `--! ${header}\n`).join('');
  return {
    'plan.yaml': `title: Wide rows with a ${key} key\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [rows] }\n`,
    '1-schema/up.sql': `${tableSql('target', key)};\n`,
    '1-schema/undo.sql': 'drop table target;\n',
    '2-copy/rows.sql': `${headers}select ${list('s')}\nfrom source s;\n`,
  };
}

/** By the name of the plan. */
export const COPIES = {
  'copy-bigint': { key: 'bigint' },
  'copy-uuid': { key: 'uuid' },
  'copy-two-ranges': { key: 'bigint', parallel: 2 },
  'copy-beside': { key: 'bigint', sync: 'forward' },
  'copy-beside-two-ranges': { key: 'bigint', sync: 'forward', parallel: 2 },
} as const satisfies Readonly<Record<string, CopyKind>>;

export type CopyName = keyof typeof COPIES;

export function copyPlans(): Readonly<Record<string, PlanFiles>> {
  return Object.fromEntries(Object.entries(COPIES).map(([name, kind]) => [name, copyPlan(kind)]));
}

const ALLOWED = '--! allow: CHANGE_WITHOUT_WHERE because a change of every row is what is measured\n';

/** Plans that change every row in place, without and with row images. */
export function changePlans(): Readonly<Record<string, PlanFiles>> {
  const plan = (protect: string): PlanFiles => ({
    'plan.yaml': `title: A change of every row\nphases:\n  - { id: change${protect} }\n`,
    '1-change/up.sql': `${ALLOWED}update source set quantity = quantity + 1;\n`,
    '1-change/undo.sql': `${ALLOWED}update source set quantity = quantity - 1;\n`,
  });
  return { change: plan(''), 'change-protected': plan(', protect: [source]') };
}

export const ONE_INSERT = `insert into target (${COLUMNS.join(', ')}) select ${list('s')} from source s`;

/** Batches of 1,000 as a script without a cursor makes them: each looks for what is not there yet, all in one transaction. */
export const NOT_IN_LOOP = `do $$
declare
  moved bigint;
begin
  loop
    insert into target (${COLUMNS.join(', ')})
    select ${list('s')} from source s where s.id not in (select id from target) limit 1000;
    get diagnostics moved = row_count;
    exit when moved = 0;
  end loop;
end $$`;
