import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { replaceFile } from '../replace-file.ts';

const Time = z.iso.datetime();
const Tag = z.object({ key: z.string(), value: z.string() });
export type Tag = z.infer<typeof Tag>;

/** What a caller chose, by the parameter's name. */
const Settings = z.record(z.string(), z.union([z.string(), z.array(z.string())])).default({});
export type Settings = z.infer<typeof Settings>;

/** What is on its way and comes true by the clock: another name, or the end. */
const Change = z.object({ to: z.string().nullable(), at: Time }).optional();

const Instance = z.object({
  id: z.string(),
  instanceClass: z.string(),
  createdAt: Time,
  availableAt: Time,
  tags: z.array(Tag),
  settings: Settings,
  change: Change,
});
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
  /** Whether RDS made the secret and takes it away with the cluster. */
  managesSecret: z.boolean().default(true),
  httpEndpointEnabled: z.boolean(),
  /** Under which name the endpoint was switched on, where that is not this one: it answers there no more, and not here yet. */
  httpEndpointOf: z.string().optional(),
  settings: Settings,
  change: Change,
  /** Below `clusters/`; a name that was given away stays the folder's. */
  folder: z.string().optional(),
  /** The snapshot whose copy the data folder is, and whether it is there. */
  restored: z.object({ from: z.string(), copy: z.enum(['running', 'done', 'failed']) }).optional(),
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
  /** Of the cluster then: what a restored one has. Older snapshots do not say, and cannot be restored. */
  cluster: z.object({ database: z.string(), password: z.string(), secretName: z.string(), managesSecret: z.boolean() }).optional(),
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
