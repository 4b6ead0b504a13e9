import type { Transfer } from '../plan/compiled-plan.ts';

/** A transfer, and where its plan has it. */
export function describeTransfer({ id, file, line }: Transfer): string {
  return `transfer ${id} (${file}:${line})`;
}
