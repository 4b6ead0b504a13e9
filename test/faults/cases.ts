import type { Call, Effect, Fault } from '../../local/faults/fault-desk.ts';

/** One way of failing, at one place of a run. */
export interface Case {
  readonly name: string;
  readonly faults: readonly Fault[];
}

type Way = Pick<Fault, 'moment' | 'effect'> & { readonly name: string };

const error = (name: string, moment: Fault['moment'], [status, code, message]: readonly [number, string, string]): Way => ({
  name,
  moment,
  effect: { kind: 'error', status, code, message },
});
const other = (name: string, moment: Fault['moment'], kind: Exclude<Effect['kind'], 'error'>): Way => ({ name, moment, effect: { kind } });

const RESUMING = [400, 'DatabaseResumingException', 'The Aurora DB instance is resuming after being auto-paused.'] as const;
const UNAVAILABLE = [504, 'DatabaseUnavailableException', 'The writer instance in the DB cluster is not available.'] as const;
const TIMEOUT = [400, 'StatementTimeoutException', 'Query is cancelled after 45 seconds'] as const;
const LOCKED = [400, 'DatabaseErrorException', 'ERROR: canceling statement due to lock timeout; SQLState: 55P03'] as const;
const DEADLOCK = [400, 'DatabaseErrorException', 'ERROR: deadlock detected; SQLState: 40P01'] as const;
const THROTTLED = [400, 'Throttling', 'Rate exceeded'] as const;
const INTERNAL = [500, 'InternalFailure', 'The request processing has failed'] as const;

const OF_FUNCTION: readonly Way[] = [
  other('dies before its work', 'before', 'dies'),
  other('dies after its work', 'after', 'dies'),
  other('reaches its limit after its work', 'after', 'times-out'),
  other('runs twice at once', 'before', 'twice'),
];
const OF_SQL: readonly Way[] = [
  error('resuming', 'before', RESUMING),
  error('unavailable before', 'before', UNAVAILABLE),
  error('unavailable after the effect', 'after', UNAVAILABLE),
  other('answer lost', 'after', 'lost'),
  error('timeout before the effect', 'before', TIMEOUT),
  error('timeout after the effect', 'after', TIMEOUT),
  error('lock timeout', 'before', LOCKED),
  error('deadlock', 'before', DEADLOCK),
  other('its function is killed before', 'before', 'killed'),
  other('its function is killed after', 'after', 'killed'),
];
const OF_RDS: readonly Way[] = [error('throttled', 'before', THROTTLED), error('failed', 'before', INTERNAL), other('answer lost', 'after', 'lost')];
const OF_OTHERS: readonly Way[] = [error('failed', 'before', INTERNAL), other('answer lost', 'after', 'lost')];

/** Every way of failing at every call of a run without faults: the first and the last of those that are alike. */
export function casesOf(calls: readonly Call[]): readonly Case[] {
  const alike = new Map<string, { readonly call: Call; number: number }>();
  for (const call of calls) {
    const place = placeOf(call);
    const key = JSON.stringify(place);
    const known = alike.get(key);
    if (known === undefined) alike.set(key, { call, number: 1 });
    else known.number += 1;
  }
  return [...alike.values()].flatMap(({ call, number }) =>
    [...new Set([1, number])].flatMap((nth) =>
      waysOf(call).map(({ name, moment, effect }) => ({
        name: `${describe(call)}${number === 1 ? '' : `, ${nth} of ${number}`}: ${name}`,
        faults: [{ call: placeOf(call), nth, moment, effect }],
      })),
    ),
  );
}

/** What a call has in common with itself in another run: keys of objects hold the run's name, and a comparison's text its salt. */
function placeOf({ service, action, about, by }: Call): Partial<Call> {
  const isSame = service === 'lambda' || (service === 'rdsData' && !about.includes('faults-'));
  return { service, action, by, ...(isSame ? { about } : {}) };
}

function waysOf({ service }: Call): readonly Way[] {
  if (service === 'lambda') return OF_FUNCTION;
  if (service === 'rdsData') return OF_SQL;
  return service === 'rds' ? OF_RDS : OF_OTHERS;
}

function describe({ service, action, about, by }: Call): string {
  const what = about.replaceAll(/\s+/g, ' ').slice(0, 70);
  return `${service === 'lambda' ? action : `${by ?? 'several functions'} › ${service} ${action}`}${what === '' ? '' : ` ${what}`}`;
}
