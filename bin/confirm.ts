import { assertNever } from '../core/assert-never.ts';
import type { CompiledPlan, Phase } from '../core/plan/compiled-plan.ts';
import { counted, durationInWords } from '../core/run/in-words.ts';
import type { Mode } from '../core/run/mode.ts';
import { NoRunError } from './no-run-error.ts';
import type { Terminal } from './shell.ts';

/**
 * Shows what is about to happen and asks for a yes.
 *
 * @throws {NoRunError} on any other answer, or when nobody can be asked.
 */
export async function confirm(
  terminal: Terminal,
  {
    plan,
    verb,
    to,
    restores = false,
  }: { readonly plan: CompiledPlan; readonly verb: Mode; readonly to?: string | undefined; readonly restores?: boolean },
): Promise<void> {
  if (!terminal.canAsk) throw new NoRunError(`${verb} changes the database and asks first, but there is no terminal to ask on; add --yes`);
  for (const line of restores ? restoreLines(plan) : planLines(plan, verb, to)) terminal.say(line);
  const answer = await terminal.ask(`${verb} ${plan.id}? Type yes to go on: `);
  if (answer.trim().toLowerCase() !== 'yes') throw new NoRunError(`not confirmed, nothing was done`);
}

/** What a restore takes with it. */
function restoreLines(plan: CompiledPlan): readonly string[] {
  return [
    `${plan.id}: ${plan.title}`,
    '  the snapshot from before the first change is restored into a new cluster, with the settings of this one',
    '  where the stack swaps, that cluster gets the name of this one; this one is kept under another name',
    '  lost to whoever uses it then: every write since the snapshot, by the application and by anybody else. They stay in the old cluster only',
  ];
}

/** A plan as someone who signs for it wants to see it; `to` is the phase that a rollback leaves. */
export function planLines(plan: CompiledPlan, verb: Mode, to?: string): readonly string[] {
  const stays = plan.phases.find(({ id }) => id === to)?.ordinal ?? 0;
  const ofRun = plan.phases.filter(({ when, ordinal }) => when === (verb === 'cleanup' ? 'cleanup' : 'run') && ordinal > stays);
  const phases = verb === 'rollback' ? ofRun.toReversed() : ofRun;
  return [
    `${plan.id}: ${plan.title}`,
    ...phases.map((phase) => `  ${phase.ordinal} ${phase.id.padEnd(12)} ${verb === 'rollback' ? undoInWords(phase) : upInWords(phase)}`),
    ...(to === undefined ? [] : [`  phase ${to} and those before it stay; an execute goes on from there`]),
    ...(verb === 'cleanup' ? [`  live sync ends, and with it the way back: a rollback is refused from then on`] : []),
    ...(verb === 'execute' ? [`  ${counted(plan.before.length, 'check')} before, ${counted(plan.after.length, 'check')} after`] : []),
    ...(verb === 'execute' && plan.windowMinutes !== null
      ? [`  window ${durationInWords(plan.windowMinutes * 60_000)}: the run goes back while it still holds the undo`]
      : []),
    ...acceptedLines(plan),
    ...plan.notes.map((note) => `  not checked: ${note}`),
  ];
}

/** The dangers that the plan takes on, each with its reason. */
export function acceptedLines(plan: CompiledPlan): readonly string[] {
  return plan.accepted.map(({ hazard, table, because, file, line }) => {
    const where = table === null ? '' : ` on ${table.name}`;
    return `  accepted: ${hazard}${where} (${file}:${line}) because ${because}`;
  });
}

export function upInWords(phase: Phase): string {
  switch (phase.kind) {
    case 'transaction':
      return `${counted(phase.up.length, 'statement')} in one transaction, with ${counted(phase.verify.length, 'check')}`;
    case 'long':
      return `${counted(phase.up.length, 'statement')} that no transaction can hold, one after another`;
    case 'transfer':
      return `rows in batches: ${phase.transfers.map(({ from, into }) => `${from.name} → ${into.name}`).join(', ')}`;
    default:
      return assertNever(phase);
  }
}

function undoInWords(phase: Phase): string {
  if (phase.kind === 'transfer') return `takes out what was copied: ${phase.transfers.map(({ into }) => into.name).join(', ')}`;
  return phase.undo === null ? `nothing to undo: ${phase.because ?? ''}` : `${counted(phase.undo.length, 'statement')} of undo.sql`;
}
