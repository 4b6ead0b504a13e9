import { assertNever } from '../core/assert-never.ts';
import type { Mode } from '../core/run/mode.ts';

export interface StoppedRun {
  readonly id: string;
  readonly plan: string | null;
  readonly mode: Mode;
}

/** What a stopped run leaves behind, and what goes on from there. */
export function whatStopKeeps({ id, plan, mode }: StoppedRun, asTyped: (command: string) => string): string {
  const goOn = (verb: Mode) => asTyped(`npx stepgate ${verb}${plan === null ? '' : ` ${plan}`}`);
  const kept = `run ${id} is stopped. Its ledger keeps what is committed`;
  switch (mode) {
    case 'dry-run':
    case 'verify':
      return `run ${id} is stopped; the database is as it was`;
    case 'backup':
      return `run ${id} is stopped; the database is as it was. A snapshot that was asked for is made all the same`;
    case 'execute':
      return `${kept}: ${goOn('execute')} goes on from there, ${goOn('rollback')} takes it back`;
    case 'rollback':
    case 'cleanup':
      return `${kept}: ${goOn(mode)} goes on from there`;
    default:
      return assertNever(mode);
  }
}
