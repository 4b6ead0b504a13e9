import type { AcceptedHazard, Phase } from '../compiled-plan.ts';
import { nearest } from '../nearest.ts';
import type { Header, SqlFile } from '../parse-sql.ts';
import type { Report } from '../plan-fault.ts';
import type { PlanFolder } from '../plan-folder.ts';
import { faultAt } from '../source-text.ts';
import { describeName } from '../sql-tree.ts';
import type { PlacedHazard } from './find-hazards.ts';
import { findHazards } from './find-hazards.ts';
import type { HazardName } from './hazard.ts';
import { HAZARD_NAMES, HAZARDS, lockOf } from './hazard.ts';
import { WAITS } from './lock.ts';

const SHAPE = '"--! allow: HAZARD because REASON"';

/** A header that accepts a hazard: for the whole file above its first statement, else for the statement below it. */
interface Allow {
  readonly header: Header;
  readonly file: SqlFile;
  readonly name: HazardName;
  readonly because: string;
  /** Where the statement starts that it is for; null for the whole file. */
  readonly statement: number | null;
}

/**
 * Finds the hazards of a plan, and reports each one that no header accepts, and each header that accepts nothing.
 *
 * `unsound` files have faults of their own, and are passed over until those are gone.
 */
export function acceptHazards(
  folder: PlanFolder,
  { phases, unsound, report }: { readonly phases: readonly Phase[]; readonly unsound: ReadonlySet<string>; readonly report: Report },
): readonly AcceptedHazard[] {
  const files = [...folder.sql.values()].flatMap((file) => (file === null || unsound.has(file.source.file) ? [] : [file]));
  const allows = files.flatMap((file) => allowsIn(file, report));
  const used = new Set<Allow>();
  const accepted = findHazards(folder, phases).flatMap((hazard) => {
    if (unsound.has(hazard.file.source.file)) return [];
    const allow = allowFor(hazard, allows);
    if (allow === undefined) {
      report({ ...faultAt(hazard.file.source, hazard.at ?? hazard.statement.start, explain(hazard)), hazard: hazard.name });
      return [];
    }
    used.add(allow);
    return [accept(hazard, allow.because)];
  });
  for (const allow of allows.filter((one) => !used.has(one))) {
    report(faultAt(allow.file.source, allow.header.start, `nothing here has the hazard ${allow.name}; remove the line`));
  }
  return withoutRepetition(accepted);
}

function allowsIn(file: SqlFile, report: Report): readonly Allow[] {
  const first = file.statements[0]?.start ?? 0;
  const seen = new Set<string>();
  return file.headers
    .filter(({ key }) => key === 'allow')
    .flatMap((header) => {
      const refuse = (message: string): readonly Allow[] => {
        report(faultAt(file.source, header.start, message));
        return [];
      };
      const [, word = '', because] = /^(\S+)\s+because\s+(\S.*)$/s.exec(header.value) ?? [];
      if (because === undefined) return refuse(`a hazard is accepted by ${SHAPE}, with a reason; got ${JSON.stringify(header.value)}`);
      const name = HAZARD_NAMES.find((known) => known === word);
      if (name === undefined) {
        const near = nearest(word, HAZARD_NAMES);
        return refuse(`unknown hazard "${word}"; ${near === null ? 'docs/hazards.md has the list' : `did you mean "${near}"?`}`);
      }
      const below = file.statements.find(({ start }) => start > header.start);
      if (below === undefined) return refuse(`${SHAPE} stands above the statement, or above the first one for the whole file; move or remove it`);
      const statement = header.start < first ? null : below.start;
      if (seen.has(`${name} ${statement}`)) return refuse(`the hazard ${name} is accepted twice here; keep one of the lines`);
      seen.add(`${name} ${statement}`);
      return [{ header, file, name, because, statement }];
    });
}

function allowFor(hazard: PlacedHazard, allows: readonly Allow[]): Allow | undefined {
  const fitting = allows.filter(({ file, name }) => file === hazard.file && name === hazard.name);
  return fitting.find(({ statement }) => statement === hazard.statement.start) ?? fitting.find(({ statement }) => statement === null);
}

function explain(hazard: PlacedHazard): string {
  const { name, subject, table } = hazard;
  const lock = lockOf(hazard);
  const held = lock === null ? '' : `; ${lock}${table === null ? '' : ` on ${describeName(table)}`}: ${WAITS[lock]}`;
  return `${name}: ${subject} ${HAZARDS[name].what}${held}; ${HAZARDS[name].safe}; or accept it with "--! allow: ${name} because …"`;
}

function accept(hazard: PlacedHazard, because: string): AcceptedHazard {
  const { name, table, file, statement } = hazard;
  const lock = lockOf(hazard);
  return { hazard: name, because, file: file.source.file, line: statement.line, table, lock, waits: lock === null ? null : WAITS[lock] };
}

/** A statement may have one hazard in several of its parts. */
function withoutRepetition(accepted: readonly AcceptedHazard[]): readonly AcceptedHazard[] {
  const texts = accepted.map((one) => JSON.stringify(one));
  return accepted.filter((_, index) => texts.indexOf(texts[index] ?? '') === index);
}
