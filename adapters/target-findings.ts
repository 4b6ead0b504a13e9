import * as z from 'zod';
import type { QualifiedName, Transfer } from '../core/plan/compiled-plan.ts';
import type { Finding } from '../core/run/journal.ts';
import {
  accessFindings,
  type DrawnSequence,
  foreignKeyFindings,
  indexFindings,
  type Standing,
  sequenceFindings,
  type TablePair,
} from '../core/run/target-findings.ts';
import { quoteIdent, quoteName } from '../core/transfer/identifier.ts';
import type { Query } from './sql-session.ts';

/** What stands beside the targets' rows: sequences, foreign keys, indexes, grants, row-level security. */
export async function targetFindings(query: Query, transfers: readonly Transfer[]): Promise<readonly Finding[]> {
  const targets = [...new Map(transfers.map(({ into }) => [quoteName(into), into])).values()];
  const sequences: DrawnSequence[] = [];
  for (const target of targets) {
    sequences.push(...(await drawnSequences(query, target)));
  }
  const pairs: TablePair[] = [];
  for (const transfer of transfers) {
    pairs.push(await tablePair(query, transfer));
  }
  return [
    ...sequenceFindings(sequences),
    ...foreignKeyFindings(await standing(query, FOREIGN_KEYS, targets)),
    ...indexFindings(await standing(query, INDEXES, targets)),
    ...accessFindings(pairs),
  ];
}

const Drawn = z.object({
  schema: z.string(),
  name: z.string(),
  shown: z.string(),
  column: z.string(),
  increment: z.string(),
  readable: z.boolean(),
  shared: z.boolean(),
});
const Position = z.object({ next: z.string(), furthest: z.string().nullable(), beyond: z.boolean() });

/** Owned by a column of numbers, or named by its default. */
async function drawnSequences(query: Query, table: QualifiedName): Promise<readonly DrawnSequence[]> {
  const drawn = await query(
    Drawn,
    `select distinct n.nspname::text as schema, c.relname::text as name, c.oid::regclass::text as shown, a.attname::text as column, s.seqincrement::text as increment,
has_sequence_privilege(c.oid, 'select') as readable,
exists (select from pg_attrdef e where e.adrelid = u.relation and e.adnum = u.number and pg_get_expr(e.adbin, e.adrelid) ~ '^stepgate\\.next_key\\(') as shared
from (
  select objid as sequence, refobjid as relation, refobjsubid as number from pg_depend
  where classid = 'pg_class'::regclass and refclassid = 'pg_class'::regclass and deptype in ('a', 'i')
  union select d.refobjid, e.adrelid, e.adnum from pg_attrdef e join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = e.oid and d.refclassid = 'pg_class'::regclass
) as u join pg_class c on c.oid = u.sequence and c.relkind = 'S' join pg_sequence s on s.seqrelid = c.oid join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = u.relation and a.attnum = u.number
where u.relation = to_regclass(:table::text) and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype) order by 1, 2, 4`,
    { table: quoteName(table) },
  );
  const sequences: DrawnSequence[] = [];
  for (const { schema, name, shown, column, increment, readable, shared } of drawn) {
    const named = { sequence: shown, column: `${table.schema}.${table.name}.${column}`, isReadable: readable, isShared: shared };
    const [position] = readable ? await positionOf(query, { sequence: { schema, name }, table, column, increment }) : [];
    sequences.push({ ...named, next: position?.next ?? null, furthest: position?.furthest ?? null, standsBeyond: position?.beyond ?? false });
  }
  return sequences;
}

/** The column is read as of the statement's snapshot, the sequence later: what is drawn meanwhile makes no difference. */
function positionOf(
  query: Query,
  drawn: { readonly sequence: QualifiedName; readonly table: QualifiedName; readonly column: string; readonly increment: string },
): Promise<readonly z.infer<typeof Position>[]> {
  const isRising = !drawn.increment.startsWith('-');
  return query(
    Position,
    `select p.next::text as next, p.furthest::text as furthest, coalesce(p.next ${isRising ? '>' : '<'} p.furthest, true) as beyond
from (select s.last_value::numeric + case when s.is_called then :increment::numeric else 0 end as next,
(select ${isRising ? 'max' : 'min'}(${quoteIdent(drawn.column)})::numeric from ${quoteName(drawn.table)}) as furthest from ${quoteName(drawn.sequence)} as s) as p`,
    { increment: drawn.increment },
  );
}

const Standings = z.object({ all: z.number().int(), failing: z.string() });

const FOREIGN_KEYS = `select count(*)::int as all, coalesce(json_agg(conname || ' of ' || conrelid::regclass order by conname) filter (where not convalidated), '[]')::text as failing
from pg_constraint where contype = 'f' and conrelid in (select to_regclass(name) from json_array_elements_text(:targets::json) as t (name))`;

const INDEXES = `select count(*)::int as all, coalesce(json_agg(indexrelid::regclass || ' of ' || indrelid::regclass order by indexrelid::regclass::text)
  filter (where not (indisvalid and indisready)), '[]')::text as failing
from pg_index where indrelid in (select to_regclass(name) from json_array_elements_text(:targets::json) as t (name))`;

async function standing(query: Query, sql: string, targets: readonly QualifiedName[]): Promise<Standing> {
  const [row] = await query(Standings, sql, { targets: JSON.stringify(targets.map(quoteName)) });
  return { all: row?.all ?? 0, failing: z.array(z.string()).parse(JSON.parse(row?.failing ?? '[]')) };
}

const Pair = z.object({ writers: z.string(), source_secured: z.boolean(), target_secured: z.boolean() });

/** Roles that write the source and not the target; at most ten are named. */
async function tablePair(query: Query, { from, into }: Transfer): Promise<TablePair> {
  const [row] = await query(
    Pair,
    `select coalesce((select json_agg(name) from (select r.rolname::text as name from pg_roles r, unnest(array['insert', 'update', 'delete']) as p (privilege)
  where not r.rolsuper and r.rolname !~ '^pg_' and has_table_privilege(r.oid, s.oid, p.privilege) and not has_table_privilege(r.oid, t.oid, p.privilege)
  group by r.rolname order by r.rolname limit 10) as w), '[]')::text as writers, s.relrowsecurity as source_secured, t.relrowsecurity as target_secured
from pg_class s, pg_class t where s.oid = to_regclass(:source::text) and t.oid = to_regclass(:target::text)`,
    { source: quoteName(from), target: quoteName(into) },
  );
  return {
    from: `${from.schema}.${from.name}`,
    into: `${into.schema}.${into.name}`,
    writersOfSourceOnly: z.array(z.string()).parse(JSON.parse(row?.writers ?? '[]')),
    isSourceSecured: row?.source_secured ?? false,
    isTargetSecured: row?.target_secured ?? false,
  };
}
