import * as z from 'zod';

/** A plan's folder name: lower-case words joined by single hyphens, at most 40 characters, so that names made from it fit AWS's limits. */
export const PlanId = z
  .string()
  .max(40)
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'lower-case words joined by single hyphens')
  .brand('PlanId');
export type PlanId = z.infer<typeof PlanId>;

/** A phase's id; its folder is its ordinal, a hyphen and the id. */
export const PhaseId = z
  .string()
  .max(40)
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'lower-case words joined by single hyphens')
  .brand('PhaseId');
export type PhaseId = z.infer<typeof PhaseId>;

/** A transfer's id: its file's name without `.sql`; unique in its plan. */
export const TransferId = z
  .string()
  .max(40)
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'lower-case words joined by single hyphens')
  .brand('TransferId');
export type TransferId = z.infer<typeof TransferId>;

/** A run's id is its execution's name: 1 to 80 characters (Step Functions, StartExecution). */
export const RunId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,80}$/, '1 to 80 letters, digits, hyphens and underscores')
  .brand('RunId');
export type RunId = z.infer<typeof RunId>;

/** SHA-256 of a compiled plan's bytes, as 64 hexadecimal digits. */
export const PlanDigest = z
  .string()
  .regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits')
  .brand('PlanDigest');
export type PlanDigest = z.infer<typeof PlanDigest>;
