import * as z from 'zod';
import { GateRefusedError, InputRefusedError } from '../../core/errors.ts';
import type { CompiledPlan } from '../../core/plan/compiled-plan.ts';
import { StartEnvelope } from '../../core/run/envelope.ts';
import { DeployedPlans, parseRunInput, type RunRequest } from '../../core/run/run-input.ts';
import { deadlineOf, refuseLateStart } from '../../core/run/window.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const LoadPlanInput = StartEnvelope.extend({ input: z.unknown() });

/** `deadline`: when a run with a window has to have ended, in UTC. */
export interface LoadedPlan extends Omit<RunRequest, 'start'> {
  readonly deadline: string | null;
}

/** Reads the execution's input and pins the plan's digest for the whole run. */
export function loadPlan(
  deps: Pick<StatePorts, 'plans' | 'journal'> & { readonly deployed: DeployedPlans },
): Work<z.infer<typeof LoadPlanInput>, LoadedPlan> {
  return async ({ run, now, input }) => {
    const request = parseRunInput(input, deps.deployed);
    const plan = await deps.plans.read(request.digest);
    refuseUnknownPhase(request.asked.to, plan);
    const { asked, start, ...pinned } = request;
    const late = refuseLateStart(start, now);
    if (late !== null) throw new GateRefusedError(late);
    const deadline = request.mode === 'execute' ? deadlineOf(plan.windowMinutes, start ?? run.startedAt) : null;
    await deps.journal.write(run.id, 'run', {
      kind: 'run',
      at: now.toISOString(),
      run: run.id,
      executionArn: run.executionArn,
      ...pinned,
      ...(asked.accept === null ? {} : { accept: asked.accept }),
      ...(asked.to === null ? {} : { to: asked.to }),
      title: plan.title,
      phases: plan.phases.filter(({ when }) => when === (request.mode === 'cleanup' ? 'cleanup' : 'run')).map((phase) => phase.id),
      notes: [...plan.notes],
      accepted: [...plan.accepted],
      startedAt: run.startedAt.toISOString(),
      ...(deadline === null ? {} : { deadline: deadline.toISOString() }),
    });
    return { ...pinned, asked, deadline: deadline?.toISOString() ?? null };
  };
}

/** @throws {InputRefusedError} */
function refuseUnknownPhase(to: string | null, plan: CompiledPlan): void {
  if (to === null || plan.phases.some(({ id, when }) => id === to && when === 'run')) return;
  const known = plan.phases.filter(({ when }) => when === 'run').map(({ id }) => id);
  throw new InputRefusedError(`plan ${plan.id} has no phase ${to} to go back to; its phases are ${known.join(', ')}`);
}

export const handler = stateHandler(LoadPlanInput, (environment) =>
  loadPlan({ ...statePorts(environment), deployed: DeployedPlans.parse(JSON.parse(environment.STEPGATE_PLANS)) }),
);
