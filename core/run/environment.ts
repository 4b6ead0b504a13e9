import * as z from 'zod';
import { RESTORE_POLICIES } from './restore-work.ts';

/** `none` is an operator's own word: nothing is taken before the first change, and every gate and the report say so. */
export const SNAPSHOT_POLICIES = ['required', 'none'] as const;
export type SnapshotPolicy = (typeof SNAPSHOT_POLICIES)[number];

/** The names of the variables that tell a function where things are; the construct and the local engine set the same ones. */
export const Environment = z.object({
  STEPGATE_CLUSTER_ID: z.string().min(1),
  STEPGATE_CLUSTER_ARN: z.string().min(1),
  STEPGATE_SECRET_ARN: z.string().min(1),
  STEPGATE_DATABASE: z.string().min(1),
  STEPGATE_PLAN_BUCKET: z.string().min(1),
  STEPGATE_REPORT_BUCKET: z.string().min(1),
  STEPGATE_TOPIC_ARN: z.string().min(1),
  /** JSON: each plan's id with the digest that this stack deploys. */
  STEPGATE_PLANS: z.string().min(2),
  STEPGATE_SNAPSHOT: z.enum(SNAPSHOT_POLICIES),
  STEPGATE_RESTORE: z.enum(RESTORE_POLICIES),
  /** JSON: the names of the cluster's instances that this stack may change, as IAM matches them. */
  STEPGATE_INSTANCES: z.string().min(2),
  /** JSON of a RunPlace: how commands in a report reach the place of the run. */
  STEPGATE_PLACE: z.string().min(2),
  /** JSON of a DeadManPlace; empty for the door that it names, which CloudFormation cannot tell of itself. */
  STEPGATE_DEAD_MAN: z.string().default(''),
});
export type Environment = z.infer<typeof Environment>;
