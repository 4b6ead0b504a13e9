import type { Transfer } from '../plan/compiled-plan.ts';

/** Whether changes are carried while and after the transfer copies. */
export function isSynced({ sync }: Pick<Transfer, 'sync'>): boolean {
  return sync !== 'none';
}
