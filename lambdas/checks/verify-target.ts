import * as z from 'zod';
import { runChecks } from '../../adapters/checks.ts';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { targetFindings } from '../../adapters/target-findings.ts';
import { CheckFailedError, DifferencesFoundError } from '../../core/errors.ts';
import type { CompiledPlan, Transfer } from '../../core/plan/compiled-plan.ts';
import { describeFailures } from '../../core/run/check-evaluation.ts';
import { COMPARISON_START, ComparisonProgress, describeDifferences, describeQuarantined } from '../../core/run/comparison.ts';
import { ReadingEnvelope } from '../../core/run/envelope.ts';
import type { Finding } from '../../core/run/journal.ts';
import { refusalOf } from '../../core/run/preflight.ts';
import { compareTransfers, withQueries } from '../middleware/compare-transfers.ts';
import { planInForce } from '../middleware/plan-in-force.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { withinWindow } from '../middleware/within-window.ts';

/** `stage`: before the cutover only what is applied by then is compared, and nothing else is looked at; null or none is after the last phase. */
export const VerifyTargetInput = ReadingEnvelope.extend({
  progress: ComparisonProgress.nullable(),
  stage: z.enum(['after', 'before-cutover']).nullish(),
});
type Input = z.infer<typeof VerifyTargetInput>;

/**
 * Compares every row and mapped column of every transfer with its source, both directions, in the database; looks at what stands beside
 * the rows; then runs after.sql. Writes nothing there.
 *
 * @throws {DifferencesFoundError | CheckFailedError}
 * @throws {WindowClosedError} when the plan's window leaves no time for the rest and its undo.
 */
export function verifyTarget(deps: StatePorts): Work<Input, ComparisonProgress> {
  return async ({ progress: given, stage, ...visit }) => {
    const { run, now } = visit;
    const plan = await planInForce(deps, run);
    await withinWindow(deps, plan, visit);
    const isLast = stage !== 'before-cutover';
    const compared = { plan: plan.id, salt: run.id, transfers: await comparedTransfers(deps, plan, isLast) };
    const progress = await compareTransfers(deps, compared, given ?? COMPARISON_START);
    if (progress.transfer < compared.transfers.length) {
      return progress;
    }
    const name = isLast ? 'comparison' : 'comparison-before-cutover';
    const transfers = await withQueries(deps, compared, progress.results);
    await deps.journal.write(run.id, name, { kind: 'comparison', at: now.toISOString(), stage: isLast ? 'after' : 'before-cutover', transfers });
    const findings = isLast ? await targetsBeside(deps, compared.transfers, { id: run.id, now }) : [];
    refuseDifferences(progress, { plan, transfers: compared.transfers, findings });
    if (isLast) await checkAfter(deps, plan, { id: run.id, now });
    return { ...progress, done: true };
  };
}

async function comparedTransfers(deps: StatePorts, plan: CompiledPlan, isLast: boolean): Promise<readonly Transfer[]> {
  const applied = isLast ? null : (await phaseLedger(deps.session).all(plan.id)).filter((row) => row.isApplied).map((row) => row.phase);
  return plan.phases.flatMap((phase) => (phase.kind === 'transfer' && (applied === null || applied.includes(phase.id)) ? phase.transfers : []));
}

/** What stands beside the targets' rows, looked at and written down. */
async function targetsBeside(
  deps: StatePorts,
  transfers: readonly Transfer[],
  run: { readonly id: Input['run']['id']; readonly now: Date },
): Promise<readonly Finding[]> {
  const findings = await deps.session.unfenced((query) => targetFindings(query, transfers));
  await deps.journal.write(run.id, 'targets', { kind: 'targets', at: run.now.toISOString(), findings: [...findings] });
  return findings;
}

function refuseDifferences(
  { results }: ComparisonProgress,
  { plan, transfers, findings }: { readonly plan: CompiledPlan; readonly transfers: readonly Transfer[]; readonly findings: readonly Finding[] },
): void {
  const differences = describeDifferences(results, transfers);
  const others = [...describeQuarantined(results, transfers, plan.quality), refusalOf(findings) ?? []].flat();
  if (differences.length > 0) {
    throw new DifferencesFoundError([...differences, ...others].join(' · '));
  }
  if (others.length > 0) {
    throw new CheckFailedError(others.join(' · '));
  }
}

async function checkAfter(deps: StatePorts, plan: CompiledPlan, run: { readonly id: Input['run']['id']; readonly now: Date }): Promise<void> {
  const results = await runChecks(deps.session, plan, {
    checks: plan.after,
    salt: run.id,
    clockMs: deps.clockMs,
    tooSlow: (said, cause) => new CheckFailedError(said, cause),
  });
  await deps.journal.write(run.id, 'checks-after', { kind: 'checks', at: run.now.toISOString(), stage: 'after', checks: [...results] });
  const failures = describeFailures(results);
  if (failures.length > 0) {
    throw new CheckFailedError(failures.join(' · '));
  }
}

export const handler = stateHandler(VerifyTargetInput, (environment) => verifyTarget(statePorts(environment)));
