import { assertNever } from '../core/assert-never.ts';
import type { Check, CompiledPlan, LongPhase, Phase, QualifiedName, Statement, TransactionPhase, TransferPhase } from '../core/plan/compiled-plan.ts';
import { evaluationSql } from '../core/run/check-evaluation.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import { isSynced } from '../core/transfer/is-synced.ts';
import { planAfter } from '../core/transfer/plan-in-force.ts';
import { tablesOf } from '../core/transfer/sync/renamed-sync.ts';
import { transfersOf } from '../core/transfer/transfers-of.ts';
import { at, KEY, RANGE, type SqlText } from './plan-sql-text.ts';
import { renamedSyncTexts, repairTexts, syncEndTexts, syncTexts } from './sync-texts.ts';
import { comparisonTexts, transferTexts } from './transfer-texts.ts';

/** What is sent to the database in one place of a run. */
export interface SqlSection {
  /** Null for the plan's own checks. */
  readonly phase: string | null;
  /** When, and how it is held together. */
  readonly title: string;
  readonly texts: readonly SqlText[];
}

/** Every statement that a run of the plan makes of it, in the order of work; the same plan gives the same texts. */
export function planSql(plan: CompiledPlan): readonly SqlSection[] {
  const before = { phase: null, title: 'before the first change: each check in a transaction that cannot write', texts: plan.before.map(checkText) };
  const after = { phase: null, title: 'after the last phase: each check in a transaction that cannot write', texts: plan.after.map(checkText) };
  const sections = [before, ...plan.phases.flatMap((phase) => phaseSections(plan, phase)), after];
  return sections.filter(({ texts }) => texts.length > 0);
}

/** As a file that psql could read; what is said of a text is a comment above it. */
export function renderSql(sections: readonly SqlSection[]): string {
  const parts = sections.map(({ title, texts }) => {
    const shown = texts.map(({ what, at, sql }) => `-- ${what}, ${at}\n${sql};\n`);
    return `--- ${title}\n\n${shown.join('\n')}`;
  });
  return [LEGEND, ...parts].join('\n');
}

const LEGEND = `-- ${[
  `'${RANGE.after}' and '${RANGE.upto}' stand for the keys that a range begins after and ends with; the first range has no '${RANGE.after}'.`,
  'In a copy or an undo $1 stands for the rows of a batch where the range is found, and for the run where rows move.',
  `'${KEY}' stands for keys that the sync's journal names; where their repair has parameters, $1 is the plan, $2 the transfer, $3 the keys, $4 what becomes of them.`,
  'Which columns of a sync come back is decided by the values that are there; here all come back that may.',
  'Target columns that a SELECT leaves to a constant default are compared, too: a run reads from the catalog which they are.',
].join('\n-- ')}\n`;

function phaseSections(plan: CompiledPlan, phase: Phase): readonly SqlSection[] {
  const when = phase.when === 'cleanup' ? ', in mode cleanup' : '';
  const section = (title: string, texts: readonly SqlText[]) => ({
    phase: phase.id,
    title: `phase ${phase.ordinal} ${phase.id}${when}: ${title}`,
    texts,
  });
  return [...(phase.cutover === null ? [] : wayBackSections(plan, section)), ...workSections(plan, phase, section)];
}

function workSections(plan: CompiledPlan, phase: Phase, section: MakeSection): readonly SqlSection[] {
  switch (phase.kind) {
    case 'transaction':
      return transactionSections(plan, phase, section);
    case 'long':
      return longSections(phase, section);
    case 'transfer':
      return transferSections(plan, phase, section);
    default:
      return assertNever(phase);
  }
}

function transactionSections(plan: CompiledPlan, phase: TransactionPhase, section: MakeSection): readonly SqlSection[] {
  const { renaming } = phase;
  const renamed = renaming === undefined ? plan : planAfter(plan, renaming);
  const around = (now: CompiledPlan, next: CompiledPlan, of: string): readonly [SqlSection, SqlSection] => {
    const names = (renaming?.tables ?? []).map(({ from, to }) => (now === plan ? from : to));
    const lock = renaming === undefined ? [] : [lockText(phase, [...names, ...tablesOf(transfersOf(now.phases).filter(isSynced))])];
    const functions = renaming === undefined ? [] : renamedSyncTexts({ installed: plan, now, next });
    return [
      section(`before ${of}, in the same transaction`, lock),
      section(`behind ${of}, in the same transaction: live sync by the other names`, functions),
    ];
  };
  const [upLock, upFunctions] = around(plan, renamed, 'its statements');
  const [undoLock, undoFunctions] = around(renamed, plan, "its undo's statements");
  const after = renaming === undefined ? [] : transfersOf(renamed.phases).filter(({ id }) => renaming.transfers[id] !== undefined);
  return [
    upLock,
    section('one transaction with its row in stepgate.phase, by one call of stepgate.run_phase', phase.up.map(statementText)),
    upFunctions,
    section('its checks, inside the same transaction', phase.verify.map(checkText)),
    section(
      'repair and comparison by the other names, until it is undone',
      after.flatMap((transfer) => [...(isSynced(transfer) ? repairTexts(transfer) : []), ...comparisonTexts(plan, transfer)]),
    ),
    undoLock,
    section('undo, one transaction, by one call of stepgate.undo_phase', (phase.undo ?? []).map(statementText)),
    undoFunctions,
  ];
}

/** As stepgate.lock_soon takes them, one after another, in 200 ms altogether. */
function lockText({ up, folder }: TransactionPhase, tables: readonly QualifiedName[]): SqlText {
  const [first] = up;
  const names = [...new Set(tables.map(quoteName))].sort();
  return {
    what: 'nobody else reads or writes these tables until the commit',
    at: first === undefined ? folder : at(first),
    sql: `lock table ${names.join(', ')} in access exclusive mode`,
  };
}

type MakeSection = (title: string, texts: readonly SqlText[]) => SqlSection;

function longSections(phase: LongPhase, section: MakeSection): readonly SqlSection[] {
  const undo =
    phase.undoKind === 'long' ? 'undo, one after another, each proven from the catalog' : 'undo, one transaction, by one call of stepgate.undo_phase';
  return [
    section(
      'one after another, each proven from the catalog, with a comment in front that names run, phase, statement and token',
      phase.up.map(statementText),
    ),
    section('its checks', phase.verify.map(checkText)),
    section(undo, (phase.undo ?? []).map(statementText)),
  ];
}

function transferSections(plan: CompiledPlan, phase: TransferPhase, section: MakeSection): readonly SqlSection[] {
  return [
    section('live sync of the old side, in one transaction before the first row is copied', syncTexts(plan, phase, 'source')),
    ...phase.transfers.map((transfer) =>
      section(`transfer ${transfer.id}, each batch by one call of stepgate.run_batch`, transferTexts(plan, phase.id, transfer)),
    ),
    section(
      'catch-up: keys that the sync left in the journal, by calls of stepgate.repair_keys',
      phase.transfers.filter(isSynced).flatMap(repairTexts),
    ),
    section('end of live sync, in one transaction, before the undo or in mode cleanup', syncEndTexts(plan, phase)),
  ];
}

/** The application may write on the new side from this phase on. */
function wayBackSections(plan: CompiledPlan, section: MakeSection): readonly SqlSection[] {
  const texts = plan.phases.flatMap((phase) => (phase.kind === 'transfer' ? syncTexts(plan, phase, 'target') : []));
  return [section('live sync of the new side, in one transaction for each phase of transfers, before this phase', texts)];
}

function statementText(statement: Statement): SqlText {
  return { what: `statement ${statement.number}`, at: at(statement), sql: statement.sql };
}

function checkText(check: Check): SqlText {
  return { what: `check ${check.name}, ${check.severity}, ${check.expects}`, at: at(check), sql: evaluationSql(check) };
}
