/** Every zone's offset is below this: the furthest are UTC-12 and UTC+14. */
const DAY_MS = 86_400_000;

/**
 * The moment of a local time `yyyy-mm-ddThh:mm:ss` in an IANA zone.
 *
 * Undefined when a clock change skips that time; the first of two when one repeats it (EventBridge Scheduler, daylight saving).
 * @throws {RangeError} when there is no such zone or time.
 */
export function zonedTime(local: string, zone: string): Date | undefined {
  const asUtc = Date.parse(`${local}Z`);
  if (Number.isNaN(asUtc)) throw new RangeError(`${local} is no time; write yyyy-mm-ddThh:mm:ss`);
  const offsets = [asUtc - DAY_MS, asUtc + DAY_MS].map((at) => localAsUtc(at, zone) - at);
  const fitting = offsets.map((offset) => asUtc - offset).filter((at) => localAsUtc(at, zone) === asUtc);
  return fitting.length === 0 ? undefined : new Date(Math.min(...fitting));
}

function localAsUtc(at: number, zone: string): number {
  // Swedish writes a date and a time as ISO 8601 does.
  const text = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(at);
  return Date.parse(`${text.replace(' ', 'T')}Z`);
}
