import * as z from 'zod';
import { PlanDigest, PlanId, RunId } from '../ids.ts';
import { Mode } from './mode.ts';
import { Outcome } from './outcome.ts';
import { RESTORE_ENTRIES } from './restore-entries.ts';

/** What one check found. Samples are keys, never values. */
export const CheckResult = z.object({
  name: z.string(),
  severity: z.enum(['fail', 'warn', 'info']),
  status: z.enum(['pass', 'fail', 'warn', 'info']),
  /** Violations; for `quality`, the rows that are not valid over all scopes. */
  bad: z.number().int(),
  /** Rows looked at, where the check says so. */
  total: z.number().int().nullable(),
  /** `quality`: the worst first, at most 500. */
  scopes: z.array(z.object({ scope: z.string(), valid: z.number().int(), total: z.number().int() })),
  /** `measure`: what was measured. */
  measures: z.array(z.object({ name: z.string(), value: z.string() })),
  samples: z.array(z.string()),
  durationMs: z.number(),
  file: z.string(),
  line: z.number().int(),
  query: z.string(),
});
export type CheckResult = z.infer<typeof CheckResult>;

export const Finding = z.object({
  name: z.string(),
  status: z.enum(['pass', 'fail', 'warn', 'info']),
  /** What was found, with numbers. */
  found: z.string(),
  /** What to do about it; empty when there is nothing to do. */
  advice: z.string(),
  /** The query or call that gave it. */
  source: z.string(),
});
export type Finding = z.infer<typeof Finding>;

export const TableVolume = z.object({
  table: z.string(),
  rows: z.number().int(),
  estimated: z.boolean(),
  bytes: z.number().int(),
  indexBytes: z.number().int(),
});
export type TableVolume = z.infer<typeof TableVolume>;

export const TableDigest = z.object({ table: z.string(), rows: z.number().int(), digest: z.string() });
export type TableDigest = z.infer<typeof TableDigest>;

export const TransferComparison = z.object({
  transfer: z.string(),
  from: z.string(),
  into: z.string(),
  /** Rows of the driving table of which the mapping makes none: its WHERE or a join leaves them out. */
  leftOut: z.number().int().default(0),
  /** Rows that the mapping makes. */
  sourceRows: z.number().int(),
  targetRows: z.number().int(),
  /** In the mapping of the source, not in the target. */
  missing: z.number().int(),
  /** In the target, not in the mapping of the source. */
  extra: z.number().int(),
  /** In both under one key, with different values. */
  different: z.number().int(),
  /** Differ, and the live sync's journal holds the key: a repair is due. No difference. */
  lagging: z.number().int().default(0),
  /** Differ because the new side was written where nothing is carried back, by the journal. No difference. */
  changedOnNewSide: z.number().int().default(0),
  /** Rows of the source that are in stepgate.quarantine, with their reason and original, and not in the target. */
  quarantined: z.number().int().default(0),
  samples: z.array(z.string()),
  /** Columns with no value to compare with, and why. */
  notCompared: z.array(z.object({ column: z.string(), because: z.string() })),
  durationMs: z.number(),
  query: z.string(),
});
export type TransferComparison = z.infer<typeof TransferComparison>;

const at = z.iso.datetime();

const Difference = z.object({ what: z.string(), before: z.string(), after: z.string() });

export const TakenSnapshot = z.object({
  status: z.enum(['requested', 'available']),
  id: z.string(),
  requestedAt: at,
  availableAt: at.nullable(),
  keepUntil: at,
  /** The run that took it. */
  adoptedFrom: z.string().nullable(),
  /** What its tag says restores it, where RDS does not. */
  restoreCommand: z.string().optional(),
});

/** None was taken, and why: an operator may say so. */
export const NoSnapshot = z.object({ status: z.literal('none'), because: z.string(), adoptedFrom: z.string().nullable() });

/** Written before the fence goes up; `because` where it was refused, and is down again. */
export const FenceGoingUp = z.object({ status: z.enum(['raising', 'refused']), because: z.array(z.string()).optional() });

/** Rows of which one column, or all, stay as others wrote them; at most five keys, as they are shown. */
export const KeptValue = z.object({ table: z.string(), column: z.string().nullable(), rows: z.number().int(), samples: z.array(z.string()) });

/** A column that both sides changed before either could be carried: both values are in stepgate.conflict. */
export const Conflict = z.object({
  transfer: z.string(),
  /** The target. */
  table: z.string(),
  column: z.string(),
  /** The side whose value is in force. */
  kept: z.enum(['source', 'target']),
  count: z.number().int(),
  /** At most twenty: the key as it is shown, and digests of both values. */
  samples: z.array(z.object({ key: z.string(), source: z.string(), target: z.string() })),
});
export type Conflict = z.infer<typeof Conflict>;

/** What the new side wrote and live sync could not bring to the old side; a null column is the whole row. */
export const NotCarried = z.object({
  transfer: z.string(),
  /** The target. */
  table: z.string(),
  column: z.string().nullable(),
  what: z.enum(['value', 'row', 'deletion']),
  rows: z.number().int(),
});
export type NotCarried = z.infer<typeof NotCarried>;

/** Applications are kept out. */
export const FenceUp = z.object({
  status: z.literal('up'),
  /** Tables, sequences, schemas and routines from whose access lists rights were taken. */
  objects: z.number().int(),
  /** Roles that lost their login, since they could write all the same. */
  roles: z.array(z.object({ role: z.string(), why: z.string() })),
  /** Backends that were ended after the wait: transactions from before the fence, and sessions of these roles. */
  ended: z.array(z.object({ pid: z.number().int().nullable(), role: z.string(), state: z.string(), seconds: z.number().int() })),
  /** Whom nobody can keep out. */
  passing: z.array(z.string()),
  /** How often a role was taken and a table tried, beside what the catalog says of all. */
  probed: z.number().int(),
});

/** The run ended, and applications are still kept out. */
export const FenceKept = z.object({ status: z.literal('kept'), since: z.iso.datetime() });

/** Everything is given back, but for what is `stuck`; `notes`: what others did meanwhile, which stays. */
export const FenceDown = z.object({
  status: z.enum(['lowered', 'stuck']),
  objects: z.number().int(),
  roles: z.number().int(),
  /** How long applications could not write, by the server's clock; a fence that is stuck stands on. */
  stoodMs: z.number().int(),
  notes: z.array(z.string()),
  stuck: z.array(z.string()),
});

/** A danger that the plan names and takes on, with its reason. */
export const AcceptedHazard = z.object({
  hazard: z.string(),
  because: z.string(),
  file: z.string(),
  line: z.number().int(),
  table: z.object({ schema: z.string(), name: z.string() }).nullable(),
  lock: z.string().nullable(),
  waits: z.string().nullable(),
});

/** One fact of a run, written by the state that measured it, before the act where the act outlives the database. */
export const JournalEntry = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('run'),
    at,
    run: RunId,
    executionArn: z.string(),
    plan: PlanId,
    digest: PlanDigest,
    mode: Mode,
    title: z.string(),
    phases: z.array(z.string()),
    notes: z.array(z.string()),
    accepted: z.array(AcceptedHazard).default([]),
    /** The digest of differences that the operator accepts. */
    accept: z.string().optional(),
    /** The phase that a rollback was told to go back to. */
    to: z.string().optional(),
    /** A rollback by restoring the snapshot. */
    level: z.literal(3).optional(),
    startedAt: at,
    /** When the plan's window ends. */
    deadline: at.optional(),
  }),
  z.object({
    kind: z.literal('lock'),
    at,
    token: z.number().int(),
    takenOverFrom: z.string().nullable(),
    planState: z.enum(['fresh', 'interrupted', 'half-undone', 'migrated']),
    /** The run whose state of before is in force, and the snapshot that it took; null where none is. */
    base: z.object({ run: z.string(), snapshotId: z.string().nullable() }).nullable().optional(),
  }),
  z.object({ kind: z.literal('preflight'), at, findings: z.array(Finding), engineVersion: z.string(), databaseBytes: z.number().int() }),
  z.object({ kind: z.literal('assess'), at, tables: z.array(TableVolume), checks: z.array(CheckResult) }),
  z.discriminatedUnion('status', [
    z.object({ kind: z.literal('snapshot'), at, ...TakenSnapshot.shape }),
    z.object({ kind: z.literal('snapshot'), at, ...NoSnapshot.shape }),
  ]),
  z.discriminatedUnion('status', [
    z.object({ kind: z.literal('fence'), at, phase: z.string(), ...FenceGoingUp.shape }),
    z.object({ kind: z.literal('fence'), at, phase: z.string(), ...FenceUp.shape }),
    z.object({ kind: z.literal('fence'), at, ...FenceDown.shape }),
    z.object({ kind: z.literal('fence'), at, ...FenceKept.shape }),
  ]),
  z.object({ kind: z.literal('checks'), at, stage: z.enum(['before', 'after']), checks: z.array(CheckResult) }),
  z.object({ kind: z.literal('baseline'), at, schemaDigest: z.string(), tables: z.array(TableDigest), adoptedFrom: z.string().nullable() }),
  z.object({
    kind: z.literal('phase'),
    at,
    phase: z.string(),
    ordinal: z.number().int(),
    direction: z.enum(['up', 'undo']),
    statements: z.number().int(),
    checks: z.array(CheckResult),
    durationMs: z.number(),
  }),
  z.object({
    kind: z.literal('transfer'),
    at,
    phase: z.string(),
    transfer: z.string(),
    direction: z.enum(['up', 'undo']),
    from: z.string(),
    into: z.string(),
    rows: z.number().int(),
    batches: z.number().int(),
    /** undo: rows that were not the plan's own values, kept in this table of schema stepgate_archive. */
    archived: z.object({ table: z.string(), rows: z.number().int() }).nullable(),
    /** up: rows that went to stepgate.quarantine instead. */
    quarantined: z.number().int().optional(),
    /** up: how long batches waited because the server had other work. */
    pausedMs: z.number().optional(),
    durationMs: z.number(),
  }),
  /** Changes of one side reach the other from here on. */
  z.object({ kind: z.literal('sync'), at, phase: z.string(), side: z.enum(['source', 'target']), transfers: z.array(z.string()) }),
  /** An undo: what both sides had changed, and what stays behind with the new side. */
  z.object({ kind: z.literal('left-behind'), at, phase: z.string(), conflicts: z.array(Conflict), notCarried: z.array(NotCarried) }),
  z.object({ kind: z.literal('sync-ended'), at, transfers: z.array(z.string()) }),
  z.object({
    kind: z.literal('comparison'),
    at,
    stage: z.enum(['before-cutover', 'after']).default('after'),
    transfers: z.array(TransferComparison),
  }),
  /** What stands beside the targets' rows: sequences, foreign keys, indexes, grants, row-level security. */
  z.object({ kind: z.literal('targets'), at, findings: z.array(Finding) }),
  z.object({
    kind: z.literal('undo-verified'),
    at,
    schemaEqual: z.boolean(),
    tables: z.number().int(),
    rows: z.number().int(),
    differences: z.array(Difference),
    /** What differs from before, though no transaction of the plan wrote it: the application did. */
    meanwhile: z.array(Difference).default([]),
    /** Twelve hexadecimal characters: the digest of the differences that an operator may accept. */
    acceptance: z.string().nullable().default(null),
  }),
  /** Rows that the plan had made room for and no transfer filled, put into stepgate_archive.row before the undo dropped them. */
  z.object({
    kind: z.literal('kept'),
    at,
    phase: z.string(),
    tables: z.array(z.object({ table: z.string(), rows: z.number().int() })),
    /** What the undo of a protected table left as others wrote it, in stepgate_archive.value beside what was before; a null column is the whole row. */
    values: z.array(KeptValue).default([]),
  }),
  /** The run's execution ended before the run did: another one goes on for it, leaves it to a newer run, or the last of them failed, too. */
  z.object({
    kind: z.literal('recovery'),
    at,
    status: z.enum(['begun', 'left', 'given-up']),
    /** From 1. */
    number: z.number().int(),
    /** The execution's name. */
    by: z.string(),
    executionArn: z.string(),
    because: z.string(),
  }),
  ...RESTORE_ENTRIES,
  z.object({
    kind: z.literal('outcome'),
    at,
    outcome: Outcome,
    sentence: z.string(),
    /** The first error, which no later one hides. */
    failure: z.object({ error: z.string(), sentence: z.string() }).nullable(),
    laterFailures: z.array(z.object({ error: z.string(), sentence: z.string() })),
    endedAt: at,
    /** The newest phase that a way back left. */
    kept: z.string().optional(),
  }),
]);
export type JournalEntry = z.infer<typeof JournalEntry>;
