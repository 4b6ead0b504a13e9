import { commandAt, type RunPlace } from './run-place.ts';

/** Lifts a fence when no run is at work; a person types it, as the migrator. */
export function liftByHand(plan: string, place: RunPlace): string {
  const url = place.kind === 'embedded' ? `$(${commandAt(place, 'npx stepgate local psql-url')})` : '$DATABASE_URL';
  return `psql "${url}" -c "${lowerFenceSql(plan)}"`;
}

export function lowerFenceSql(plan: string): string {
  return `select stepgate.lower_fence('${plan}')`;
}

/** A session that may still write though the fence is raised. */
export interface FenceHolder {
  /** Null: a prepared transaction, which no session holds. */
  readonly pid: number | null;
  readonly role: string;
  readonly state: string;
  readonly seconds: number;
}

export function describeHolder({ pid, role, state, seconds }: FenceHolder): string {
  return `${pid === null ? state : `backend ${pid}`} of role ${role}${pid === null ? '' : ` (${state})`}, ${seconds} s old`;
}
