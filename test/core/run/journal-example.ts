import type { CheckResult, JournalEntry } from '../../../core/run/journal.ts';
import { JournalEntry as JournalEntrySchema } from '../../../core/run/journal.ts';
import type { Mode } from '../../../core/run/mode.ts';
import type { Outcome } from '../../../core/run/outcome.ts';

// Entries as the functions write them; each test leaves out or changes what it is about.

const DIGEST = 'a'.repeat(64);

export function entry(value: object): JournalEntry {
  return JournalEntrySchema.parse({ at: '2026-11-29T02:00:00.000Z', ...value });
}

export function check(over: Partial<CheckResult> = {}): CheckResult {
  return {
    name: 'no-orphans',
    severity: 'fail',
    status: 'pass',
    bad: 0,
    total: null,
    scopes: [],
    measures: [],
    samples: [],
    durationMs: 12,
    file: 'before.sql',
    line: 3,
    query: 'select id from contacts where workspace_id is null',
    ...over,
  };
}

export function runEntry(mode: Mode): JournalEntry {
  return entry({
    kind: 'run',
    run: `shop-${mode}-1`,
    executionArn: `arn:aws:states:eu-central-1:000000000000:execution:stepgate:shop-${mode}-1`,
    plan: 'shop',
    digest: DIGEST,
    mode,
    title: 'A | shop',
    phases: ['schema', 'copy'],
    notes: ['ask the shop'],
    startedAt: '2026-11-29T02:00:00.000Z',
  });
}

export const lock = entry({ kind: 'lock', token: 3, takenOverFrom: null, planState: 'fresh' });

export const preflight = entry({
  kind: 'preflight',
  engineVersion: '17.10',
  databaseBytes: 36_700_160,
  findings: [{ name: 'data-api', status: 'pass', found: 'on', advice: '', source: 'rds:DescribeDBClusters' }],
});

export const assess = entry({
  kind: 'assess',
  tables: [{ table: 'public.contacts', rows: 45_230, estimated: false, bytes: 8_388_608, indexBytes: 1_048_576 }],
  checks: [
    check({
      name: 'quality',
      bad: 10,
      total: 1000,
      scopes: [
        { scope: 'w1', valid: 90, total: 100 },
        { scope: 'w2', valid: 900, total: 900 },
      ],
    }),
  ],
});

export const snapshot = entry({
  kind: 'snapshot',
  id: 'stepgate-shop-1',
  status: 'available',
  requestedAt: '2026-11-29T02:00:01.000Z',
  availableAt: '2026-11-29T02:00:31.000Z',
  keepUntil: '2027-01-03T02:00:01.000Z',
  adoptedFrom: null,
});

export const before = entry({ kind: 'checks', stage: 'before', checks: [check()] });

export const baseline = entry({
  kind: 'baseline',
  schemaDigest: 'cafe',
  tables: [{ table: 'public.contacts', rows: 45_230, digest: 'beef' }],
  adoptedFrom: null,
});

export function phase(name: string, direction: 'up' | 'undo' = 'up'): JournalEntry {
  return entry({ kind: 'phase', phase: name, ordinal: name === 'schema' ? 1 : 2, direction, statements: 4, checks: [], durationMs: 250 });
}

export function transfer(direction: 'up' | 'undo' = 'up'): JournalEntry {
  return entry({
    kind: 'transfer',
    phase: 'copy',
    transfer: 'customers',
    direction,
    from: 'public.contacts',
    into: 'public.customers',
    rows: 45_230,
    batches: 3,
    archived: direction === 'undo' ? { table: 'stepgate_archive.customers', rows: 2 } : null,
    durationMs: 2_000,
  });
}

export const leftBehind = entry({
  kind: 'left-behind',
  phase: 'copy',
  conflicts: [
    {
      transfer: 'customers',
      table: 'public.customers',
      column: 'email',
      kept: 'target',
      count: 3,
      samples: [{ key: 'c-1', source: 'md5:0123456789ab', target: 'md5:ba9876543210' }],
    },
  ],
  notCarried: [
    { transfer: 'customers', table: 'public.customers', column: 'priority', what: 'value', rows: 14 },
    { transfer: 'customers', table: 'public.customers', column: null, what: 'row', rows: 2 },
    { transfer: 'customers', table: 'public.customers', column: null, what: 'deletion', rows: 1 },
  ],
});

export function comparison(different: number): JournalEntry {
  return entry({
    kind: 'comparison',
    transfers: [
      {
        transfer: 'customers',
        from: 'public.contacts',
        into: 'public.customers',
        sourceRows: 45_230,
        targetRows: 45_230,
        missing: 0,
        extra: 0,
        different,
        samples: different === 0 ? [] : ['c-1'],
        notCompared: [{ column: 'created_at', because: 'the target sets it' }],
        durationMs: 900,
        query: 'select count(*) from compared',
      },
    ],
  });
}

export const after = entry({ kind: 'checks', stage: 'after', checks: [check({ name: 'balanced', file: 'after.sql' })] });

export function undoVerified(schemaEqual: boolean): JournalEntry {
  return entry({
    kind: 'undo-verified',
    schemaEqual,
    tables: 6,
    rows: 200_000,
    differences: schemaEqual ? [] : [{ what: 'index leads_customer', before: 'absent', after: 'present' }],
  });
}

export function end(outcome: Outcome, failure: string | null = null): JournalEntry {
  return entry({
    kind: 'outcome',
    outcome,
    sentence: `shop is ${outcome}`,
    failure: failure === null ? null : { error: 'CheckFailedError', sentence: failure },
    laterFailures: [],
    endedAt: '2026-11-29T02:03:05.000Z',
  });
}

export const gates = [preflight, assess, snapshot, before, baseline];
export const migrated = [runEntry('execute'), lock, ...gates, phase('schema'), transfer(), phase('copy'), comparison(0), after, end('migrated')];
export const rolledBack = [
  runEntry('execute'),
  lock,
  ...gates,
  phase('schema'),
  transfer(),
  phase('copy'),
  comparison(1),
  transfer('undo'),
  phase('copy', 'undo'),
  phase('schema', 'undo'),
  undoVerified(true),
  end('rolled-back', '1 row differs'),
];
