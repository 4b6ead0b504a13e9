import * as z from 'zod';

/** What stands for a snapshot where no RDS takes one; `none` is an operator's word, not a default. */
export const SnapshotChoice = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('commands'), take: z.string(), restore: z.string() }).readonly(),
  z.object({ kind: z.literal('none') }).readonly(),
]);
export type SnapshotChoice = z.infer<typeof SnapshotChoice>;
