import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { columnMetadata, columnTypes } from './column-types.ts';
import { Fault, toFault } from './fault.ts';
import type { BoundStatement } from './parameters.ts';
import { formattedText, type ResultOptions, recordsText } from './result-fields.ts';
import { runStatement } from './run-statement.ts';
import type { DataApiLimits } from './server.ts';
import type { Lease } from './transactions.ts';

/** How long a cancelled statement may take to end before the caller gets its answer all the same. */
const CANCEL_MS = 5_000;

export interface ResultForm {
  readonly includeResultMetadata?: boolean | undefined;
  readonly formatRecordsAs?: 'NONE' | 'JSON' | undefined;
  readonly resultSetOptions?: ResultOptions | undefined;
}

/**
 * Works on the lease's backend, but answers within the statement time.
 *
 * After that the work is cancelled, or goes on in the server when the caller wants so; the backend stays taken until it ends.
 *
 * @throws {Fault} StatementTimeoutException, or what the database said.
 */
export async function answerInTime<Result>(
  lease: Lease,
  work: (client: Client) => Promise<Result>,
  { statementMs, continueAfterTimeout }: { statementMs: number; continueAfterTimeout: boolean },
): Promise<Result> {
  const isLate = Symbol('late');
  const inTime = new AbortController();
  let cancelling: Promise<void> | undefined;
  // The backend is kept until the cancellation is through, which would else hit the next call's statement.
  const running = finish(lease, work(lease.backend.client), () => cancelling);
  const answer = await Promise.race([running, delay(statementMs, isLate, { signal: inTime.signal, ref: false })]).finally(() => inTime.abort());
  if (answer !== isLate) return answer as Result;
  const timedOut = new Fault('StatementTimeoutException', 'Request timed out');
  if (continueAfterTimeout) {
    running.catch(() => undefined);
    throw timedOut;
  }
  cancelling = lease.pool.cancel(lease.backend).catch(() => undefined);
  // A commit that was just under way may still win: then its answer is the true one.
  const ended = await Promise.race([running, delay(CANCEL_MS, isLate, { ref: false })]).catch((error: unknown) => {
    throw new Fault('StatementTimeoutException', toFault(error).message, { cause: error });
  });
  if (ended !== isLate) return ended as Result;
  running.catch(() => undefined);
  throw timedOut;
}

async function finish<Result>(lease: Lease, work: Promise<Result>, cancelling: () => Promise<void> | undefined): Promise<Result> {
  let endsTransaction = false;
  try {
    return await work;
  } catch (error) {
    const fault = toFault(error);
    endsTransaction = fault.endsTransaction;
    throw fault;
  } finally {
    await cancelling();
    await lease.done({ endsTransaction });
  }
}

/** Runs a statement and writes ExecuteStatement's answer as JSON text. */
export async function executeStatement(
  client: Client,
  statement: BoundStatement,
  { form, limits }: { form: ResultForm; limits: DataApiLimits },
): Promise<string> {
  const isJson = form.formatRecordsAs === 'JSON';
  const mostBytes = isJson ? limits.jsonBytes : limits.resultBytes;
  const { columns, rows, updated, tooLarge } = await runStatement(client, statement, { rowBytes: limits.rowBytes, resultBytes: mostBytes });
  const parts = [`"numberOfRecordsUpdated":${updated}`, '"generatedFields":[]'];
  if (tooLarge) throw sizeFault(isJson);
  if (columns) {
    const types = await columnTypes(client, columns);
    const options = form.resultSetOptions ?? {};
    const text = isJson ? formattedText(rows, columns, { types, options }) : recordsText(rows, types, options);
    if (Buffer.byteLength(text) > mostBytes) throw sizeFault(isJson);
    parts.push(isJson ? `"formattedRecords":${JSON.stringify(text)}` : `"records":${text}`);
    if (form.includeResultMetadata) {
      parts.push(
        `"columnMetadata":${JSON.stringify(columns.flatMap((column, index) => (types[index] ? [columnMetadata(column, types[index])] : [])))}`,
      );
    }
  }
  return `{${parts.join(',')}}`;
}

function sizeFault(isJson: boolean): Fault {
  return new Fault(isJson ? 'BadRequestException' : 'DatabaseErrorException', 'Database returned more than the allowed response size limit', {
    endsTransaction: true,
  });
}
