import * as z from 'zod';
import type { PlanId } from '../core/ids.ts';
import type { ChangingRun } from '../core/run/envelope.ts';
import type { Query, SqlSession } from './sql-session.ts';

const Raised = z.object({ isNew: z.boolean(), refused: z.array(z.string()) });

const Settled = z.object({
  /** Sessions that may still write; empty means that none is left. */
  holders: z.array(z.object({ pid: z.number().int().nullable(), role: z.string(), state: z.string(), seconds: z.number().int() })),
  /** Who could write in spite of the fence, as somebody granted it while it went up. */
  gaps: z.array(z.string()),
  /** Roles that nobody can keep out. */
  passing: z.array(z.string()),
  /** How often a role was taken and a table tried. */
  probed: z.number().int(),
  /** Objects from whose access lists rights were taken. */
  objects: z.number().int(),
  /** Roles that lost their login. */
  roles: z.array(z.object({ role: z.string(), why: z.string() })),
});
export type FenceState = z.infer<typeof Settled>;

const Lowered = z.object({
  wasUp: z.boolean(),
  objects: z.number().int(),
  roles: z.number().int(),
  /** How long it stood, by the server's clock. */
  stoodMs: z.number().int(),
  /** What others did meanwhile, and what is gone. */
  notes: z.array(z.string()),
  /** Statements that this role may not execute any more; their fence stays. */
  stuck: z.array(z.string()),
});
export type LoweredFence = z.infer<typeof Lowered>;

/** Keeps the writes of every role but the migrator out of the database. Every call may be repeated. */
export interface Fence {
  /** Takes rights and logins, in one transaction; with a reason in `refused` nothing was done. */
  raise(run: ChangingRun): Promise<z.infer<typeof Raised>>;
  /** One look at what may still write; with `ends` its backends are ended. The fence is up when there are neither holders nor gaps. */
  settle(run: ChangingRun, how: { readonly ends: boolean }): Promise<FenceState>;
  /** Gives everything back as it was. */
  lower(run: ChangingRun): Promise<LoweredFence>;
}

const Answer = z.object({ answer: z.string() });
const Up = z.object({ up: z.boolean() });

export function ledgerFence({ query }: SqlSession): Fence {
  const call = async <Result>(shape: z.ZodType<Result>, sql: string, parameters: Readonly<Record<string, string | number | boolean>>) => {
    const [row] = await query(Answer, sql, parameters);
    return shape.parse(JSON.parse(row?.answer ?? 'null'));
  };
  const named = (run: ChangingRun) => ({ run: run.id, token: run.token, plan: run.plan });
  return {
    raise: (run) => call(Raised, 'select stepgate.raise_fence(:run::text, :token::bigint, :plan::text) as answer', named(run)),
    settle: (run, { ends }) =>
      call(Settled, 'select stepgate.settle_fence(:run::text, :token::bigint, :plan::text, :ends::boolean) as answer', { ...named(run), ends }),
    lower: (run) => call(Lowered, 'select stepgate.lower_fence(:run::text, :token::bigint, :plan::text) as answer', named(run)),
  };
}

/** A login that no REVOKE keeps from writing: it, or what it is a member of, owns tables or runs the plan. */
export interface OwningLogin {
  readonly role: string;
  readonly why: string;
  /** Whether this role may take its login. */
  readonly isOurs: boolean;
}

const Owning = z.object({ role: z.string(), why: z.string(), is_ours: z.boolean() });

/** Logins that a fence would shut out; what other grants let write is seen only when it goes up. Reads, and needs no ledger. */
export async function owningLogins(query: Query): Promise<readonly OwningLogin[]> {
  const rows = await query(Owning, OWNING);
  return rows.map(({ is_ours, ...row }) => ({ ...row, isOurs: is_ours }));
}

const OWNING = `with me as (
  select oid, rolname, rolsuper, rolcreaterole, current_setting('server_version_num')::int >= 160000 as by_admin from pg_roles where rolname = current_user
), owners as (
  select c.relowner as oid, 'owns ' || min(c.oid::regclass::text) as why from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'stepgate', 'stepgate_archive')
  and c.relowner <> (select oid from me) and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
  group by c.relowner
  union all select oid, 'is the role of the run' from me
)
select r.rolname::text as role, min(case when o.oid = r.oid then o.why else format('is a member of %s, which %s', pg_get_userbyid(o.oid), o.why) end) as why,
bool_or(me.rolsuper or me.rolcreaterole and (not me.by_admin or pg_has_role(r.oid, 'member with admin option'))) as is_ours
from pg_roles r join owners o on pg_has_role(r.oid, o.oid, 'member') cross join me
where r.rolcanlogin and not r.rolsuper and r.oid <> me.oid and r.rolname <> 'rdsadmin' and not starts_with(r.rolname, 'rds_')
and has_database_privilege(r.oid, current_database(), 'connect') group by r.rolname order by 1 limit 20`;

const Standing = z.object({ since: z.string() });

/** Since when a fence of the plan stands; null where none does. */
export async function standingFence({ query }: Pick<SqlSession, 'query'>, plan: PlanId): Promise<string | null> {
  const sql = "select to_json(raised_at at time zone 'UTC')#>>'{}' || 'Z' as since from stepgate.fence where plan = :plan::text";
  const [row] = await query(Standing, sql, { plan });
  return row?.since ?? null;
}

/** Whether the plan's fence keeps applications out, and nothing of theirs from before it is left; batches need not let go soon then. */
export async function isFenced({ query }: Pick<SqlSession, 'query'>, plan: PlanId): Promise<boolean> {
  const [row] = await query(Up, 'select stepgate.fence_is_up(:plan::text) as up', { plan });
  return row?.up ?? false;
}
