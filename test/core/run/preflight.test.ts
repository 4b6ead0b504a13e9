import { expect, test } from 'vitest';
import { MODES } from '../../../core/run/mode.ts';
import { ledgerRefusal, refusalOf, sessionFindings, snapshotFindings } from '../../../core/run/preflight.ts';

const server = {
  version: '17.10',
  versionNumber: 170_010,
  role: 'app',
  canCreateSchemas: true,
  isReadOnly: false,
  settings: [],
  databaseBytes: 1,
};

test.each([
  { mode: 'dry-run', said: ['warn'] },
  { mode: 'backup', said: ['fail'] },
  { mode: 'execute', said: ['warn'] },
  { mode: 'verify', said: [] },
  { mode: 'rollback', said: [] },
] as const)('without a snapshot the gate of $mode says $said', ({ mode, said }) => {
  expect(snapshotFindings('none', mode).map(({ status }) => status)).toEqual(said);
});

test('nothing is said where a snapshot is taken', () => {
  expect(MODES.flatMap((mode) => snapshotFindings('required', mode))).toEqual([]);
});

test.each([
  {
    what: 'PostgreSQL 13',
    change: { version: '13.23', versionNumber: 130_023 },
    message: /^engine-version: PostgreSQL 13\.23; the oldest that works/,
  },
  { what: 'a reader', change: { isReadOnly: true }, message: /^writable: the server is a reader; use the writer$/ },
  { what: 'a role that may create no schema', change: { canCreateSchemas: false }, message: /^privileges: role app may not create schemas/ },
])('on $what not even the ledger is made', ({ change, message }) => {
  expect(ledgerRefusal({ ...server, ...change })).toMatch(message);
});

test('what only a phase would miss does not keep the ledger out', () => {
  expect(ledgerRefusal({ ...server, settings: ['statement_timeout = 2min'] })).toBeNull();
});

test('sessions that a role cannot look into are a warning, not an all-clear', () => {
  const findings = sessionFindings([], 3);
  expect(findings).toMatchObject([{ status: 'warn', found: '3 sessions of other roles, how old their transactions are is hidden' }]);
  expect(refusalOf(findings)).toBeNull();
  const seen = { pid: 1, role: 'app', state: 'active', seconds: 400 };
  expect(sessionFindings([seen], 3).map(({ status }) => status)).toEqual(['fail', 'warn']);
});
