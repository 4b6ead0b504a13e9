import * as z from 'zod';
import { PlanDigest, PlanId, RunId } from '../ids.ts';
import { Mode } from './mode.ts';
import { Outcome } from './outcome.ts';

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
    startedAt: at,
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
    durationMs: z.number(),
  }),
  z.object({ kind: z.literal('comparison'), at, transfers: z.array(TransferComparison) }),
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
  z.object({ kind: z.literal('kept'), at, phase: z.string(), tables: z.array(z.object({ table: z.string(), rows: z.number().int() })) }),
  z.object({
    kind: z.literal('outcome'),
    at,
    outcome: Outcome,
    sentence: z.string(),
    /** The first error, which no later one hides. */
    failure: z.object({ error: z.string(), sentence: z.string() }).nullable(),
    laterFailures: z.array(z.object({ error: z.string(), sentence: z.string() })),
    endedAt: at,
  }),
]);
export type JournalEntry = z.infer<typeof JournalEntry>;
