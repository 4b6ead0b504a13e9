import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { replaceFile } from '../replace-file.ts';

const Time = z.iso.datetime();
const Tag = z.object({ key: z.string(), value: z.string() });
export type Tag = z.infer<typeof Tag>;

const Instance = z.object({ id: z.string(), instanceClass: z.string(), createdAt: Time, availableAt: Time, tags: z.array(Tag) });
export type Instance = z.infer<typeof Instance>;

const Cluster = z.object({
  id: z.string(),
  resourceId: z.string(),
  database: z.string(),
  user: z.string(),
  password: z.string(),
  /** `host:port/database` of a server that somebody else runs; its password is not kept. */
  server: z.string().optional(),
  /** The part of the managed secret's name after `rds!cluster-`. */
  secretName: z.string(),
  httpEndpointEnabled: z.boolean(),
  minCapacity: z.number(),
  maxCapacity: z.number(),
  createdAt: Time,
  availableAt: Time,
  tags: z.array(Tag),
  /** The first is the writer. */
  instances: z.array(Instance),
});
export type Cluster = z.infer<typeof Cluster>;

const Snapshot = z.object({
  id: z.string(),
  clusterId: z.string(),
  clusterResourceId: z.string(),
  clusterCreatedAt: Time,
  user: z.string(),
  createdAt: Time,
  /** By the clock; the copy may take longer. */
  availableAt: Time,
  copy: z.enum(['running', 'done', 'failed']),
  tags: z.array(Tag),
});
export type Snapshot = z.infer<typeof Snapshot>;

const State = z.object({ clusters: z.array(Cluster), snapshots: z.array(Snapshot) });

/** What the control plane knows; changed in place, then saved. */
export type State = z.infer<typeof State>;

/** @throws when the file is there and is not ours. */
export function loadState(file: string): State {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return { clusters: [], snapshots: [] };
  }
  return State.parse(JSON.parse(text));
}

/** All or nothing; only the owner may read it, since it holds passwords. */
export function saveState(file: string, state: State): void {
  replaceFile(file, JSON.stringify(state, null, 2), 0o600);
}
