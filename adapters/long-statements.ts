import * as z from 'zod';
import { assertNever } from '../core/assert-never.ts';
import { StaleTokenError } from '../core/errors.ts';
import type { LongProof, LongStatement } from '../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../core/run/envelope.ts';
import { quoteLiteral, quoteName } from '../core/transfer/identifier.ts';
import type { SqlSession } from './sql-session.ts';

export type Direction = 'up' | 'undo';

/** What the catalog says of a long statement: `broken` is an index that a failed build left INVALID. */
export type LongState = 'done' | 'running' | 'broken' | 'not done';

/** A statement that no transaction can hold, one place of a phase. */
export interface LongPlace {
  readonly phase: string;
  readonly direction: Direction;
  readonly statement: LongStatement;
}

/** Statements that no transaction can hold: started in autocommit, proven from the catalog. */
export interface LongStatements {
  state(run: ChangingRun, place: LongPlace): Promise<LongState>;
  /**
   * Notes the attempt (only for the token's holder), then sends the statement; it goes on in the server after 45 s. Gives how many attempts there were.
   *
   * @throws {UnknownOutcomeError} when it is still running, or nobody knows.
   * @throws {StaleTokenError} when a newer run took the lock over; nothing was started.
   */
  start(run: ChangingRun, place: LongPlace): Promise<void>;
  attempts(run: ChangingRun, place: LongPlace): Promise<number>;
  /** Drops what a failed build left behind. */
  dropBroken(run: ChangingRun, place: LongPlace): Promise<void>;
}

const State = z.object({ state: z.enum(['done', 'running', 'broken', 'not done']) });
const Attempts = z.object({ attempts: z.number().int() });

/** Before PostgreSQL 15 a collector shows statistics that are up to 500 ms old (PGSTAT_STAT_INTERVAL), and the proof would miss what has just been done. */
const UNTIL_STATISTICS_SHOW = `select count(pg_sleep(0.6)) as waited where current_setting('server_version_num')::int < 150000`;

export function longStatements({ query }: SqlSession): LongStatements {
  const at = (run: ChangingRun, place: LongPlace) => ({
    plan: run.plan,
    phase: place.phase,
    direction: place.direction,
    number: place.statement.number,
  });
  return {
    state: async (run, place) => {
      const sql = `select case
when exists (select from pg_stat_activity where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()
  and starts_with(query, ${quoteLiteral(`/* stepgate ${run.id}/${place.phase}/${place.statement.number}/`)})) then 'running'
${proof(place.statement.proof)} else 'not done' end as state`;
      // Parameters only where the text has them: the Data API refuses one that is not used.
      const parameters = place.statement.proof.kind === 'vacuumed' ? at(run, place) : {};
      const [row] = await query(State, sql, parameters);
      return row?.state ?? 'not done';
    },
    start: async (run, place) => {
      const [noted] = await query(
        Attempts,
        `insert into stepgate.long_statement as l (plan, phase, direction, number)
select :plan::text, :phase::text, :direction::text, :number::int where exists (select from stepgate.lock where run_id = :run::text and token = :token::bigint for share)
on conflict (plan, phase, direction, number) do update set attempts = l.attempts + 1 returning attempts`,
        { ...at(run, place), run: run.id, token: run.token },
      );
      if (noted === undefined) {
        throw new StaleTokenError(`run ${run.id} no longer holds the lock with token ${run.token}; a newer run took it over`);
      }
      await query(z.unknown(), `${label(run, place)} ${place.statement.sql}`, {}, { continueAfterTimeout: true, label: describePlace(place) });
      if (place.statement.proof.kind === 'vacuumed') {
        await query(z.unknown(), UNTIL_STATISTICS_SHOW);
      }
    },
    attempts: async (run, place) => {
      const sql =
        'select attempts from stepgate.long_statement where plan = :plan::text and phase = :phase::text and direction = :direction::text and number = :number::int';
      const [row] = await query(Attempts, sql, at(run, place));
      return row?.attempts ?? 0;
    },
    dropBroken: async (run, place) => {
      const { proof: shown } = place.statement;
      if (shown.kind !== 'vacuumed') {
        const drop = `drop index concurrently if exists ${quoteName({ schema: shown.schema, name: shown.index })}`;
        const said = `${describePlace(place)}: dropping what a failed build left`;
        await query(z.unknown(), `${label(run, place)} ${drop}`, {}, { continueAfterTimeout: true, label: said });
      }
    },
  };
}

/** Where the statement stands in the plan. */
export function describePlace({ statement }: LongPlace): string {
  return `${statement.file}:${statement.line}: statement ${statement.number}`;
}

/** By which the statement is known while it is at work. */
function label(run: ChangingRun, place: LongPlace): string {
  return `/* stepgate ${run.id}/${place.phase}/${place.statement.number}/${run.token} */`;
}

/** Branches of a CASE: which catalog rows say that it is done, or half done. */
function proof(shown: LongProof): string {
  switch (shown.kind) {
    case 'index-valid': {
      const table = quoteLiteral(quoteName({ schema: shown.schema, name: shown.table }));
      const index = `select from pg_index i where i.indexrelid = to_regclass(${quoteLiteral(quoteName({ schema: shown.schema, name: shown.index }))})
  and i.indrelid = to_regclass(${table})`;
      return `when exists (${index} and i.indisvalid and i.indisready) then 'done' when exists (${index}) then 'broken'`;
    }
    case 'index-gone':
      return `when to_regclass(${quoteLiteral(quoteName({ schema: shown.schema, name: shown.index }))}) is null then 'done'`;
    case 'vacuumed':
      return `when exists (select from pg_stat_all_tables s join stepgate.long_statement l on greatest(s.last_vacuum, s.last_analyze) >= l.begun_at
  where s.relid = to_regclass(${quoteLiteral(quoteName({ schema: shown.schema, name: shown.table }))})
  and l.plan = :plan::text and l.phase = :phase::text and l.direction = :direction::text and l.number = :number::int) then 'done'`;
    default:
      return assertNever(shown);
  }
}
