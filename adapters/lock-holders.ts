import * as z from 'zod';
import { DatabaseBusyError, StepgateError } from '../core/errors.ts';
import { heldInWords, type LockHolder } from '../core/run/lock-holders.ts';
import type { Query, SqlSession } from './sql-session.ts';

const Holder = z.object({
  table: z.string(),
  pid: z.number().int().nullable(),
  role: z.string().nullable(),
  state: z.string().nullable(),
  seconds: z.number().int().nullable(),
});

/** More would fill the sentence; ending these shows the rest. */
const MOST_NAMED = 3;

/**
 * Says who holds the tables that a text names, now that a lock has not come; any other error stays as it is.
 *
 * A holder that has let go meanwhile is not seen; of other roles' sessions a role without pg_read_all_stats sees neither state nor age.
 */
export async function namingHolders({ readOnly }: Pick<SqlSession, 'readOnly'>, text: string, error: unknown): Promise<unknown> {
  if (!(error instanceof DatabaseBusyError)) return error;
  try {
    const holders = await readOnly((query) => lockHolders(query, text));
    return holders.length === 0 ? error : new DatabaseBusyError(`${error.message}; ${heldInWords(holders)}`, { cause: error });
  } catch (unanswered) {
    if (unanswered instanceof StepgateError) return error;
    throw unanswered;
  }
}

/** Sessions of others that hold locks on tables whose names the text holds, the oldest transaction first. */
async function lockHolders(query: Query, text: string): Promise<readonly LockHolder[]> {
  const sql = `select format('%I.%I', n.nspname, c.relname) as table, l.pid, a.usename::text as role, max(a.state) as state,
floor(max(extract(epoch from clock_timestamp() - a.xact_start)))::int as seconds
from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace left join pg_stat_activity a on a.pid = l.pid
where l.granted and l.database = (select oid from pg_database where datname = current_database()) and l.pid is distinct from pg_backend_pid()
and c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'stepgate', 'stepgate_archive')
and position(lower(c.relname) in lower(:text::text)) > 0
group by 1, l.pid, a.usename order by min(a.xact_start) nulls last limit ${MOST_NAMED}`;
  return query(Holder, sql, { text });
}
