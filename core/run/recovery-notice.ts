import { liftByHand } from './fence.ts';
import { changesDatabase, type Mode } from './mode.ts';
import { MOST_RECOVERIES } from './recovery.ts';
import { commandAt, type RunPlace } from './run-place.ts';

/** A run that the last recovery could not settle either. */
export interface GivenUp {
  readonly run: string;
  readonly plan: string;
  readonly mode: Mode;
  readonly executionArn: string;
  /** How the last recovery ended. */
  readonly last: string;
  /** Whether its fence stands, or nobody could say. */
  readonly mayFence: boolean;
}

/** What a person is told who has to settle it now, with the commands. */
export function givenUpNotice(
  { run, plan, mode, executionArn, last, mayFence }: GivenUp,
  place: RunPlace,
): { readonly subject: string; readonly text: string } {
  const steps = changesDatabase(mode)
    ? stepsOfChange({ run, plan, mode, mayFence }, place)
    : [`Start it again: ${commandAt(place, `npx stepgate ${mode} ${plan}`)}`];
  return {
    subject: `Stepgate: ${plan} needs a person, its run could not be settled`,
    text: [
      `Run ${run} of plan ${plan} died without an outcome, and ${MOST_RECOVERIES} executions that were to settle it failed, too. No more are started.`,
      '',
      `the last: ${last}`,
      `the run's own execution: ${executionArn}`,
      '',
      ...steps.map((step, index) => `${index + 1}. ${step}`),
    ].join('\n'),
  };
}

function stepsOfChange({ run, plan, mode, mayFence }: Pick<GivenUp, 'run' | 'plan' | 'mode' | 'mayFence'>, place: RunPlace): readonly string[] {
  return [
    `See how far it came: ${commandAt(place, `npx stepgate status --run ${run}`)}`,
    'Remove what the last one failed at.',
    mode === 'execute'
      ? `Go back: ${commandAt(place, `npx stepgate rollback ${plan}`)}; or go on: ${commandAt(place, `npx stepgate execute ${plan}`)}. Either takes the lock over.`
      : `Go on: ${commandAt(place, `npx stepgate ${mode} ${plan}`)}. It takes the lock over.`,
    ...(mayFence ? [`Its fence may keep the application out until then. By hand, when no run is at work: ${liftByHand(plan, place)}`] : []),
  ];
}
