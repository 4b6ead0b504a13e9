import { expect, test } from 'vitest';
import { sqlError, sqlStateOf, translateAwsError } from '../../adapters/aws-errors.ts';
import { type ErrorName, StatementFailedError } from '../../core/errors.ts';

function said(name: string, message = 'said', more: object = {}): Error {
  return Object.assign(new Error(message), { name, ...more });
}

test.each([
  ['StatementTimeoutException', 'UnknownOutcomeError', true],
  ['TimeoutError', 'UnknownOutcomeError', true],
  ['TransactionNotFoundException', 'DatabaseUnreachableError', null],
  ['DatabaseResumingException', 'DatabaseResumingError', null],
  ['DatabaseUnavailableException', 'DatabaseUnreachableError', null],
  ['DatabaseNotFoundException', 'DatabaseUnreachableError', null],
  ['InvalidResourceStateException', 'DatabaseUnreachableError', null],
  ['HttpEndpointNotEnabledException', 'ConfigurationError', null],
  ['SecretsErrorException', 'ConfigurationError', null],
  ['InvalidSecretException', 'ConfigurationError', null],
  ['ForbiddenException', 'ConfigurationError', null],
  ['AccessDeniedException', 'ConfigurationError', null],
  ['AccessDenied', 'ConfigurationError', null],
  ['NoSuchBucket', 'ConfigurationError', null],
  ['BadRequestException', 'ConfigurationError', null],
  ['ValidationException', 'ConfigurationError', null],
  ['UnsupportedResultException', 'ConfigurationError', null],
  ['ThrottlingException', 'ThrottledError', null],
  ['TooManyRequestsException', 'ThrottledError', null],
  ['SlowDown', 'ThrottledError', null],
  ['ServiceUnavailableError', 'UnknownOutcomeError', false],
  ['InternalServerErrorException', 'UnknownOutcomeError', false],
  ['NotFoundException', 'UnknownOutcomeError', false],
  ['Error', 'UnknownOutcomeError', false],
] as const satisfies readonly (readonly [string, ErrorName, boolean | null])[])('%s is %s', (name, ours, isTimeout) => {
  const error = said(name);
  const translated = translateAwsError(error, 'asking');
  expect(translated).toMatchObject({ name: ours, cause: error, ...(isTimeout === null ? {} : { isTimeout }) });
  expect(translated.message).toContain('asking');
  expect(translated.message).toContain('said');
});

test.each([
  ['55P03', 'DatabaseBusyError'],
  ['40P01', 'DatabaseBusyError'],
  ['40001', 'DatabaseBusyError'],
  ['08006', 'UnknownOutcomeError'],
  ['57P01', 'UnknownOutcomeError'],
  ['57P03', 'UnknownOutcomeError'],
  ['28P01', 'ConfigurationError'],
  ['3D000', 'ConfigurationError'],
  ['53300', 'DatabaseUnreachableError'],
  ['SG001', 'StaleTokenError'],
  ['SG002', 'CheckFailedError'],
  ['23505', 'StatementFailedError'],
  ['42P01', 'StatementFailedError'],
  ['57014', 'StatementFailedError'],
  ['P0001', 'StatementFailedError'],
] as const satisfies readonly (readonly [string, ErrorName])[])('SQLSTATE %s is %s, in an answer and from the ledger', (state, ours) => {
  expect(translateAwsError(said('DatabaseErrorException', `ERROR: no; Position: 7; SQLState: ${state}`), 'asking').name).toBe(ours);
  expect(sqlError(state, 'no').name).toBe(ours);
});

test.each([
  { message: 'Database returned SQL Exception', state: null },
  { message: 'ERROR: no; SQLState: 23505', state: '23505' },
  { message: 'ERROR: no; sqlstate:42p01', state: '42p01' },
  { message: 'ERROR: SQLState is said', state: null },
])('the SQLSTATE of "$message" is $state', ({ message, state }) => {
  expect(sqlStateOf(message)).toBe(state);
});

test.each(['Database returned SQL Exception', 'Transaction is still running a query'])('what "%s" did is not known', (message) => {
  expect(translateAwsError(said('DatabaseErrorException', message), 'asking')).toMatchObject({ name: 'UnknownOutcomeError', isTimeout: false });
});

test.each(['ECONNRESET', 'EPIPE'])('a socket that broke (%s) is no timeout, whatever the SDK calls it', (code) => {
  expect(translateAwsError(said('TimeoutError', 'socket hang up', { code }), 'asking')).toMatchObject({
    name: 'UnknownOutcomeError',
    isTimeout: false,
  });
});

test.each([
  'ERROR: duplicate key value violates unique constraint "k"\n  Detail: Key (email)=(ann@example.org) already exists.; SQLState: 23505',
  'ERROR: duplicate key value violates unique constraint "k"; Detail: Key (email)=(ann@example.org) already exists.\n  Hint: none; Position: 3; SQLState: 23505',
  'ERROR: duplicate key value violates unique constraint "k"\n  Detail: Failing row contains (1,\nann@example.org).; SQLState: 23505',
])('values that an error’s detail holds are not passed on', (message) => {
  const translated = translateAwsError(said('DatabaseErrorException', message), 'asking');
  expect(translated).toBeInstanceOf(StatementFailedError);
  expect(translated.message).toContain('unique constraint "k"');
  expect(translated.message).toContain('SQLState: 23505');
  expect(translated.message).not.toContain('ann@');
});

test('an error of ours stays itself, and what is no error is said', () => {
  const ours = new StatementFailedError('no');
  expect(translateAwsError(ours, 'asking')).toBe(ours);
  expect(translateAwsError('a text', 'asking').message).toBe('asking: Error: a text');
});
