import type { Node } from 'libpg-query';
import type { QualifiedName } from '../compiled-plan.ts';
import type { Lock } from './lock.ts';
import { LOCK_HAZARDS } from './lock-hazards.ts';
import { MEANING_HAZARDS } from './meaning-hazards.ts';
import type { PlanFacts } from './plan-facts.ts';
import type { PlanState } from './plan-state.ts';

/** The closed list; docs/hazards.md has an example of each. */
export const HAZARDS = { ...LOCK_HAZARDS, ...MEANING_HAZARDS };

export type HazardName = keyof typeof HAZARDS;

export const HAZARD_NAMES = Object.keys(HAZARDS) as readonly HazardName[];

/** A hazard in a statement. */
export interface FoundHazard {
  readonly name: HazardName;
  /** The statement or the part that holds it, as the start of a sentence. */
  readonly subject: string;
  /** The table that is locked or concerned, where one can be told. */
  readonly table: QualifiedName | null;
  /** The byte of the file at which the part starts; null for the statement's start. */
  readonly at: number | null;
  /** Where it is another one than the list says. */
  readonly lock?: Lock | null;
}

/** A statement in its place in the plan. */
export interface Look {
  readonly node: Node;
  readonly sql: string;
  readonly place: 'up' | 'undo' | 'query';
  /** What the plan has done before this statement. */
  readonly state: PlanState;
  /** What the plan does as a whole. */
  readonly facts: PlanFacts;
}

export type Finder = (look: Look) => readonly FoundHazard[];

/** The lock of a found hazard. */
export function lockOf(found: Pick<FoundHazard, 'name' | 'lock'>): Lock | null {
  return found.lock === undefined ? HAZARDS[found.name].lock : found.lock;
}
