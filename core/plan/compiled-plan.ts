import type { PhaseId, PlanId, TransferId } from '../ids.ts';

/**
 * A plan as the workflow reads it: one JSON document, `plans/<sha256>.json`, made once from a folder of YAML and SQL.
 *
 * Its digest depends on the plan's bytes only: no addresses, no times, no absolute paths.
 */
export interface CompiledPlan {
  readonly format: 1;
  readonly id: PlanId;
  readonly title: string;
  /** The share of valid rows that a `quality` check must reach, as a fraction of two integers: 99% is 99/100. */
  readonly quality: Fraction;
  readonly onFailure: 'undo-all' | 'keep-verified';
  /** Checklist text that only people can judge; shown as not checked. */
  readonly notes: readonly string[];
  /** before.sql: what must hold before anything changes. */
  readonly before: readonly Check[];
  /** after.sql: what must hold when every phase is done. */
  readonly after: readonly Check[];
  readonly phases: readonly Phase[];
  /** What of the schema the plan's statements, undo included, can change. */
  readonly reach: Reach;
  /** The longest that a run may take; null without a limit. */
  readonly windowMinutes: number | null;
  /** How long after the run the old side stays current, so that a rollback loses no write. Until then a cleanup phase does not run. */
  readonly rollbackForHours: number;
  /** The named dangers that a header of the plan accepts, in running order; every gate shows them. */
  readonly accepted: readonly AcceptedHazard[];
}

/** A hazard of docs/hazards.md that the plan takes on, and why; it stands where its statement starts. */
export interface AcceptedHazard extends SourceLine {
  readonly hazard: string;
  readonly because: string;
  /** The table that is locked or concerned, where the statement tells. */
  readonly table: QualifiedName | null;
  /** PostgreSQL's name of the lock that makes others wait; null where the danger is no lock. */
  readonly lock: string | null;
  /** Who waits for the lock. */
  readonly waits: string | null;
}

/** What else of the schema changes while a plan runs, somebody else changes. */
export interface Reach {
  /** Names that stand in the statements, without their schemas; more than are changed, never fewer. */
  readonly names: readonly string[];
  /** The same, where a relation is meant with its schema: `"public"."orders"`. A plan of before has none. */
  readonly exact?: readonly string[];
  /** A statement does not say what it changes: a DO block, a function, CASCADE. */
  readonly isOpaque: boolean;
}

export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

/** Where a text stands in the plan's folder; `file` is relative to it. */
export interface SourceLine {
  readonly file: string;
  readonly line: number;
}

/** The part that commits, is verified and is undone as one. */
export type Phase = TransactionPhase | LongPhase | TransferPhase;

interface PhaseBase {
  readonly id: PhaseId;
  /** From 1. */
  readonly ordinal: number;
  /** `1-schema` */
  readonly folder: string;
  /** SHA-256 of this phase's part of the plan: a finished phase may not change, a later one may. */
  readonly digest: string;
  /** Null when the plan says `undo: none`; then `because` says why. */
  readonly undo: readonly Statement[] | null;
  readonly because: string | null;
  /** False when the phase changes nothing that an undo could take back: it holds VACUUM only. */
  readonly undoNeeded: boolean;
  /** verify.sql: checked inside the phase's own transaction where it has one. */
  readonly verify: readonly Check[];
  /** Application writes are kept out while the phase runs. */
  readonly fence: boolean;
  /** The phase after which the application may write on the new side, under names of its own or by its own flag. Null for any other phase. */
  readonly cutover: 'flag' | 'rename' | null;
  /** With the run, or later, in mode cleanup, when no rollback is wanted any more. */
  readonly when: 'run' | 'cleanup';
}

/** All statements in one transaction. */
export interface TransactionPhase extends PhaseBase {
  readonly kind: 'transaction';
  readonly up: readonly Statement[];
  /** Whether the undo's statements may write rows, and not only change the schema. */
  readonly undoWritesRows: boolean;
  /** Names that the phase creates and that must be free before the run, and names that it needs; schema-qualified. */
  readonly creates: readonly ObjectName[];
  /** Tables whose rows are copied as they were before the phase's statements change them, so that an undo can put them back. */
  readonly protect: readonly QualifiedName[];
  /** Only of a phase with `cutover: rename`. */
  readonly renaming?: Renaming;
}

/** What a phase's statements call otherwise, and what follows from it for the transfers before it, until the phase is undone. */
export interface Renaming {
  readonly tables: readonly TableRename[];
  /** By the transfers' ids; a transfer that names no such table is not among them. */
  readonly transfers: Readonly<Record<string, RenamedTransfer>>;
}

export interface TableRename {
  readonly from: QualifiedName;
  readonly to: QualifiedName;
}

/** All of a transfer in which names of tables stand. */
export type RenamedTransfer = Pick<Transfer, 'select' | 'into' | 'from' | 'driving' | 'lookups'>;

/** Statements that refuse transactions, one after another, each proven from the catalog. */
export type LongPhase = LongPhaseUndoneInTransaction | LongPhaseUndoneLong;

interface LongPhaseBase extends PhaseBase {
  readonly kind: 'long';
  readonly up: readonly LongStatement[];
  readonly undoWritesRows: boolean;
  readonly creates: readonly ObjectName[];
}

/** Its undo, where there is one, is one transaction. */
export interface LongPhaseUndoneInTransaction extends LongPhaseBase {
  readonly undoKind: 'transaction';
}

/** Its undo's statements refuse transactions too. */
export interface LongPhaseUndoneLong extends LongPhaseBase {
  readonly undoKind: 'long';
  readonly undo: readonly LongStatement[];
}

/** Rows moved in batches. Its undo is made from the transfers; `undo` is then empty. */
export interface TransferPhase extends PhaseBase {
  readonly kind: 'transfer';
  readonly transfers: readonly Transfer[];
}

/** A name that a plan creates. Columns and constraints carry their table. */
export type ObjectName =
  | { readonly kind: 'table' | 'view' | 'index' | 'function' | 'type' | 'schema' | 'sequence'; readonly schema: string; readonly name: string }
  | { readonly kind: 'column' | 'policy'; readonly schema: string; readonly table: string; readonly name: string };

/** One SQL statement with its exact text. */
export interface Statement extends SourceLine {
  /** From 1 within its file. */
  readonly number: number;
  readonly sql: string;
}

/** A statement that no transaction can hold, with what proves its effect. */
export interface LongStatement extends Statement {
  readonly proof: LongProof;
}

export type LongProof =
  | { readonly kind: 'index-valid'; readonly schema: string; readonly index: string; readonly table: string }
  | { readonly kind: 'index-gone'; readonly schema: string; readonly index: string }
  /** VACUUM and its like: done when pg_stat_all_tables says that it ran after the statement began. */
  | { readonly kind: 'vacuumed'; readonly schema: string; readonly table: string };

/** A query with an expectation and a severity. Its text is a SELECT without a trailing semicolon. */
export interface Check extends SourceLine {
  readonly name: string;
  readonly severity: Severity;
  readonly expects: Expectation;
  readonly sql: string;
}

export type Severity = 'fail' | 'warn' | 'info';

/**
 * `no rows`: each row is a violation, its first column its key. `zero`: one row, one integer, 0 is right.
 * `quality`: rows of (scope text, valid bigint, total bigint), held against the plan's quality.
 * `measure`: rows of (name text, value text), shown as they are; severity info.
 */
export type Expectation = 'no rows' | 'zero' | 'quality' | 'measure';

/** A declared mapping from source rows to target rows; the SELECT is the mapping. */
export interface Transfer extends SourceLine {
  readonly id: TransferId;
  /** The SELECT's exact text, without a trailing semicolon. */
  readonly select: string;
  /** Target table, schema-qualified. */
  readonly into: QualifiedName;
  /** The driving table, schema-qualified: each target row comes from one of its rows. */
  readonly from: QualifiedName;
  /** The target's key columns and the driving table's columns that they carry unchanged, in the header's order; at least one. */
  readonly keys: readonly [KeyPair, ...KeyPair[]];
  /** The SELECT's output columns, in order: the target's columns. */
  readonly columns: readonly string[];
  readonly sync: Sync;
  readonly deletes: Deletes;
  /** A row for which one of them is true goes to the quarantine. */
  readonly quarantine: readonly QuarantineRule[];
  /** How many key ranges are copied at once: 1 to 8. */
  readonly parallel: number;
  readonly driving: AroundName;
  /** Tables joined by key; empty with `sync: none`. */
  readonly lookups: readonly Lookup[];
  /** Output columns that are a driving column, perhaps cast: the candidates for identity. No source column stands here twice. */
  readonly plain: readonly PlainColumn[];
  /** Declared ways back of columns that are no plain column. */
  readonly inverses: readonly Inverse[];
  /**
   * Every row of the driving table gives a target row: no WHERE, no inner lookup.
   *
   * Only then a row that is new on the new side makes one on the old side, and a deletion there deletes here.
   */
  readonly isCovering: boolean;
}

/** What stays current by triggers: nothing, the target, or target and source both. */
export type Sync = 'none' | 'forward' | 'both';

/** How a row of the target goes when its source row goes; `column` is one of the target that the SELECT does not fill. */
export type Deletes = { readonly kind: 'hard' } | { readonly kind: 'soft'; readonly column: string };

export interface KeyPair {
  readonly target: string;
  readonly source: string;
}

/** A boolean expression over output columns. */
export interface QuarantineRule {
  readonly condition: string;
  readonly line: number;
}

/**
 * A mapping's text before and after a table's own name; `after` begins with ` as alias`.
 *
 * Any name between the two, of a transition table say, is read in that table's place.
 */
export interface AroundName {
  readonly before: string;
  readonly after: string;
}

export interface Lookup extends AroundName {
  readonly table: QualifiedName;
  /** Its columns that the join holds against those of other tables by `=`; at least one. No two of its rows may agree in all of them. */
  readonly on: readonly string[];
  /** An expression that is null exactly where the join found no row: `alias.column`. */
  readonly probe: string;
  /** Without a row of the lookup there is none in the target. */
  readonly isInner: boolean;
}

export interface PlainColumn {
  /** Of the target. */
  readonly column: string;
  /** Of the driving table. */
  readonly source: string;
}

/** What a source column is, by the target row; `columns` are those of the target that the expression reads. */
export interface Inverse {
  readonly source: string;
  readonly expression: string;
  readonly columns: readonly string[];
}

export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}
