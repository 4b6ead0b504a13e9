import {
  BeginTransactionCommand,
  ExecuteStatementCommand,
  type Field,
  type RDSDataClient,
  RollbackTransactionCommand,
  type SqlParameter,
} from '@aws-sdk/client-rds-data';
import * as z from 'zod';
import type { Environment } from '../core/run/environment.ts';
import { translateAwsError } from './aws-errors.ts';
import { isMisread, misreadError } from './misread.ts';

/** Bound by name; cast in the SQL (`:rows::bigint`), because the Data API sends every text as varchar. */
export type SqlParameters = Readonly<Record<string, string | number | boolean | null>>;

/** Asks rows of one shape; a number beyond 2^53 has to be cast to text in the query. */
export type Query = <Row>(row: z.ZodType<Row>, sql: string, parameters?: SqlParameters, options?: QueryOptions) => Promise<readonly Row[]>;

export interface QueryOptions {
  /** Lets the statement go on in the server after the Data API's 45 s; the caller sees an UnknownOutcomeError all the same. */
  readonly continueAfterTimeout?: boolean;
  /** What an error calls the statement; by default its first words. */
  readonly label?: string;
}

type Call = QueryOptions & { readonly parameters: SqlParameters; readonly transactionId?: string };

/** One statement a call, each call in a transaction of its own. */
export interface SqlSession {
  /**
   * @throws {DatabaseBusyError} when a lock did not come; nothing was done.
   * @throws {UnknownOutcomeError} when the answer was lost or took more than 45 s.
   * @throws {StatementFailedError} when PostgreSQL refused the statement, or its answer has another shape than was asked for.
   * @throws {ConfigurationError | DatabaseUnreachableError | DatabaseResumingError | StaleTokenError | CheckFailedError | ThrottledError}
   */
  readonly query: Query;
  /** Runs `work` in one transaction that cannot write and sees all rows or fails; throws what `query` throws. */
  readonly readOnly: <Result>(work: (query: Query) => Promise<Result>) => Promise<Result>;
  /** As `readOnly`, and sees rights and logins as they will be when the fence is lowered, where one stands; nothing of that is committed. */
  readonly unfenced: <Result>(work: (query: Query) => Promise<Result>) => Promise<Result>;
}

/** Fixed for every reading transaction, so that no setting that leaked into the pooled backend changes an answer; 64 MB hold a range of a comparison. */
const READING_SETTINGS = [
  `select json_build_array(set_config('row_security', 'off', true), set_config('search_path', 'public', true), set_config('TimeZone', 'UTC', true),
set_config('DateStyle', 'ISO, MDY', true), set_config('IntervalStyle', 'postgres', true), set_config('extra_float_digits', '1', true),
set_config('standard_conforming_strings', 'on', true), set_config('statement_timeout', '0', true),
set_config('lock_timeout', '800ms', true),
set_config('work_mem', case when pg_size_bytes(current_setting('work_mem')) < 67108864 then '64MB' else current_setting('work_mem') end, true))::text as settings`,
];

/** What makes the transaction a reading one; where it shows what a fence hides, behind that, because it writes into the catalog. */
async function beginReading(ask: Query, { unfenced }: { readonly unfenced: boolean }): Promise<void> {
  const isolation = 'set transaction isolation level repeatable read';
  await ask(z.unknown(), unfenced ? isolation : `${isolation}, read only`);
  for (const setting of READING_SETTINGS) await ask(z.unknown(), setting);
  if (!unfenced) return;
  // A database that no run has changed yet has no ledger.
  const [ledger] = await ask(z.object({ there: z.boolean() }), "select to_regprocedure('stepgate.show_unfenced()') is not null as there");
  if (ledger?.there === true) await ask(z.unknown(), 'select stepgate.show_unfenced() as shown');
  await ask(z.unknown(), 'set transaction read only');
}

/** A session on the RDS Data API; opens nothing until it is asked. */
export function sqlSession(
  environment: Pick<Environment, 'STEPGATE_CLUSTER_ARN' | 'STEPGATE_SECRET_ARN' | 'STEPGATE_DATABASE'>,
  client: RDSDataClient,
): SqlSession {
  const address = { resourceArn: environment.STEPGATE_CLUSTER_ARN, secretArn: environment.STEPGATE_SECRET_ARN };
  const execute = async <Row>(row: z.ZodType<Row>, sql: string, call: Call) => {
    const { label = firstWords(sql), parameters, ...more } = call;
    const answer = await translated(label, () =>
      client.send(
        new ExecuteStatementCommand({
          ...address,
          database: environment.STEPGATE_DATABASE,
          sql,
          parameters: Object.entries(parameters).map(([name, value]): SqlParameter => ({ name, value: fieldOf(value) })),
          formatRecordsAs: 'JSON',
          ...more,
        }),
      ),
    );
    return rowsOf(row, label, answer.formattedRecords ?? '[]');
  };
  const query: Query = (row, sql, parameters = {}, options = {}) => execute(row, sql, { parameters, ...options });
  const reading = async <Result>(work: (query: Query) => Promise<Result>, kind: { readonly unfenced: boolean }): Promise<Result> => {
    const { transactionId } = await translated('begin', () =>
      client.send(new BeginTransactionCommand({ ...address, database: environment.STEPGATE_DATABASE })),
    );
    const inside = { ...(transactionId === undefined ? {} : { transactionId }) };
    const ask: Query = (row, sql, parameters = {}, { label } = {}) =>
      execute(row, sql, { parameters, ...inside, ...(label === undefined ? {} : { label }) });
    try {
      await beginReading(ask, kind);
      return await work(ask);
    } finally {
      // Nothing is to stay of it: a rollback that fails leaves nothing but a transaction that the Data API ends by itself in three minutes.
      await client.send(new RollbackTransactionCommand({ ...address, transactionId })).catch((error: unknown) => error);
    }
  };
  return { query, readOnly: (work) => reading(work, { unfenced: false }), unfenced: (work) => reading(work, { unfenced: true }) };
}

/** The same session, whose errors say `label` where they would say a statement's first words. */
export function labelled(session: SqlSession, label: string): SqlSession {
  const named =
    (query: Query): Query =>
    (row, sql, parameters, options) =>
      query(row, sql, parameters, { label, ...options });
  return {
    query: named(session.query),
    readOnly: (work) => session.readOnly((query) => work(named(query))),
    unfenced: (work) => session.unfenced((query) => work(named(query))),
  };
}

async function translated<Result>(label: string, call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw translateAwsError(error, label);
  }
}

function rowsOf<Row>(row: z.ZodType<Row>, label: string, records: string): readonly Row[] {
  try {
    return z.array(row).parse(JSON.parse(records));
  } catch (error) {
    throw isMisread(error) ? misreadError(error, label) : error;
  }
}

/** Enough of a statement to know it by in a message. */
function firstWords(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim();
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}

function fieldOf(value: string | number | boolean | null): Field {
  if (value === null) {
    return { isNull: true };
  }
  switch (typeof value) {
    case 'string':
      return { stringValue: value };
    case 'boolean':
      return { booleanValue: value };
    default:
      return Number.isInteger(value) ? { longValue: value } : { doubleValue: value };
  }
}
