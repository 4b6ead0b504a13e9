import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError, type Pool, type PoolClient } from 'pg';
import type { CallLog } from './call-log.ts';
import type { CrmCall } from './crm-call.ts';
import { forgetCall, rememberCall } from './remember-call.ts';
import { NoSuchRowError, runCall } from './run-call.ts';

/** An application tries a transaction that lost against another one again; more often than this is an outage. */
const TRIES = 6;

/** What the other side made is waited for this long before its absence is an error, as a user asks again. */
const LATE_MS = 2_000;
const LATE_POLL_MS = 10;

/** Serialization failure and deadlock: the transaction is to be repeated. */
const TRY_AGAIN = new Set(['40001', '40P01']);

/** Makes one call as one transaction; its time counts from the wait for a connection, as the user has it. Throws nothing: a failure is logged. */
export async function makeCall(pool: Pool, log: CallLog, { call, user }: { readonly call: CrmCall; readonly user: string }): Promise<void> {
  const begun = performance.now();
  let retries = 0;
  let isLate = false;
  let writes = 0;
  let failure: string | null = null;
  for (let isDone = false; !isDone; ) {
    const error = await attempt(pool, { call, user });
    if (error === null) {
      writes = rememberCall(call);
      isDone = true;
    } else if (error instanceof DatabaseError && TRY_AGAIN.has(error.code ?? '') && retries < TRIES) {
      retries += 1;
    } else if (error instanceof NoSuchRowError && performance.now() - begun < LATE_MS) {
      isLate = true;
      await delay(LATE_POLL_MS);
    } else {
      if (error instanceof LostAnswerError) forgetCall(call);
      failure = `${call.kind} on the ${call.side} side, ${call.isolation}: ${inWords(error)}`;
      isDone = true;
    }
  }
  log.add({ ms: performance.now() - begun, retries, isLate, writes, failure });
}

/** The connection went while a commit was under way. */
class LostAnswerError extends Error {
  override readonly name = 'LostAnswerError';
}

/** Null when it is committed; else why it is not. */
async function attempt(pool: Pool, { call, user }: { readonly call: CrmCall; readonly user: string }): Promise<unknown> {
  const db = await pool.connect().catch((error: unknown) => asError(error));
  if (db instanceof Error) return db;
  try {
    await db.query(`begin isolation level ${call.isolation}`);
    // Row-level security of the new side asks who it is.
    if (call.side === 'new') await db.query("select set_config('request.jwt.claim.sub', $1, true)", [user]);
    await runCall(db, call);
  } catch (error) {
    await giveUp(db);
    return error;
  }
  try {
    await db.query('commit');
    db.release();
    return null;
  } catch (error) {
    db.release(true);
    return error instanceof DatabaseError ? error : new LostAnswerError(asError(error).message, { cause: error });
  }
}

/** A connection that does not even roll back is not used again. */
async function giveUp(db: PoolClient): Promise<void> {
  const failed = await db.query('rollback').then(
    () => false,
    () => true,
  );
  db.release(failed);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function inWords(error: unknown): string {
  return error instanceof DatabaseError ? `${error.code} ${error.message}` : asError(error).message;
}
