import * as z from 'zod';

/** What a run can be asked to do. */
export const MODES = ['dry-run', 'backup', 'execute', 'verify', 'rollback', 'cleanup'] as const;
export const Mode = z.enum(MODES);
export type Mode = z.infer<typeof Mode>;

/** Modes of the design that this version refuses by name, so that nobody takes silence for success. */
export const MODES_NOT_BUILT = ['rehearse'] as const;

/** Only a run that changes the database takes the lock and writes the ledger. */
export function changesDatabase(mode: Mode): boolean {
  return mode === 'execute' || mode === 'rollback' || mode === 'cleanup';
}
