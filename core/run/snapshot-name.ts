import type { PlanId, RunId } from '../ids.ts';

/** The longest name that RDS takes (Amazon Aurora User Guide, CreateDBClusterSnapshot). */
const MOST_CHARACTERS = 63;

/** Days that a snapshot is kept after its run, tagged and named in the report; a person deletes it. */
const SNAPSHOT_DAYS = 35;

/**
 * A legal and deterministic name, so that a second try finds the first one's snapshot: letters, digits, single hyphens, a letter first.
 *
 * Run ids that become alike by cutting, and runs of one name in two stacks, are told apart by `hash`: at least 8 hexadecimal digits of the
 * execution ARN's hash.
 */
export function snapshotName({ plan, run, hash }: { readonly plan: PlanId; readonly run: RunId; readonly hash: string }): string {
  const tail = `-${hash.slice(0, 8)}`;
  const head = `stepgate-${run.startsWith(plan) ? run : `${plan}-${run}`}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MOST_CHARACTERS - tail.length)
    .replace(/-+$/, '');
  return head + tail;
}

/** Until when a snapshot is kept, as its tag says it. */
export function keepUntil(requestedAt: Date): string {
  return new Date(requestedAt.getTime() + SNAPSHOT_DAYS * 86_400_000).toISOString();
}
