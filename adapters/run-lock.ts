import * as z from 'zod';
import type { PlanDigest, PlanId, RunId } from '../core/ids.ts';
import type { Mode } from '../core/run/mode.ts';
import type { SqlSession } from './sql-session.ts';

/** Who holds the lock; `run` is null when nobody does. */
export interface LockHolder {
  readonly token: number;
  readonly run: string | null;
  readonly executionArn: string | null;
}

/** Lets at most one run change a database: a row with a rising token. */
export interface RunLock {
  holder(): Promise<LockHolder>;
  /** The newest token that the run ever had, and the first run that took the lock after it; null where it never took it. */
  tokenOf(run: RunId): Promise<{ readonly token: number; readonly successor: string | null } | null>;
  /** The new token, or null when another run was quicker. An execution that holds the lock already keeps its token. */
  take(from: LockHolder, run: LockTaker): Promise<number | null>;
  /** Gives the lock back if it is still this run's; twice is once. */
  release(run: RunId, token: number): Promise<void>;
  /** Ends a run's backends and says how many are still there. */
  endBackends(run: string): Promise<number>;
}

export interface LockTaker {
  readonly id: RunId;
  readonly plan: PlanId;
  readonly digest: PlanDigest;
  readonly mode: Mode;
  readonly executionArn: string;
  readonly startedAt: Date;
}

const Holder = z.object({ token: z.number().int(), run: z.string().nullable(), execution_arn: z.string().nullable() });
const Past = z.object({ token: z.number().int(), successor: z.string().nullable() });
const PAST = `select r.token, (select n.run_id from stepgate.run n where n.token > r.token order by n.token limit 1) as successor
from stepgate.run r where r.run_id = :run::text`;
const Token = z.object({ token: z.string().nullable() });
const Count = z.object({ count: z.number().int() });

export function ledgerLock({ query }: SqlSession): RunLock {
  return {
    holder: async () => {
      const [row] = await query(Holder, 'select token, run_id as run, execution_arn from stepgate.lock');
      return { token: row?.token ?? 0, run: row?.run ?? null, executionArn: row?.execution_arn ?? null };
    },
    tokenOf: async (run) => {
      const [row] = await query(Past, PAST, { run });
      return row ?? null;
    },
    take: async (from, run) => {
      const [row] = await query(
        Token,
        'select stepgate.take_lock(:expected::bigint, :run::text, :plan::text, :digest::text, :mode::text, :arn::text, :started::timestamptz) as token',
        {
          expected: from.token,
          run: run.id,
          plan: run.plan,
          digest: run.digest,
          mode: run.mode,
          arn: run.executionArn,
          started: run.startedAt.toISOString(),
        },
      );
      return row?.token == null ? null : Number(row.token);
    },
    release: async (run, token) => {
      await query(z.unknown(), 'update stepgate.lock set run_id = null, execution_arn = null where run_id = :run::text and token = :token::bigint', {
        run,
        token,
      });
    },
    endBackends: async (run) => {
      // By label: transactions carry application_name, statements that no transaction holds carry a comment.
      const [row] = await query(
        Count,
        `select count(pg_terminate_backend(pid))::int as count from pg_stat_activity
where pid <> pg_backend_pid() and datname = current_database() and usename = current_user and state <> 'idle'
and (starts_with(application_name, stepgate.backend_label(:run::text, '')) or starts_with(query, '/* stepgate ' || :run::text || '/'))`,
        { run },
      );
      return row?.count ?? 0;
    },
  };
}
