import * as z from 'zod';
import type { ChangingRun } from '../core/run/envelope.ts';
import type { SqlSession } from './sql-session.ts';

/** The ledger inside a database that was restored from a run's snapshot: its lock is the one that was held when the snapshot was taken. */
export interface RestoredDatabase {
  /** Gives the lock to the run that restores, closes the runs that this database knows nothing more of, and marks the run as restored from here. */
  takeOver(run: ChangingRun, snapshot: string): Promise<void>;
  /** Whether the database that answers is one that `takeOver` has marked. */
  isMarked(run: ChangingRun, snapshot: string): Promise<boolean>;
  /** As the digest that MeasureBefore writes into the journal. */
  schemaDigest(): Promise<string>;
}

const Text = z.object({ text: z.string() });
const Marked = z.object({ marked: z.boolean() });

/** Every token of the past is smaller than the one of the run that restores, or its own. */
const TAKE_LOCK = `with taken as (
  update stepgate.lock set run_id = :run::text, execution_arn = :arn::text, taken_at = clock_timestamp(), token = :token::bigint
  where token <= :token::bigint returning token
), mine as (
  insert into stepgate.run (run_id, plan, digest, mode, execution_arn, token, started_at, sentence)
  select :run::text, :plan::text, :digest::text, :mode::text, :arn::text, token, :started::timestamptz, :mark::text from taken
  on conflict (run_id) do update set token = excluded.token, sentence = excluded.sentence, ended_at = null, outcome = null
)
update stepgate.run set ended_at = clock_timestamp(), outcome = 'restored', sentence = :ended::text
where run_id <> :run::text and ended_at is null and exists (select from taken)`;

export function restoredDatabase({ query }: SqlSession): RestoredDatabase {
  return {
    takeOver: async (run, snapshot) => {
      await query(z.unknown(), TAKE_LOCK, {
        run: run.id,
        arn: run.executionArn,
        token: run.token,
        plan: run.plan,
        digest: run.digest,
        mode: run.mode,
        started: run.startedAt.toISOString(),
        mark: markOf(snapshot),
        ended: `run ${run.id} restored snapshot ${snapshot}, which is from before its first change`,
      });
    },
    isMarked: async (run, snapshot) => {
      const sql = 'select exists (select from stepgate.run where run_id = :run::text and sentence = :mark::text) as marked';
      const [row] = await query(Marked, sql, { run: run.id, mark: markOf(snapshot) });
      return row?.marked ?? false;
    },
    schemaDigest: async () => {
      const sql = `select md5(coalesce(string_agg(line, e'\\n' order by line), '')) as text from stepgate.unfenced_objects()`;
      const [row] = await query(Text, sql);
      return row?.text ?? '';
    },
  };
}

function markOf(snapshot: string): string {
  return `in the database of snapshot ${snapshot}`;
}
