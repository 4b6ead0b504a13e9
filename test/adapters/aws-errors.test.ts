import { expect, test } from 'vitest';
import { sqlError, sqlStateOf, translateAwsError } from '../../adapters/aws-errors.ts';
import { type ErrorName, StatementFailedError } from '../../core/errors.ts';

function said(name: string, message = 'said', more: object = {}): Error {
  return Object.assign(new Error(message), { name, ...more });
}

test('a full disk of the database is called one', () => {
  const { message } = sqlError('53100', 'could not extend file "base/5/16384": No space left on device');
  expect(message).toMatch(/^the database's disk is full, make room and start again: could not extend file/);
});

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
  ['InvalidSecretException', 'SecretRefusedError', null],
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
  ['28P01', 'SecretRefusedError'],
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

const SECRET = 'ann@example.org';
test.each([
  {
    state: '22P02',
    said: `invalid input syntax for type integer: "${SECRET}"`,
    shown: 'invalid input syntax for type integer: (a value, not shown)',
  },
  {
    state: '22P02',
    said: `invalid input syntax for type integer: "a"\n; SQLState: 42P01 "${SECRET}`,
    shown: 'invalid input syntax for type integer: (',
  },
  { state: '22P02', said: `invalid input value for enum mood: "${SECRET}"`, shown: 'invalid input value for enum mood: (a value, not shown)' },
  { state: '22003', said: `value "${SECRET} Hint: "x" y" is out of range for type integer`, shown: 'value (a value, not shown)' },
  {
    state: '22003',
    said: `value "${SECRET}: 1" is out of range for type integer`,
    shown: 'value (a value, not shown) is out of range for type integer',
  },
  { state: '22008', said: `date/time field value out of range: "${SECRET}"`, shown: 'date/time field value out of range: (a value, not shown)' },
  { state: '22008', said: `date field value out of range: ${SECRET}`, shown: 'date field value out of range: (a value, not shown)' },
  { state: '22007', said: `invalid value "${SECRET}" for "YYYY"`, shown: 'invalid value (a value, not shown)' },
  {
    state: '22023',
    said: `invalid value for parameter "TimeZone": "${SECRET}"`,
    shown: 'invalid value for parameter "TimeZone": (a value, not shown)',
  },
  {
    state: '22021',
    said: 'invalid byte sequence for encoding "UTF8": 0x61 0x6e 0x6e',
    shown: 'invalid byte sequence for encoding "UTF8": (a value, not shown)',
  },
  {
    state: '22P05',
    said: 'character with byte sequence 0x61 0x6e 0x6e in encoding "UTF8" has no equivalent in encoding "LATIN1"',
    shown: 'character with byte sequence (a value, not shown) in encoding "UTF8" has no equivalent in encoding "LATIN1"',
  },
  { state: '22P02', said: `malformed array literal: "${SECRET}\n"`, shown: 'malformed array literal: (a value, not shown)' },
  {
    state: '22P02',
    said: `ungültige Eingabesyntax für Typ integer: »${SECRET}«`,
    shown: 'ungültige Eingabesyntax für Typ integer: (a value, not shown)',
  },
  { state: '22003', said: `Wert »${SECRET}« ist außerhalb`, shown: 'Wert (a value, not shown) ist außerhalb' },
  {
    state: '22P02',
    said: `invalid input syntax for type json\n  Detail: Token "${SECRET}" is invalid.\n  Where: JSON data, line 1: {"email": ${SECRET}...`,
    shown: 'invalid input syntax for type json',
  },
  { state: '22001', said: 'value too long for type character varying(10)', shown: 'value too long for type character varying(10)' },
  { state: '2201B', said: 'invalid regular expression: parentheses () not balanced', shown: 'parentheses () not balanced' },
  {
    state: '23505',
    said: `duplicate key value violates unique constraint "k" Detail: Key (email)=(${SECRET}) exists. Hint: ${SECRET}`,
    shown: 'constraint "k"',
  },
  { state: '23514', said: `new row violates check constraint "c"; Where: SQL statement "select '${SECRET}'"; Position: 3`, shown: 'constraint "c"' },
  { state: '42601', said: `syntax error in tsquery: "${SECRET} &"`, shown: 'syntax error in tsquery: (a value, not shown)' },
  { state: '42601', said: 'syntax error at or near "kee"; Position: 9', shown: 'syntax error at or near "kee"; Position: 9' },
  {
    state: '42P01',
    said: `relation "towns" does not exist\n  Where: SQL statement "select '${SECRET}'"\n  Hint: look there`,
    shown: 'relation "towns" does not exist\n  Hint: look there',
  },
  { state: 'P0001', said: `1-schema/up.sql:3: statement 1: the plan says "no": "so"\n  Detail: ${SECRET}`, shown: 'the plan says "no": "so"' },
])('$state: the value in $said is not passed on, in an answer and from the ledger', ({ state, said: message, shown }) => {
  for (const error of [
    translateAwsError(said('DatabaseErrorException', `ERROR: ${message}; SQLState: ${state}`), 'select "id"::int: "x"'),
    sqlError(state, `1-schema/up.sql:12: statement 3: ${message}`),
  ]) {
    expect(error.message).toContain(shown);
    expect(error.message).not.toContain(SECRET);
    expect(error.message).not.toContain('0x61');
    expect(error.message).not.toMatch(/\s;|\s$/);
    expect(error.message).toMatch(/^select "id"::int: "x": ERROR: .*; SQLState: \w{5}$|^1-schema\/up\.sql:12: statement 3: /s);
  }
});

test.each(['P0001', '38000', 'XX000'])(
  '%s: what a trigger of the application says is not passed on where no statement of the plan is named',
  (state) => {
    const { message } = translateAwsError(said('DatabaseErrorException', `ERROR: invalid phone of ${SECRET}; SQLState: ${state}`), 'transfer rows');
    expect(message).toBe(`transfer rows: ERROR: (what a trigger or a function said, not shown); SQLState: ${state}`);
  },
);

test('a message of the database without its SQLSTATE, or under another name, is as silent about values', () => {
  const message = `ERROR: invalid input syntax for type integer: "${SECRET}"`;
  expect(translateAwsError(said('DatabaseErrorException', message), 'asking').message).not.toContain(SECRET);
  expect(translateAwsError(said('BadRequestException', `${message}; SQLState: 22P02`), 'asking').message).not.toContain(SECRET);
});

test('an error of ours stays itself, and what is no error is said', () => {
  const ours = new StatementFailedError('no');
  expect(translateAwsError(ours, 'asking')).toBe(ours);
  expect(translateAwsError('a text', 'asking').message).toBe('asking: Error: a text');
});
