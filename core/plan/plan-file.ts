import * as z from 'zod';
import { PhaseId, TransferId } from '../ids.ts';
import type { Fraction } from './compiled-plan.ts';

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
    },
    { error: 'a map with id and, where needed, transfers, undo and because' },
  )
  .superRefine((phase, context) => {
    const refuse = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    if (phase.undo !== undefined && phase.because === undefined) refuse('undo', '"undo: none" needs a reason; add "because: …" to the phase');
    if (phase.undo === undefined && phase.because !== undefined)
      refuse('because', '"because" is the reason of "undo: none", which is missing; add it, or remove because');
    if (phase.undo !== undefined && phase.transfers !== undefined)
      refuse('undo', 'the undo of a transfer phase is made from its transfers; remove undo and because');
  })
  .meta({ dependentRequired: { undo: ['because'], because: ['undo'] } });
export type PhaseEntry = z.infer<typeof PhaseEntry>;

/** plan.yaml: the one source of its validation and of the JSON Schema for editors. */
export const PlanFile = z
  .strictObject(
    {
      title: Title.meta({ description: 'What the plan does, in one line' }),
      quality: Percentage.meta({ description: 'The share of valid rows that each quality check must reach' }).default('99%'),
      onFailure: z
        .literal('undo-all', { error: '"undo-all"' })
        .meta({ description: 'What a failure after the first change does: undo every phase, newest first' })
        .default('undo-all'),
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
  ['rollbackFor', 'the old side is not kept current after the run; say under notes how long it must stay'],
  ['window', 'a run is not ended by the clock; say under notes how long it may take, and watch it'],
  ['signOffs', 'no sign-off is asked for; say under notes who must agree, and ask them before you start the run'],
  ['fence', 'application writes are not kept out; stop them yourself before the run, and say so under notes'],
  ['when', 'every phase runs with the others; put this phase into a plan of its own and run that when it is time'],
  ['protect', 'nothing is protected by it; say under notes what must not change'],
  ['onFailure: keep-verified', 'a failure undoes every phase; use undo-all, or split the plan into several plans'],
  ['sync: forward', `rows written during the run are not carried over; stop the application's writes for the run, and use "sync: none"`],
  ['sync: both', `rows written during the run are not carried over; stop the application's writes for the run, and use "sync: none"`],
  ['deletes', 'it needs live sync; remove it'],
  ['quarantine when', 'no row is set aside; carry invalid rows over as they are, and count them in a check'],
]);

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
