import * as z from 'zod';
import { RestoreWork } from './restore-work.ts';

const at = z.iso.datetime();

/** Written before the first call: what a restore is to do. */
export const RestoreBegun = z.object({ kind: z.literal('restore'), at, ...RestoreWork.shape });

/** Written before each call. */
export const RestoreStepBegun = z.object({
  kind: z.literal('restore-step'),
  at,
  step: z.enum([
    'restore-cluster',
    'set-maintenance',
    'create-instance',
    'switch-endpoint',
    'rename-cluster',
    'rename-instance',
    'verify',
    'confirm',
  ]),
  /** In words: `rename cluster crm to crm-before-1a2b3c4d`. */
  what: z.string(),
});

const Difference = z.object({ what: z.string(), before: z.string(), after: z.string() });

/** The restored database against the digests that the run took before its first change. */
export const RestoreVerified = z.object({
  kind: z.literal('restore-verified'),
  at,
  /** Of the cluster that was looked at. */
  resourceId: z.string(),
  schemaEqual: z.boolean(),
  tables: z.number().int(),
  rows: z.number().int(),
  /** Written between the snapshot and the digests, or not the database of before: nobody can tell. */
  differences: z.array(Difference),
});

/** The restored database answered under the old name. */
export const RestoreConfirmed = z.object({ kind: z.literal('restore-confirmed'), at, resourceId: z.string() });

/** Something is wrong for good: what is half swapped goes back from here on. */
export const RestoreFailure = z.object({ kind: z.literal('restore-failure'), at, because: z.string() });

export const RestoreEnded = z.object({
  kind: z.literal('restore-ended'),
  at,
  /** `none`: nothing was begun. */
  end: z.enum(['restored', 'prepared', 'failed', 'none']),
  because: z.string(),
});

export const RESTORE_ENTRIES = [RestoreBegun, RestoreStepBegun, RestoreVerified, RestoreConfirmed, RestoreFailure, RestoreEnded] as const;
