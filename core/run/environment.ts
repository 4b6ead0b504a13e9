import * as z from 'zod';

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
});
export type Environment = z.infer<typeof Environment>;
