import { createHash } from 'node:crypto';
import { loadModule } from 'libpg-query';
import { PlanDigest, PlanId } from '../ids.ts';
import { transfersOf } from '../transfer/transfers-of.ts';
import { canonicalJson } from './canonical-json.ts';
import { checkFolders } from './check-folders.ts';
import type { CheckPlace } from './compile-checks.ts';
import { compileChecks } from './compile-checks.ts';
import { type CompiledPhase, compilePhase } from './compile-phase.ts';
import type { Check, CompiledPlan, ObjectName, Phase, SourceLine } from './compiled-plan.ts';
import { acceptHazards } from './hazards/accept-hazards.ts';
import { refuseLostTables } from './live-tables.ts';
import type { PlanOutline } from './parse-plan-file.ts';
import { parsePlanFile } from './parse-plan-file.ts';
import type { PlanFault, Report } from './plan-fault.ts';
import { fileFault, inReadingOrder } from './plan-fault.ts';
import { fractionOf, hoursOf, ID_RULE, minutesOf } from './plan-file.ts';
import type { PlanFolder } from './plan-folder.ts';
import { openPlanFolder } from './plan-folder.ts';
import { checkOrder } from './plan-order.ts';
import { joinedReach } from './reach.ts';
import { faultAt } from './source-text.ts';
import { describeName } from './sql-tree.ts';

/** A plan as it lies in its folder. */
export interface PlanSource {
  /** The folder's name. */
  readonly id: string;
  /** Texts by path, relative to the plan's folder, with `/` between folders. */
  readonly files: ReadonlyMap<string, string>;
}

export type CompileResult =
  | {
      readonly ok: true;
      readonly plan: CompiledPlan;
      /** Canonical: the bytes of the digest. */
      readonly json: string;
      readonly digest: PlanDigest;
    }
  | { readonly ok: false; readonly faults: readonly PlanFault[] };

/**
 * Compiles a plan's folder into one document, or names everything that is wrong with it.
 *
 * The same files give the same bytes on every machine.
 */
export async function compilePlan(source: PlanSource): Promise<CompileResult> {
  await loadModule();
  const faults: PlanFault[] = [];
  const plan = assemble(source, faults);
  if (plan === null || faults.length > 0) return { ok: false, faults: inReadingOrder(faults) };
  const json = canonicalJson(plan);
  return { ok: true, plan, json, digest: PlanDigest.parse(createHash('sha256').update(json, 'utf8').digest('hex')) };
}

/** Faults in these files hide nothing of what a plan makes, by which hazards are judged. */
const BESIDE = /^([^/]+\/(undo|verify)|before|after)\.sql$/;

/** Null when `faults` holds what hides the plan's shape. */
function assemble(source: PlanSource, faults: PlanFault[]): CompiledPlan | null {
  const report: Report = (fault) => faults.push(fault);
  const id = PlanId.safeParse(source.id).data ?? null;
  if (id === null) report(fileFault('plan.yaml', `the plan's folder must be called ${ID_RULE}; got ${JSON.stringify(source.id)}`));
  const folder = openPlanFolder(source.files, report);
  const outline = folder.planFile === null ? null : parsePlanFile(folder.planFile, report);
  if (outline === null) return null;
  checkFolders(folder, outline, report);
  const compiled = compilePhases(folder, outline, report);
  const phases = compiled.map(({ phase }) => phase);
  const before = planChecks(folder, 'before', report);
  const after = planChecks(folder, 'after', report);
  reportSameNames([...before, ...phases.flatMap(({ verify }) => verify), ...after], folder, report);
  reportSameTargets(phases, folder, report);
  checkOrder(outline, phases, report);
  refuseLostTables(phases, (place, message) => reportAtLine(place, folder, message, report));
  const unsound = new Set(faults.map(({ file }) => file));
  const isClear = [...unsound].every((file) => BESIDE.test(file));
  const accepted = isClear ? acceptHazards(folder, { phases, unsound, report }) : [];
  if (id === null || outline.file === null) return null;
  const { title, quality, onFailure, window, rollbackFor, notes } = outline.file;
  return {
    format: 1,
    id,
    title,
    quality: fractionOf(quality),
    onFailure,
    notes,
    before,
    after,
    phases,
    reach: joinedReach(compiled.map(({ reach }) => reach)),
    windowMinutes: window === undefined ? null : minutesOf(window),
    rollbackForHours: hoursOf(rollbackFor ?? '48h'),
    accepted,
  };
}

function compilePhases(folder: PlanFolder, outline: PlanOutline, report: Report): readonly CompiledPhase[] {
  const freed: ObjectName[] = [];
  const phases: CompiledPhase[] = [];
  for (const [index, entry] of (outline.phases ?? []).entries()) {
    const compiled = entry === null ? null : compilePhase({ entry, index, folder, outline, report, before: phases.map(({ phase }) => phase) }, freed);
    if (compiled === null) continue;
    phases.push(compiled);
    freed.push(...compiled.freed);
  }
  return phases;
}

function planChecks(folder: PlanFolder, place: Exclude<CheckPlace, 'verify'>, report: Report): readonly Check[] {
  const file = folder.sql.get(`${place}.sql`);
  return file ? compileChecks(file, place, report) : [];
}

function reportSameNames(checks: readonly Check[], folder: PlanFolder, report: Report): void {
  checks.forEach((check, index) => {
    const first = checks.findIndex(({ name }) => name === check.name);
    const other = checks[first];
    if (first === index || other === undefined) return;
    reportAtLine(
      check,
      folder,
      `the check name "${check.name}" is taken by ${other.file}:${other.line}; give each check of the plan its own name`,
      report,
    );
  });
}

/** What is verified is a whole target table against one mapping. */
function reportSameTargets(phases: readonly Phase[], folder: PlanFolder, report: Report): void {
  const transfers = transfersOf(phases);
  transfers.forEach((transfer, index) => {
    const other = transfers.slice(0, index).find(({ into }) => canonicalJson(into) === canonicalJson(transfer.into));
    if (other === undefined) return;
    const target = describeName(transfer.into);
    reportAtLine(
      transfer,
      folder,
      `the transfer ${other.id} fills ${target} already, and a table is compared whole with one mapping; write one transfer for it`,
      report,
    );
  });
}

function reportAtLine(place: SourceLine, folder: PlanFolder, message: string, report: Report): void {
  const source = folder.sql.get(place.file)?.source;
  report(source === undefined ? fileFault(place.file, message) : faultAt(source, source.lineStarts[place.line - 1] ?? 0, message));
}
