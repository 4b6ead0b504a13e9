import * as z from 'zod';
import { PhaseId, TransferId } from '../ids.ts';
import type { Fraction } from './compiled-plan.ts';
import { NAME_PATTERN } from './sql-tree.ts';

// Each `error` says what is allowed; parse-plan-file.ts says where, and what was there instead.

/** What PhaseId and TransferId allow. */
export const ID_RULE = 'lower-case words joined by single hyphens, at most 40 characters, such as "copy-customers"';
// PostgreSQL's text cannot hold a NUL character, which YAML can write as an escape.
const TEXT_RULE = 'text that is not empty, without NUL characters';

const Text = z.string({ error: TEXT_RULE }).regex(/^[^\0]*\S[^\0]*$/, { error: TEXT_RULE });

const TITLE_RULE = 'one line of text';
const Title = z.string({ error: TITLE_RULE }).regex(/^[^\0\n]*\S[^\0\n]*$/, { error: TITLE_RULE });

const PERCENTAGE_RULE = 'a percentage above 0% and up to 100%, such as 99% or 99.5%';
const Percentage = z.string({ error: PERCENTAGE_RULE }).regex(/^(?!0+(\.0+)?%$)(100(\.0+)?|\d{1,2}(\.\d{1,6})?)%$/, { error: PERCENTAGE_RULE });

/** A way back that is kept up longer than a quarter of a year is a second system. */
const MOST_HOURS = 90 * 24;
const HOURS_RULE = 'a number of hours or days, up to 90 days, such as 48h or 2d';
const Hours = z
  .string({ error: HOURS_RULE })
  .regex(/^[1-9]\d{0,3}[hd]$/, { error: HOURS_RULE })
  .refine((text) => hoursOf(text) <= MOST_HOURS, {
    error: ({ input }) => `"rollbackFor" must be ${HOURS_RULE}; got ${JSON.stringify(input)}`,
  });

/** The state machine's own limit (infra/state-machine.asl.ts). */
const LONGEST_WINDOW_MINUTES = 48 * 60;
const SHORTEST_WINDOW_MINUTES = 5;
const WINDOW_RULE = 'a number of minutes, hours or days, from 5m to 48h, such as 90m or 2h';
const Window = z
  .string({ error: WINDOW_RULE })
  .regex(/^[1-9]\d{0,3}[mhd]$/, { error: WINDOW_RULE })
  .refine((text) => minutesOf(text) >= SHORTEST_WINDOW_MINUTES && minutesOf(text) <= LONGEST_WINDOW_MINUTES, {
    error: ({ input }) => `"window" must be ${WINDOW_RULE}; got ${JSON.stringify(input)}`,
  });

const TABLE_RULE = 'the name of a table, such as customers or sales.orders';
const TableName = z.string({ error: TABLE_RULE }).regex(NAME_PATTERN, { error: TABLE_RULE });

export const PhaseEntry = z
  .strictObject(
    {
      id: PhaseId.meta({ description: 'The phase; its folder is its number, a hyphen and this id: 1-schema' }),
      transfers: z
        .array(TransferId, { error: 'a list of transfer ids, such as [customers, orders]' })
        .min(1, { error: 'a list with at least one transfer id' })
        .meta({ description: `Moves rows in batches: each entry is a file of that name with .sql in the phase's folder` })
        .optional(),
      undo: z
        .literal('none', { error: '"none", or left out when the phase has an undo.sql' })
        .meta({ description: 'The phase cannot be undone; `because` says why' })
        .optional(),
      because: Text.meta({ description: 'Why the phase needs no undo' }).optional(),
      fence: z.boolean({ error: 'true or false' }).meta({ description: 'Keeps application writes out while the phase runs' }).optional(),
      cutover: z
        .enum(['flag', 'rename'], { error: '"flag", where the application switches by itself, or "rename", where up.sql renames tables' })
        .meta({
          description: 'After this phase the application may write on the new side: by its own flag, or under names that up.sql gives to tables',
        })
        .optional(),
      when: z
        .literal('cleanup', { error: '"cleanup", or left out for a phase that runs with the others' })
        .meta({ description: 'Runs later, in mode cleanup, when no rollback is wanted any more' })
        .optional(),
      protect: z
        .array(TableName, { error: 'a list of tables, such as [customers, sales.orders]' })
        .min(1, { error: 'a list with at least one table' })
        .meta({ description: 'Tables whose rows are copied as they were before the statements of this phase change them' })
        .optional(),
    },
    { error: 'a map with id and, where needed, transfers, undo, because, fence, cutover, when and protect' },
  )
  .superRefine((phase, context) => {
    const refuse = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    if (phase.undo !== undefined && phase.because === undefined) refuse('undo', '"undo: none" needs a reason; add "because: …" to the phase');
    if (phase.undo === undefined && phase.because !== undefined)
      refuse('because', '"because" is the reason of "undo: none", which is missing; add it, or remove because');
    if (phase.undo !== undefined && phase.transfers !== undefined)
      refuse('undo', 'the undo of a transfer phase is made from its transfers; remove undo and because');
    for (const [key, message] of misplaced(phase)) refuse(key, message);
  })
  .meta({ dependentRequired: { undo: ['because'], because: ['undo'] } });
export type PhaseEntry = z.infer<typeof PhaseEntry>;

/** Keys that another key of the phase leaves without a meaning, and what to do. */
function misplaced(phase: Readonly<Record<string, unknown>>): readonly (readonly [string, string])[] {
  const faults: readonly (readonly [boolean, string, string])[] = [
    [
      phase.transfers !== undefined && phase.cutover !== undefined,
      'cutover',
      'rows are copied before a cutover; give it a phase of its own, whose up.sql grants the application its writes on the new side',
    ],
    [
      phase.cutover === 'rename' && phase.fence !== true,
      'cutover',
      'under a name that now means another table the application would write where it does not mean to; add "fence: true", which keeps it out meanwhile',
    ],
    [
      phase.cutover === 'rename' && phase.undo !== undefined,
      'undo',
      'a way back that keeps every write needs the names of before; write an undo.sql that renames back, and remove undo and because',
    ],
    [
      phase.cutover === 'rename' && phase.protect !== undefined,
      'protect',
      '"protect" is for rows that up.sql changes, and with "cutover: rename" it changes none; remove it',
    ],
    [
      phase.transfers !== undefined && phase.protect !== undefined,
      'protect',
      '"protect" is for the statements of an up.sql; a transfer changes no row of its sources, so remove it',
    ],
    [phase.transfers !== undefined && phase.when !== undefined, 'when', 'rows move with the run and not in mode cleanup; remove it'],
    [
      phase.protect !== undefined && phase.undo !== undefined,
      'protect',
      '"protect" keeps what an undo puts back, and this phase has none; remove one of the two',
    ],
    [
      phase.when !== undefined && phase.undo === undefined,
      'when',
      '"when: cleanup" ends the way back, so the phase has no undo; add "undo: none" and "because: …"',
    ],
    [
      phase.when !== undefined && phase.cutover !== undefined,
      'cutover',
      'the cutover is part of the run, and cleanup comes long after it; remove one of the two',
    ],
    [phase.when !== undefined && phase.fence === true, 'fence', 'mode cleanup raises no fence, since nobody uses the old side by then; remove it'],
  ];
  return faults.filter(([found]) => found).map(([, key, message]) => [key, message] as const);
}

/** plan.yaml: the one source of its validation and of the JSON Schema for editors. */
export const PlanFile = z
  .strictObject(
    {
      title: Title.meta({ description: 'What the plan does, in one line' }),
      quality: Percentage.meta({ description: 'The share of valid rows that each quality check must reach' }).default('99%'),
      onFailure: z
        .enum(['undo-all', 'keep-verified'], { error: '"undo-all", or "keep-verified", which keeps the phases that are applied and verified' })
        .meta({ description: 'What a failure after the first change does: undo every phase, newest first, or only what is not whole' })
        .default('undo-all'),
      window: Window.meta({
        description: 'The longest that a run may take; it stops, and goes back, while that still holds the undo. No limit unless given',
      }).optional(),
      rollbackFor: Hours.meta({
        description: 'How long after the run the old side stays current, and cleanup has to wait; 48h unless given',
      }).optional(),
      notes: z.array(Text, { error: 'a list of texts' }).meta({ description: 'What only people can judge; shown as not checked' }).default([]),
      phases: z
        .array(PhaseEntry, { error: 'a list of phases, such as [{ id: schema }]' })
        .min(1, { error: 'a list with at least one phase' })
        .meta({ description: 'The parts that commit, are verified and are undone as one, in running order' }),
    },
    { error: 'a map with title and phases' },
  )
  .meta({ title: 'Stepgate plan' });
export type PlanFile = z.infer<typeof PlanFile>;

/** Keys and values that are part of the plan format but that nothing enforces yet, and what to do meanwhile. */
export const NOT_ENFORCED: ReadonlyMap<string, string> = new Map([
  ['signOffs', 'no sign-off is asked for; say under notes who must agree, and ask them before you start the run'],
]);

/** "48h" and "2d" in hours. */
export function hoursOf(duration: string): number {
  return Number(duration.slice(0, -1)) * (duration.endsWith('d') ? 24 : 1);
}

/** "90m", "2h" and "1d" in minutes. */
export function minutesOf(duration: string): number {
  return duration.endsWith('m') ? Number(duration.slice(0, -1)) : hoursOf(duration) * 60;
}

/** "99.5%" is 199/200: exact, since a share is compared with integers only. */
export function fractionOf(percentage: string): Fraction {
  const [whole = '', decimals = ''] = percentage.slice(0, -1).split('.');
  const numerator = Number(whole + decimals);
  const denominator = 100 * 10 ** decimals.length;
  const divisor = greatestCommonDivisor(numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
