import * as z from 'zod';
import { counted } from './in-words.ts';

/** How busy the server is with others' work; null is what it, or this role, is not told. */
export const ServerLoad = z.object({
  /** Sessions that wait for locks of a run. */
  waiting: z.number().int(),
  /** Sessions at work that are no run's, and how many of them are no more than usual. */
  active: z.number().int(),
  mostActive: z.number().int(),
  /** How far the write-ahead log has come. */
  walBytes: z.number().nullable(),
  /** How many follow it. */
  replicas: z.number().int(),
  /** How far the slowest replica is behind. */
  lagMs: z.number().nullable(),
  /** When this was so. */
  atMs: z.number(),
});
export type ServerLoad = z.infer<typeof ServerLoad>;

/** Half of what a network of one gigabit carries to a replica: the other half is the application's. */
const MOST_BYTES_TO_REPLICAS = 64 * 1024 ** 2;

/** Without replicas the log goes to a disk alone: half of what a usual one takes at most (512 MiB a second). */
const MOST_BYTES_TO_DISK = 256 * 1024 ** 2;

/** Who reads from a replica that is further behind sees it: a page loaded again shows the old state. */
const MOST_LAG_MS = 5_000;

/** Over less, a rate is that of one commit. */
const MEASURED_MS = 1_000;

/** Why the next batch should wait; null when nothing speaks against it. `last` is an earlier look, for what only two can tell. */
export function reasonToPause(now: ServerLoad, last: ServerLoad | null): string | null {
  if (now.waiting > 0) {
    return `${counted(now.waiting, 'session')} waiting for a lock of the run`;
  }
  if (now.active > now.mostActive) {
    return `${now.active} sessions at work, more than ${now.mostActive}`;
  }
  if (now.lagMs !== null && now.lagMs > MOST_LAG_MS) {
    return `a replica is ${Math.round(now.lagMs / 1000)} s behind`;
  }
  const rate = walBytesPerSecond(now, last);
  const most = now.replicas > 0 ? MOST_BYTES_TO_REPLICAS : MOST_BYTES_TO_DISK;
  return rate !== null && rate > most ? `the write-ahead log grows by ${Math.round(rate / 1024 ** 2)} MiB a second` : null;
}

/** The look that the next one is held against: this one, unless the last is too young to be a measure of anything. */
export function kept(now: ServerLoad, last: ServerLoad | null): ServerLoad {
  return last === null || now.atMs - last.atMs >= MEASURED_MS ? now : last;
}

function walBytesPerSecond(now: ServerLoad, last: ServerLoad | null): number | null {
  if (now.walBytes === null || last === null || last.walBytes === null || now.atMs - last.atMs < MEASURED_MS) {
    return null;
  }
  return ((now.walBytes - last.walBytes) * 1000) / (now.atMs - last.atMs);
}
