import { PlanDigest, PlanId } from '../core/ids.ts';
import { Mode } from '../core/run/mode.ts';

/** One run at one time. */
export interface OneTimeSchedule {
  readonly plan: string;
  readonly mode: Mode;
  /** Wall-clock time in `zone`, to the minute: 2026-11-29T02:00 */
  readonly at: string;
  /** An IANA zone: Europe/Berlin */
  readonly zone: string;
  /** What was signed: the run is refused when the stack deploys another digest of the plan by then. */
  readonly digest: string;
}

/** What EventBridge Scheduler is told, whether by the stack or by the command line. */
export interface ScheduledStart {
  /** At most 64 characters (CreateSchedule); also the execution's name, so that a second delivery starts no second run. */
  readonly name: string;
  readonly expression: string;
  readonly zone: string;
  /** The request of states:StartExecution, names in upper camel case as universal targets want them. */
  readonly input: string;
}

/** A start that comes late has lost its window; EventBridge would try for a day (24 h, 185 times). */
export const RETRY = { maximumEventAgeInSeconds: 300, maximumRetryAttempts: 3 } as const;

/**
 * Turns a schedule into a request.
 *
 * @throws when a field is wrong, or when clocks in the zone skip that time, since EventBridge then starts nothing.
 */
export function scheduledStart(schedule: OneTimeSchedule, stateMachineArn: string): ScheduledStart {
  const plan = PlanId.parse(schedule.plan);
  const mode = Mode.parse(schedule.mode);
  const digest = PlanDigest.parse(schedule.digest);
  const start = instantOf(schedule);
  const name = `${mode}-${plan}-${schedule.at.replaceAll(/[-:]/g, '')}`;
  return {
    name,
    expression: `at(${schedule.at}:00)`,
    zone: schedule.zone,
    input: JSON.stringify({
      StateMachineArn: stateMachineArn,
      Name: name,
      Input: JSON.stringify({ plan, mode, digest, start: start.toISOString() }),
    }),
  };
}

/** What a clock in the zone calls that time; the first of the two where it is set back. */
function instantOf({ at, zone }: OneTimeSchedule): Date {
  const wanted = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(at) ? Date.parse(`${at}Z`) : Number.NaN;
  if (Number.isNaN(wanted) || new Date(wanted).toISOString() !== `${at}:00.000Z`) {
    throw new Error(`"${at}" is not a time; write it to the minute, without a zone: 2026-11-29T02:00`);
  }
  const clock = wallClock(zone);
  // The offset at the wanted time, taken once from each side of a possible change of clocks.
  const candidates = [wanted - 86_400_000, wanted + 86_400_000].map((near) => wanted - (clock(near) - near));
  const instant = candidates.find((one) => clock(one) === wanted);
  if (instant === undefined) {
    throw new Error(`clocks in ${zone} skip ${at}, so that nothing would start; choose another time`);
  }
  return new Date(instant);
}

/** Maps an instant to what a clock in the zone shows then, as if it were UTC; both in milliseconds. */
function wallClock(zone: string): (instant: number) => number {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  } catch (error) {
    throw new Error(`"${zone}" is not a time zone; give a name of the IANA list, like Europe/Berlin`, { cause: error });
  }
  return (instant) => Date.parse(`${format.format(instant).replace(' ', 'T')}Z`);
}
