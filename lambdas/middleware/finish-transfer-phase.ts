import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { refreshStatistics } from '../../adapters/table-statistics.ts';
import type { CompiledPlan, TransferPhase } from '../../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../../core/run/envelope.ts';
import { phaseEntry } from './phase-entry.ts';
import type { StatePorts } from './ports.ts';

/** Calls a phase of transfers applied, and tells the journal; repeating it does nothing. */
export async function finishTransferPhase(
  deps: Pick<StatePorts, 'session' | 'journal'>,
  { run, now }: { readonly run: ChangingRun; readonly now: Date },
  plan: CompiledPlan,
  phase: TransferPhase,
): Promise<void> {
  const phases = phaseLedger(deps.session);
  await refreshStatistics(
    deps.session.query,
    phase.transfers.map(({ into }) => into),
  );
  await phases.finish(run, phase, 0);
  const result = await phases.result(run.plan, phase.id);
  if (result !== null) {
    await deps.journal.write(run.id, `phase-${phase.folder}`, phaseEntry(plan, phase, { now, result }));
  }
}
