import { assertNever } from '../core/assert-never.ts';
import type { Check, CompiledPlan, LongPhase, Phase, SourceLine, Statement, Transfer, TransferPhase } from '../core/plan/compiled-plan.ts';
import { evaluationSql } from '../core/run/check-evaluation.ts';
import { copySql, undoSql } from '../core/transfer/batch-sql.ts';
import { compareBoundarySql, compareSql, type KeyRange } from '../core/transfer/compare-sql.ts';

/** What is sent to the database in one place of a run. */
export interface SqlSection {
  /** Null for the plan's own checks. */
  readonly phase: string | null;
  /** When, and how it is held together. */
  readonly title: string;
  readonly texts: readonly SqlText[];
}

export interface SqlText {
  readonly what: string;
  /** `file:line` in the plan's folder. */
  readonly at: string;
  readonly sql: string;
}

/** Stand for the key that a range begins after, and the one that it ends with. */
const RANGE = { after: 'AFTER', upto: 'UPTO' } as const;
const AFTER = { after: RANGE.after, upto: null } as const;

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
  'Target columns that a SELECT leaves to a constant default are compared, too: a run reads from the catalog which they are.',
].join('\n-- ')}\n`;

function phaseSections(plan: CompiledPlan, phase: Phase): readonly SqlSection[] {
  const section = (title: string, texts: readonly SqlText[]) => ({ phase: phase.id, title: `phase ${phase.ordinal} ${phase.id}: ${title}`, texts });
  switch (phase.kind) {
    case 'transaction':
      return [
        section('one transaction with its row in stepgate.phase, by one call of stepgate.run_phase', phase.up.map(statementText)),
        section('its checks, inside the same transaction', phase.verify.map(checkText)),
        section('undo, one transaction, by one call of stepgate.undo_phase', (phase.undo ?? []).map(statementText)),
      ];
    case 'long':
      return longSections(phase, section);
    case 'transfer':
      return transferSections(plan, phase, section);
    default:
      return assertNever(phase);
  }
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
  return phase.transfers.map((transfer) =>
    section(`transfer ${transfer.id}, each batch by one call of stepgate.run_batch`, transferTexts(plan, phase.id, transfer)),
  );
}

function transferTexts(plan: CompiledPlan, phase: string, transfer: Transfer): readonly SqlText[] {
  const copy = copySql(transfer);
  const undo = undoSql(transfer, { plan: plan.id, phase }, []);
  const texts = [
    { what: `copy ${transfer.id}: where the next range ends`, sql: withKeys(copy.boundary, AFTER) },
    { what: `copy ${transfer.id}: the rows of a range`, sql: withKeys(copy.move, RANGE) },
    { what: `compare ${transfer.id}: where the next range ends`, sql: compareBoundarySql(transfer, RANGE.after) },
    { what: `compare ${transfer.id}: both sides of a range, by value`, sql: compareSql(transfer, RANGE, []) },
    { what: `undo ${transfer.id}: where the next range ends`, sql: withKeys(undo.boundary, AFTER) },
    { what: `undo ${transfer.id}: the range is held until the batch commits`, sql: withKeys(undo.lock, RANGE) },
    { what: `undo ${transfer.id}: the rows of a range; what the plan did not make goes to stepgate_archive`, sql: withKeys(undo.move, RANGE) },
  ];
  return texts.map((text) => ({ ...text, at: at(transfer) }));
}

/** What the ledger's in_range does with a pair of keys. */
function withKeys(sql: string, { after, upto }: KeyRange): string {
  return sql
    .replaceAll(/\[\[range (.*?)\]\]/g, (_, key: string) => [`${key} > '${after}'`, ...(upto === null ? [] : [`${key} <= '${upto}'`])].join(' and '))
    .replaceAll('[[open]]', '[[');
}

function statementText(statement: Statement): SqlText {
  return { what: `statement ${statement.number}`, at: at(statement), sql: statement.sql };
}

function checkText(check: Check): SqlText {
  return { what: `check ${check.name}, ${check.severity}, ${check.expects}`, at: at(check), sql: evaluationSql(check) };
}

function at({ file, line }: SourceLine): string {
  return `${file}:${line}`;
}
