import { transfersOf } from '../transfer/transfers-of.ts';
import type { Phase, Transfer } from './compiled-plan.ts';
import type { PlanOutline } from './parse-plan-file.ts';
import type { Report } from './plan-fault.ts';

/** Refuses what plan.yaml says of one phase where the others leave it without a meaning. `phases` are those without faults. */
export function checkOrder(outline: PlanOutline, phases: readonly Phase[], report: Report): void {
  const entries = outline.phases ?? [];
  const fault = (index: number, message: string): void => report(outline.faultAtPhase(index, message));
  const firstCleanup = entries.findIndex((entry) => entry?.when === 'cleanup');
  const firstCutover = entries.findIndex((entry) => entry?.cutover !== undefined);
  const isWhole = phases.length === entries.length;
  for (const [index, entry] of entries.entries()) {
    if (entry === null) continue;
    if (firstCleanup !== -1 && index > firstCleanup && entry.when === undefined)
      fault(index, `phase ${index + 1}: a phase of the run behind one of the cleanup, which comes later; put it before phase ${firstCleanup + 1}`);
    if (entry.cutover !== undefined && index > firstCutover)
      fault(index, `phase ${index + 1}: a second cutover; phase ${firstCutover + 1} has one, and a plan switches once`);
    if (entry.cutover !== undefined && isWhole && !transfersBefore(phases, index).some(({ sync }) => sync !== 'none'))
      fault(
        index,
        `phase ${index + 1}: "cutover" says from when the application may write on the new side, and no transfer before it keeps that current; add "sync" to one, or remove cutover`,
      );
    if (entry.transfers !== undefined && firstCutover !== -1 && index > firstCutover && entries[firstCutover]?.cutover === 'rename')
      fault(index, `phase ${index + 1}: rows are copied before tables get other names; put it before phase ${firstCutover + 1}, the cutover`);
  }
  reportMissingCutover(outline, phases, report);
  reportIdleRollback(outline, isWhole ? phases : null, report);
}

function transfersBefore(phases: readonly Phase[], index: number): readonly Transfer[] {
  return transfersOf(phases.filter(({ ordinal }) => ordinal <= index));
}

/** Both sides may be written only from a moment that the plan names. */
function reportMissingCutover(outline: PlanOutline, phases: readonly Phase[], report: Report): void {
  const entries = outline.phases ?? [];
  for (const phase of phases) {
    if (phase.kind !== 'transfer' || entries.slice(phase.ordinal).some((entry) => entry === null || entry.cutover !== undefined)) continue;
    phase.transfers.forEach(({ id, sync }, entry) => {
      if (sync !== 'both') return;
      const reason = `the transfer ${id} has "sync: both", and no phase after it says from when the new side may be written; add "cutover: flag" to one`;
      report(outline.faultAtPhase(phase.ordinal - 1, reason, entry));
    });
  }
}

function reportIdleRollback(outline: PlanOutline, phases: readonly Phase[] | null, report: Report): void {
  if (phases === null || outline.file?.rollbackFor === undefined) return;
  const keepsOldSide = phases.some(({ when }) => when === 'cleanup') || transfersBefore(phases, phases.length).some(({ sync }) => sync === 'both');
  if (keepsOldSide) return;
  report(
    outline.faultAtKey(
      'rollbackFor',
      '"rollbackFor" says how long the old side stays current and cleanup waits, and this plan has neither "sync: both" nor a phase with "when: cleanup"; remove it',
    ),
  );
}
