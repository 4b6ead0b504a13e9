import * as z from 'zod';
import { InputRefusedError, PlanNotFoundError } from '../errors.ts';
import { PhaseId, PlanDigest, PlanId } from '../ids.ts';
import { ACCEPTANCE } from './acceptance.ts';
import { MODES, MODES_NOT_BUILT, type Mode } from './mode.ts';

/** Plans that a stack deploys: id to digest. */
export const DeployedPlans = z.record(PlanId, PlanDigest);
export type DeployedPlans = z.infer<typeof DeployedPlans>;

/** What the input asks for beyond plan and mode; a rollback reads it. */
export const Asked = z
  .object({
    /** The digest of the differences that the operator accepts as they are. */
    accept: z.string().nullable(),
    /** Whether the input names the digest: a rollback then undoes by that plan, and otherwise by the one in force. */
    isDigestGiven: z.boolean(),
    /** The phase that a rollback goes back to, and that stays; null for everything. */
    to: PhaseId.nullable().default(null),
    /** How a rollback goes back: 2 undoes the phases, 3 restores the snapshot and loses every write since. */
    level: z.union([z.literal(2), z.literal(3)]).default(2),
  })
  .default({ accept: null, isDigestGiven: false, to: null, level: 2 });
export type Asked = z.infer<typeof Asked>;

export const NOTHING_ASKED: Asked = { accept: null, isDigestGiven: false, to: null, level: 2 };

export interface RunRequest {
  readonly plan: PlanId;
  readonly mode: Mode;
  readonly digest: PlanDigest;
  readonly asked: Asked;
  /** When a schedule meant the run to start; null where a person starts it. */
  readonly start: Date | null;
}

const KEYS = ['plan', 'mode', 'digest', 'accept', 'to', 'level', 'start', 'Comment'];

/**
 * Reads an execution's input, as a console user pastes it.
 *
 * @throws {InputRefusedError} for anything but an object of known keys and values; the message gives a line to paste.
 * @throws {PlanNotFoundError} for a plan, or a digest of it, that this stack does not hold.
 */
export function parseRunInput(input: unknown, deployed: DeployedPlans): RunRequest {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new InputRefusedError(`the input must be a JSON object, got ${describe(input)}; paste ${pasteLines(deployed)}`);
  }
  const given = input as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(given).filter((key) => !KEYS.includes(key));
  if (unknown.length > 0) {
    throw new InputRefusedError(`the input has unknown keys: ${unknown.join(', ')}; allowed are ${KEYS.join(', ')}`);
  }
  const plan = chosenPlan(given.plan, deployed);
  const digest = Object.hasOwn(deployed, plan) ? deployed[plan] : undefined;
  if (digest === undefined) {
    throw new PlanNotFoundError(`this stack has no plan ${JSON.stringify(plan)}; it has ${planNames(deployed)}`);
  }
  const mode = chosenMode(given.mode);
  const asked = {
    accept: checkedAccept(given.accept, mode),
    isDigestGiven: given.digest !== undefined,
    to: checkedGoal(given, mode),
    level: chosenLevel(given, mode),
  };
  return { plan, mode, digest: checkedDigest(given.digest, plan, digest), asked, start: checkedStart(given.start) };
}

function checkedAccept(given: unknown, mode: Mode): string | null {
  if (given === undefined) return null;
  if (typeof given !== 'string' || !ACCEPTANCE.test(given)) {
    throw new InputRefusedError(`accept must be the 12 hexadecimal characters that a halted rollback names, got ${describe(given)}`);
  }
  if (mode !== 'rollback') {
    throw new InputRefusedError(`accept goes with mode rollback, got mode ${mode}`);
  }
  return given;
}

function checkedGoal({ to, accept }: Readonly<Record<string, unknown>>, mode: Mode): PhaseId | null {
  if (to === undefined) return null;
  const parsed = PhaseId.safeParse(to);
  if (!parsed.success) {
    throw new InputRefusedError(`to must be the id of a phase that stays, got ${describe(to)}`);
  }
  if (mode !== 'rollback') {
    throw new InputRefusedError(`to goes with mode rollback, got mode ${mode}`);
  }
  if (accept !== undefined) {
    throw new InputRefusedError('accept goes with a rollback of everything, which is compared with the state of before; leave out accept or to');
  }
  return parsed.data;
}

function checkedStart(given: unknown): Date | null {
  if (given === undefined) return null;
  const start = z.iso.datetime().safeParse(given);
  if (!start.success) throw new InputRefusedError(`start must be a time in UTC, such as 2026-11-29T01:00:00Z, got ${describe(given)}`);
  return new Date(start.data);
}

function chosenLevel({ level: given, to, accept }: Readonly<Record<string, unknown>>, mode: Mode): Asked['level'] {
  if (given === undefined) return 2;
  if (given !== 2 && given !== 3) {
    throw new InputRefusedError(`level must be 2 (undo the phases) or 3 (restore the snapshot), got ${describe(given)}`);
  }
  if (mode !== 'rollback') {
    throw new InputRefusedError(`level goes with mode rollback, got mode ${mode}`);
  }
  if (given === 3 && (to !== undefined || accept !== undefined)) {
    throw new InputRefusedError('level 3 undoes no phase: leave out to and accept');
  }
  return given;
}

function chosenPlan(given: unknown, deployed: DeployedPlans): PlanId {
  const plans = Object.keys(deployed) as PlanId[];
  const [only] = plans;
  if (given === undefined && plans.length === 1 && only !== undefined) {
    return only;
  }
  if (given === undefined) {
    throw new InputRefusedError(`the input names no plan and this stack has ${plans.length}; paste ${pasteLines(deployed)}`);
  }
  const parsed = PlanId.safeParse(given);
  if (!parsed.success) {
    throw new InputRefusedError(`plan must be a plan's id, got ${describe(given)}; this stack has ${planNames(deployed)}`);
  }
  return parsed.data;
}

function chosenMode(given: unknown): Mode {
  if (given === undefined) {
    return 'dry-run';
  }
  const mode = MODES.find((known) => known === given);
  if (mode !== undefined) {
    return mode;
  }
  const notBuilt = MODES_NOT_BUILT.some((known) => known === given);
  throw new InputRefusedError(
    `${notBuilt ? `mode ${String(given)} is not built in this version` : `mode ${describe(given)} is unknown`}; allowed are ${MODES.join(', ')}`,
  );
}

function checkedDigest(given: unknown, plan: PlanId, deployed: PlanDigest): PlanDigest {
  if (given === undefined || given === deployed) {
    return deployed;
  }
  throw new PlanNotFoundError(
    `plan ${plan} has digest ${deployed} here, the input asks for ${describe(given)}; deploy that plan, or give the digest of this one after reading it`,
  );
}

function pasteLines(deployed: DeployedPlans): string {
  const lines = Object.keys(deployed).map((plan) => JSON.stringify({ plan, mode: 'dry-run' }));
  return lines.length === 0 ? 'nothing: this stack has no plans' : lines.join(' or ');
}

function planNames(deployed: DeployedPlans): string {
  return Object.keys(deployed).join(', ') || 'none';
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
