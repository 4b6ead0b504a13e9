import {
  CheckFailedError,
  ConfigurationError,
  DatabaseBusyError,
  DatabaseResumingError,
  DatabaseUnreachableError,
  SecretRefusedError,
  StaleTokenError,
  StatementFailedError,
  StepgateError,
  ThrottledError,
  UnknownOutcomeError,
} from '../core/errors.ts';
import { withoutValues } from './without-values.ts';

/** SQLSTATEs after which nothing was done and the same call may succeed (PostgreSQL, appendix A). */
const BUSY_STATES = new Set(['55P03', '40P01', '40001']);

/** The connection or the server went away; whether a commit got through is not known. */
const LOST_STATES = /^(08|57P0)/;

/** The SDK gives a socket that broke the name of a timeout (@smithy/node-http-handler). */
const BROKEN_SOCKET = new Set(['ECONNRESET', 'EPIPE']);

/** The last one, since a value may hold anything; tolerant, because the text is not documented (RDS Data API, troubleshooting). */
const SQL_STATE = /^[\s\S]*SQLState:\s*([0-9A-Z]{5})/i;

const CONFIGURATION = new Set([
  'HttpEndpointNotEnabledException',
  'SecretsErrorException',
  'ForbiddenException',
  'AccessDeniedException',
  'AccessDenied',
  'NoSuchBucket',
  'BadRequestException',
  'ValidationException',
  'UnsupportedResultException',
]);
const AWAY = new Set(['DatabaseUnavailableException', 'DatabaseNotFoundException', 'InvalidResourceStateException', 'TransactionNotFoundException']);
const THROTTLED = new Set(['ThrottlingException', 'Throttling', 'TooManyRequestsException', 'RequestLimitExceeded', 'SlowDown']);

/** Says any error of an AWS client in our words, once; the original is the cause. */
export function translateAwsError(error: unknown, during: string): StepgateError {
  if (error instanceof StepgateError) {
    return error;
  }
  const { name, message: said, code } = sayings(error);
  const options = { cause: error };
  if (name === 'DatabaseErrorException') {
    return translateSqlError(said, during, options);
  }
  const message = sqlStateOf(said) === null ? said : withoutValues(said, sqlStateOf(said));
  const text = `${during}: ${message}`;
  if (name === 'DatabaseResumingException') {
    return new DatabaseResumingError(text, options);
  }
  if (name === 'InvalidSecretException') {
    return new SecretRefusedError(`${during}: ${name}: ${message}`, options);
  }
  if (AWAY.has(name)) {
    return new DatabaseUnreachableError(text, options);
  }
  if (THROTTLED.has(name)) {
    return new ThrottledError(text, options);
  }
  if (CONFIGURATION.has(name)) {
    return new ConfigurationError(`${during}: ${name}: ${message}`, options);
  }
  // 500, 503, a socket that broke, our own request timeout, StatementTimeoutException: only the ledger or the catalog knows.
  return new UnknownOutcomeError(`${during}: ${name}: ${message}`, {
    ...options,
    isTimeout: name === 'StatementTimeoutException' || (name === 'TimeoutError' && !BROKEN_SOCKET.has(code)),
  });
}

function sayings(error: unknown): { readonly name: string; readonly message: string; readonly code: string } {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message, code: error instanceof Error && 'code' in error ? String(error.code) : '' };
}

/** SQLSTATE of a Data API error, if it says one. */
export function sqlStateOf(message: string): string | null {
  return SQL_STATE.exec(message)?.[1] ?? null;
}

function translateSqlError(message: string, during: string, options: ErrorOptions): StepgateError {
  const state = sqlStateOf(message);
  if (state === null || message.includes('Transaction is still running a query')) {
    return new UnknownOutcomeError(`${during}: ${withoutValues(message, state)}`, { ...options, isTimeout: false });
  }
  return sqlError(state, message, { ...options, during });
}

/** An error of the database by its SQLSTATE, without the values that its message quotes; `during` says what was being done. */
export function sqlError(state: string, message: string, { during, ...options }: ErrorOptions & { readonly during?: string } = {}): StepgateError {
  const said = `${during === undefined ? '' : `${during}: `}${withoutValues(message, state)}`;
  const text = state === '53100' ? `the database's disk is full, make room and start again: ${said}` : said;
  if (state === 'SG001') {
    return new StaleTokenError(text, options);
  }
  if (state === 'SG002') {
    return new CheckFailedError(text, options);
  }
  if (BUSY_STATES.has(state)) {
    return new DatabaseBusyError(text, options);
  }
  if (LOST_STATES.test(state)) {
    return new UnknownOutcomeError(text, { ...options, isTimeout: false });
  }
  if (state === '28P01') {
    return new SecretRefusedError(text, options);
  }
  // 28xxx: authorization; 3D000: no such database; 53300: too many connections may pass by itself.
  if (state.startsWith('28') || state === '3D000') {
    return new ConfigurationError(text, options);
  }
  return state === '53300' ? new DatabaseUnreachableError(text, options) : new StatementFailedError(text, options);
}
