import { createHash } from 'node:crypto';
import { PlanDigest, PlanId } from '../core/ids.ts';

/** A compiled plan's text, and the digest of its bytes. */
export interface PlanDocument {
  readonly json: string;
  readonly digest: string;
}

export interface DeployedPlan {
  readonly id: PlanId;
  readonly digest: PlanDigest;
  readonly json: string;
}

/** A function's environment holds 4 KB (Lambda quotas); a plan's id and digest take up to 115 bytes of it. */
const PLANS_MAX = 25;

/**
 * Checks what is to be deployed.
 *
 * @throws when there is no plan or are too many, an id is none, or a digest is not that of the text.
 */
export function deployedPlans(plans: Readonly<Record<string, PlanDocument>>): readonly DeployedPlan[] {
  const entries = Object.entries(plans);
  if (entries.length === 0 || entries.length > PLANS_MAX) {
    throw new Error(
      `a stack holds 1 to ${PLANS_MAX} plans, got ${entries.length}; ${entries.length === 0 ? 'write one' : 'split them over several stacks'}`,
    );
  }
  return entries.map(([id, { json, digest }]) => {
    const actual = createHash('sha256').update(json, 'utf8').digest('hex');
    if (actual !== digest) {
      throw new Error(`plan ${id}: its digest is said to be ${digest}, but its text has ${actual}; pass what loadPlans returned`);
    }
    return { id: PlanId.parse(id), digest: PlanDigest.parse(digest), json };
  });
}
