import type { Phase, Transfer } from '../plan/compiled-plan.ts';

/** The transfers of some phases, in running order. */
export function transfersOf(phases: readonly Phase[]): readonly Transfer[] {
  return phases.flatMap((phase) => (phase.kind === 'transfer' ? phase.transfers : []));
}
