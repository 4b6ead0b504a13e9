import { createHash } from 'node:crypto';
import type { Node } from 'libpg-query';
import { transfersOf } from '../transfer/transfers-of.ts';
import { canonicalJson } from './canonical-json.ts';
import { folderOf } from './check-folders.ts';
import { compileChecks } from './compile-checks.ts';
import type { CompiledStatement } from './compile-statements.ts';
import { compileStatements } from './compile-statements.ts';
import { compileTransfer } from './compile-transfer.ts';
import type { LongStatement, ObjectName, Phase, QualifiedName, Reach, Statement, TransactionPhase } from './compiled-plan.ts';
import { createdNames, freedNames, isFreed, renamedTo } from './created-names.ts';
import type { PlanOutline } from './parse-plan-file.ts';
import type { SqlFile } from './parse-sql.ts';
import type { Report } from './plan-fault.ts';
import { fileFault } from './plan-fault.ts';
import type { PhaseEntry } from './plan-file.ts';
import type { PlanFolder } from './plan-folder.ts';
import { changesOnly, protectedTables, refuseUnseen } from './protected-tables.ts';
import { reachOf, writesRows } from './reach.ts';
import { renamingOf } from './renaming.ts';
import { faultAt } from './source-text.ts';

/** What a phase is compiled from. */
export interface PhaseSource {
  readonly entry: PhaseEntry;
  /** From 0. */
  readonly index: number;
  readonly folder: PlanFolder;
  readonly outline: PlanOutline;
  readonly report: Report;
  /** The phases before it, as far as they compiled. */
  readonly before: readonly Phase[];
}

/** A phase, and the names that it takes away for the phases after it. */
export interface CompiledPhase {
  readonly phase: Phase;
  readonly reach: Reach;
  readonly freed: readonly ObjectName[];
}

/** Compiles one phase; null when it has a fault that hides what it is. `freed` are the names that phases before it took away. */
export function compilePhase(source: PhaseSource, freed: readonly ObjectName[]): CompiledPhase | null {
  return source.entry.transfers === undefined ? compileStatementPhase(source, freed) : compileTransferPhase(source, source.entry.transfers);
}

function compileTransferPhase(source: PhaseSource, ids: NonNullable<PhaseEntry['transfers']>): CompiledPhase | null {
  const transfers = ids.flatMap((id, entry) => {
    const file = phaseFile(source, `${id}.sql`);
    if (file === undefined && source.folder.folders.has(folderOf(source.entry, source.index))) {
      source.report(
        source.outline.faultAtPhase(source.index, `the file ${pathOf(source, `${id}.sql`)} is missing; write the transfer's SELECT there`, entry),
      );
    }
    const transfer = file ? compileTransfer(file, id, source.report) : null;
    return transfer === null ? [] : [transfer];
  });
  if (transfers.length < ids.length) return null;
  const phase = { ...common(source), kind: 'transfer', undo: [], because: null, undoNeeded: true, verify: [], transfers } as const;
  return { phase: withDigest(phase), reach: { names: [], isOpaque: false }, freed: [] };
}

function compileStatementPhase(source: PhaseSource, freedBefore: readonly ObjectName[]): CompiledPhase {
  const { entry, report } = source;
  reportMissingFiles(source);
  const [upFile, undoFile, verifyFile] = ['up.sql', 'undo.sql', 'verify.sql'].map((name) => phaseFile(source, name));
  if (undoFile && entry.undo !== undefined)
    report(fileFault(undoFile.source.file, 'plan.yaml says "undo: none" for this phase; remove this file, or undo and because there'));
  const up = upFile ? compileStatements(upFile, 'up', report) : [];
  const protect = protectedTables(entry.protect ?? []);
  const undo = undoFile ? compileStatements(undoFile, 'undo', report) : undoFile === undefined && protect.length > 0 ? [] : null;
  const verify = verifyFile ? compileChecks(verifyFile, 'verify', report) : [];
  const { creates, freed } = namesOf(up, freedBefore, entry.cutover === 'rename' ? renamedTo : () => []);
  const undoWritesRows = (undo ?? []).some(({ node }) => writesRows(node));
  const base = { ...common(source), because: entry.because ?? null, verify, creates, undoWritesRows };
  const isLong = up.some(({ proof }) => proof !== null);
  const isUpSound = upFile && up.length > 0 && up.length === upFile.statements.length;
  if (isUpSound && !isLong && undo !== null && undoFile) reportLongUndo(undoFile, undo, report);
  if (protect.length > 0) refuseProtection(source, { up, isLong, protect, upFile, undoFile });
  const renaming = isUpSound ? renamingIn(source, { up, isLong, upFile, undo, undoFile }) : {};
  const phase = isLong ? longPhase(base, up, undo) : { ...transactionPhase(base, up, undo), protect, ...renaming };
  return { phase: withDigest(phase), reach: reachOf([...up, ...(undo ?? [])]), freed };
}

interface RenamingFiles {
  readonly up: readonly CompiledStatement[];
  readonly isLong: boolean;
  readonly upFile: SqlFile;
  readonly undo: readonly CompiledStatement[] | null;
  readonly undoFile: SqlFile | null | undefined;
}

/** Empty for any phase but one with `cutover: rename`. */
function renamingIn(source: PhaseSource, { up, isLong, upFile, undo, undoFile }: RenamingFiles): Pick<TransactionPhase, 'renaming'> {
  if (source.entry.cutover !== 'rename' || !undoFile || undo === null) return {};
  if (isLong) {
    const message =
      '"cutover: rename" needs the phase to be one transaction, and its up.sql holds statements that refuse one; do them in another phase';
    source.report(source.outline.faultAtPhase(source.index, message));
    return {};
  }
  const parts = { up: { file: upFile, statements: up }, undo: { file: undoFile, statements: undo }, transfers: transfersOf(source.before) };
  return { renaming: renamingOf(parts, source.report) };
}

interface Protection {
  readonly up: readonly CompiledStatement[];
  readonly isLong: boolean;
  readonly protect: readonly QualifiedName[];
  readonly upFile: SqlFile | null | undefined;
  readonly undoFile: SqlFile | null | undefined;
}

/** Images of rows are kept in the phase's transaction; they take back what was done to rows, and nothing else. */
function refuseProtection(source: PhaseSource, { up, isLong, protect, upFile, undoFile }: Protection): void {
  const refuse = (message: string): void => source.report(source.outline.faultAtPhase(source.index, message));
  if (isLong) refuse('"protect" needs the phase to be one transaction, and its up.sql holds statements that refuse one; remove it');
  if (upFile) refuseUnseen(upFile, up, protect, source.report);
  if (undoFile === undefined && !changesOnly(protect, up))
    refuse(
      `the file ${pathOf(source, 'undo.sql')} is missing, and up.sql does more than write rows of protected tables; write what takes the rest back`,
    );
}

/** A folder that is missing as a whole is one fault, and checkFolders has it. */
function reportMissingFiles(source: PhaseSource): void {
  const { entry, index, folder, outline, report } = source;
  if (!folder.folders.has(folderOf(entry, index))) return;
  const missing = (name: string, advice: string): void => {
    if (phaseFile(source, name) === undefined) report(outline.faultAtPhase(index, `the file ${pathOf(source, name)} is missing; ${advice}`));
  };
  missing('up.sql', 'write what the phase does, or name its transfers in plan.yaml');
  if (entry.undo === undefined && entry.protect === undefined)
    missing('undo.sql', 'write what takes the phase back, or say "undo: none" and "because" in plan.yaml');
}

type Base = Pick<TransactionPhase, 'id' | 'ordinal' | 'folder' | 'fence' | 'cutover' | 'when' | 'because' | 'verify' | 'creates' | 'undoWritesRows'>;

function transactionPhase(
  base: Base,
  up: readonly CompiledStatement[],
  undo: readonly CompiledStatement[] | null,
): Omit<TransactionPhase, 'digest' | 'protect'> {
  return { ...base, kind: 'transaction', up: up.map(({ statement }) => statement), undo: plainStatements(undo), undoNeeded: true };
}

function longPhase(base: Base, up: readonly CompiledStatement[], undo: readonly CompiledStatement[] | null): WithoutDigest<Phase> {
  const undoNeeded = up.some(({ proof }) => proof?.kind !== 'vacuumed');
  const phase = { ...base, kind: 'long', up: longStatements(up), undoNeeded } as const;
  const isUndoLong = undo?.some(({ proof }) => proof !== null) ?? false;
  return isUndoLong
    ? { ...phase, undoKind: 'long', undo: longStatements(undo ?? []) }
    : { ...phase, undoKind: 'transaction', undo: plainStatements(undo) };
}

function plainStatements(compiled: readonly CompiledStatement[] | null): readonly Statement[] | null {
  return compiled?.map(({ statement }) => statement) ?? null;
}

function longStatements(compiled: readonly CompiledStatement[]): readonly LongStatement[] {
  return compiled.flatMap(({ statement, proof }) => (proof === null ? [] : [{ ...statement, proof }]));
}

/** What a transaction did, a transaction takes back. */
function reportLongUndo(file: SqlFile, undo: readonly CompiledStatement[], report: Report): void {
  const long = undo.find(({ proof }) => proof !== null);
  if (long === undefined) return;
  const start = file.statements[long.statement.number - 1]?.start ?? 0;
  report(
    faultAt(
      file.source,
      start,
      'up.sql is one transaction, so its undo is one too, and this statement refuses transactions; write it without CONCURRENTLY, or remove VACUUM',
    ),
  );
}

function namesOf(
  up: readonly CompiledStatement[],
  freedBefore: readonly ObjectName[],
  alsoCreated: (node: Node) => readonly ObjectName[],
): { creates: readonly ObjectName[]; freed: readonly ObjectName[] } {
  const freed: ObjectName[] = [...freedBefore];
  const creates = new Map<string, ObjectName>();
  for (const { node } of up) {
    for (const name of [...createdNames(node), ...alsoCreated(node)]) if (!isFreed(name, freed)) creates.set(canonicalJson(name), name);
    freed.push(...freedNames(node));
  }
  return { creates: [...creates.values()], freed: freed.slice(freedBefore.length) };
}

function common({ entry, index }: PhaseSource): Pick<Phase, 'id' | 'ordinal' | 'folder' | 'fence' | 'cutover' | 'when'> {
  return { id: entry.id, ordinal: index + 1, folder: folderOf(entry, index), ...terms(entry) };
}

/** What plan.yaml says of any kind of phase. */
function terms({ fence, cutover, when }: PhaseEntry): Pick<Phase, 'fence' | 'cutover' | 'when'> {
  return { fence: fence ?? false, cutover: cutover ?? null, when: when ?? 'run' };
}

function pathOf({ entry, index }: PhaseSource, name: string): string {
  return `${folderOf(entry, index)}/${name}`;
}

/** Undefined when there is no such file, null when it has a fault that is reported already. */
function phaseFile(source: PhaseSource, name: string): SqlFile | null | undefined {
  return source.folder.sql.get(pathOf(source, name));
}

type WithoutDigest<P> = P extends Phase ? Omit<P, 'digest'> : never;

function withDigest(phase: WithoutDigest<Phase>): Phase {
  return { ...phase, digest: createHash('sha256').update(canonicalJson(phase), 'utf8').digest('hex') };
}
