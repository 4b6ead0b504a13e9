import type { Call, Effect, Fault, Invoked, NotedCall } from '../../local/faults/fault-desk.ts';

/**
 * What a run makes of a fault: `within` its function, or by entering the state again, after an error that the definition counts as `away` or
 * `busy`, or after a `death`. `beside`: two invocations at once. `ends`: the run ends otherwise than without it.
 */
export type Absorption = 'within' | 'away' | 'busy' | 'death' | 'beside' | 'ends';

/** One way of failing, at one place of a run. */
export interface Case {
  readonly name: string;
  readonly fault: Fault;
  readonly absorption: Absorption;
  /** The function, and its visit. */
  readonly place: string;
  readonly function: string;
  /** Of a fault that ends the run: whether it may also end as without it, since what was asked for can be done without. */
  readonly isOutlived: boolean;
}

type Way = Pick<Fault, 'moment' | 'effect' | 'times'> & { readonly name: string; readonly absorption: Absorption; readonly isOutlived?: boolean };
type Answer = readonly [number, string, string];

const error = (name: string, moment: Fault['moment'], [status, code, message]: Answer, absorption: Absorption): Way => ({
  ...{ name, moment, absorption },
  effect: { kind: 'error', status, code, message },
});
const other = (
  name: string,
  moment: Fault['moment'],
  kind: Exclude<
    Effect,
    { readonly code: string } | { readonly from: string } | { readonly late: Invoked } | { readonly seconds: number } | { readonly disturb: unknown }
  >['kind'],
  absorption: Absorption,
): Way => ({
  ...{ name, moment, absorption },
  effect: { kind },
});
/** Four: the SDK's tries of what may be sent again (adapters/aws-clients.ts). */
const throughout = (way: Way): Way => ({ ...way, times: 4 });
const answered = (name: string, from: string, to: string, absorption: Absorption): Way => ({
  ...{ name, moment: 'after', absorption },
  effect: { kind: 'answer', from, to },
  times: Number.POSITIVE_INFINITY,
});

const RESUMING: Answer = [400, 'DatabaseResumingException', 'The Aurora DB instance is resuming after being auto-paused.'];
const UNAVAILABLE: Answer = [504, 'DatabaseUnavailableException', 'The writer instance in the DB cluster is not available.'];
const TIMEOUT: Answer = [400, 'StatementTimeoutException', 'Query is cancelled after 45 seconds'];
const LOCKED: Answer = [400, 'DatabaseErrorException', 'ERROR: canceling statement due to lock timeout; SQLState: 55P03'];
const DEADLOCK: Answer = [400, 'DatabaseErrorException', 'ERROR: deadlock detected; SQLState: 40P01'];
const DENIED: Answer = [400, 'DatabaseErrorException', 'ERROR: permission denied for table people; SQLState: 42501'];
const THROTTLED: Answer = [400, 'Throttling', 'Rate exceeded'];
const INTERNAL: Answer = [500, 'InternalFailure', 'The request processing has failed'];
const WRONG_STATE: Answer = [400, 'InvalidDBClusterStateFault', 'DB cluster local is not in available state.'];
const QUOTA: Answer = [400, 'SnapshotQuotaExceeded', 'Cannot create more than 100 manual snapshots'];
const NO_SNAPSHOT: Answer = [404, 'DBClusterSnapshotNotFoundFault', 'DBClusterSnapshot not found.'];
const NO_CLUSTER: Answer = [404, 'DBClusterNotFoundFault', 'DBCluster local not found.'];

/** Before its first call is before its work; before any other is after the one that goes before. */
const KILLED = other('its function is killed behind it', 'after', 'killed', 'death');

const OF_FUNCTION: readonly Way[] = [
  other('dies before its work', 'before', 'dies', 'death'),
  other('dies after its work', 'after', 'dies', 'death'),
  other('reaches its limit after its work', 'after', 'times-out', 'death'),
  other('hangs before its work', 'before', 'hangs', 'death'),
  other('hangs after its work', 'after', 'hangs', 'death'),
  other('runs twice at once', 'before', 'twice', 'beside'),
];
const OF_SQL: readonly Way[] = [
  error('resuming', 'before', RESUMING, 'away'),
  error('unavailable before', 'before', UNAVAILABLE, 'away'),
  error('unavailable after the effect', 'after', UNAVAILABLE, 'away'),
  other('answer lost', 'after', 'lost', 'away'),
  error('timeout before the effect', 'before', TIMEOUT, 'away'),
  error('timeout after the effect', 'after', TIMEOUT, 'away'),
  {
    ...error('timeout, and it goes on', 'before', TIMEOUT, 'away'),
    effect: { kind: 'unawaited', status: 400, code: TIMEOUT[1], message: TIMEOUT[2] },
  },
  error('lock timeout', 'before', LOCKED, 'busy'),
  error('deadlock', 'before', DEADLOCK, 'busy'),
  KILLED,
];
/** Where it writes; a server that is gone between two readings is unavailable. */
const OF_WRITING_SQL: readonly Way[] = [
  other('the server is killed before', 'before', 'crashed', 'away'),
  other('the server is killed after', 'after', 'crashed', 'away'),
];
/** Ends the run, and is looked at by itself: where it writes, and at each function's first statement. */
const REFUSED: Way = { ...error('refused for good', 'before', DENIED, 'ends'), times: Number.POSITIVE_INFINITY, isOutlived: true };

const OF_SERVICES: readonly Way[] = [
  error('failed once', 'before', INTERNAL, 'within'),
  throughout(error('failed', 'before', INTERNAL, 'away')),
  other('answer lost', 'after', 'lost', 'within'),
  throughout(other('every answer lost', 'after', 'lost', 'away')),
  KILLED,
];
const OF_RDS: readonly Way[] = [
  error('throttled once', 'before', THROTTLED, 'within'),
  throughout(error('throttled', 'before', THROTTLED, 'away')),
  ...OF_SERVICES,
];
const OF_RDS_ACTION: Readonly<Record<string, readonly Way[]>> = {
  CreateDBClusterSnapshot: [
    error('wrong state', 'before', WRONG_STATE, 'away'),
    error('quota', 'before', QUOTA, 'ends'),
    { ...KILLED, name: 'its function is killed behind it each time', absorption: 'ends', times: Number.POSITIVE_INFINITY },
  ],
  DescribeDBClusterSnapshots: [
    answered('failed snapshot', '<Status>available</Status>', '<Status>failed</Status>', 'ends'),
    answered('never ready', '<Status>available</Status>', '<Status>creating</Status>', 'ends'),
    error('vanished', 'before', NO_SNAPSHOT, 'ends'),
  ],
  DescribeDBClusters: [
    error('vanished', 'before', NO_CLUSTER, 'ends'),
    answered('wrong state', '<Status>available</Status>', '<Status>maintenance</Status>', 'ends'),
  ],
  DescribeDBInstances: [
    answered('wrong state', '<DBInstanceStatus>available</DBInstanceStatus>', '<DBInstanceStatus>rebooting</DBInstanceStatus>', 'ends'),
  ],
};

/**
 * Every way of failing at every call of a run without faults: at the first and the last of those that are alike.
 *
 * A call whose `known` is true has them elsewhere: another scenario makes the same one.
 */
export function casesOf(calls: readonly NotedCall[], { known = () => false, late = [], halfWay }: Around = {}): readonly Case[] {
  const alike = Map.groupBy(
    calls.filter((call) => call.visit !== null && (call.service === 'lambda' || !known(nameOf(call)))),
    nameOf,
  );
  const entries = new Set(
    Map.groupBy(calls.filter(isAsking), ({ by }) => by)
      .values()
      .map(([first]) => first),
  );
  return [...alike.values()].flatMap((same) => {
    const [first, ...others] = same;
    const last = others.at(-1);
    if (first === undefined) return [];
    const number = same.length;
    return [
      ...[...waysOf(first), ...waysOnce(first, { isEntry: entries.has(first) }), ...waysAround(first, { late, halfWay })].map((way) =>
        caseOf(first, way, { nth: 1, number }),
      ),
      ...(last === undefined
        ? []
        : waysOf(last)
            .filter(({ effect }) => effect.kind !== 'answer')
            .map((way) => caseOf(last, way, { nth: number, number }))),
    ];
  });
}

export interface Around {
  readonly known?: (call: string) => boolean;
  /** What of an earlier run may come through at any time. */
  readonly late?: readonly Invoked[];
  /** Ends the backend that builds or drops an index while it waits for others. */
  readonly halfWay?: Effect | undefined;
}

function waysAround({ service, about }: Call, { late = [], halfWay }: Around): readonly Way[] {
  if (service === 'lambda')
    return late.map((one) => ({
      name: `${one.name} of an earlier run comes late`,
      moment: 'before',
      effect: { kind: 'late', late: one },
      absorption: 'beside',
    }));
  return halfWay !== undefined && / index concurrently /i.test(about)
    ? [{ name: 'is ended half-way', moment: 'before', effect: halfWay, absorption: 'away' }]
    : [];
}

function caseOf(call: NotedCall, way: Way, { nth, number }: { readonly nth: number; readonly number: number }): Case {
  const { name, moment, effect, times, isOutlived = false } = way;
  const by = (call.service === 'lambda' ? call.action : call.by) ?? '';
  // A server that ends takes the snapshot with it that is being copied.
  const absorption = effect.kind === 'crashed' && by === 'CreateSnapshot' ? 'ends' : way.absorption;
  return {
    name: `${describe(call)}${number === 1 ? '' : `, ${nth} of ${number}`}: ${name}`,
    // What a service answers once it answers in every visit.
    fault: {
      ...{ call: alikeOf(call), moment, effect, ...(times === undefined ? {} : { times }) },
      ...(effect.kind === 'answer' ? { nth: 1 } : { visit: call.visit ?? 1, nth: call.nth }),
    },
    absorption,
    ...{ function: by, place: `${by} ${call.visit}`, isOutlived: isOutlived || effect.kind === 'crashed' },
  };
}

/** By which a call is the same as another of another run. */
export function nameOf(call: Call): string {
  return JSON.stringify(alikeOf(call));
}

function alikeOf({ service, action, about, by }: Call): Call {
  return { service, action, about, by };
}

function waysOf({ service, action, about }: Call): readonly Way[] {
  switch (service) {
    case 'lambda':
      return OF_FUNCTION;
    case 'rdsData':
      if (CHECK.test(about)) return OF_CHECK;
      return isSent(action, about) ? OF_SQL : OF_SQL.filter(({ effect }) => effect.kind !== 'unawaited');
    case 'rds':
      return [...OF_RDS, ...(OF_RDS_ACTION[action] ?? [])];
    default:
      return OF_SERVICES;
  }
}

function waysOnce(call: Call, { isEntry }: { readonly isEntry: boolean }): readonly Way[] {
  if (!isAsking(call)) return [];
  if (WRITING.test(call.about)) return [...OF_WRITING_SQL, REFUSED];
  return isEntry ? [REFUSED] : [];
}

function isAsking({ service, action, about }: Call): boolean {
  return service === 'rdsData' && action === 'ExecuteStatement' && !SETTING.test(about);
}

/** A plan's check, which is not asked a second time once it took too long: that ends the run. */
const CHECK = /\bas bad,/;
const OF_CHECK = OF_SQL.filter(({ effect }) => effect.kind !== 'unawaited').map(
  (way): Way => (way.effect.kind === 'error' && way.effect.code === TIMEOUT[1] ? { ...way, absorption: 'ends' } : way),
);
/** How a reading transaction begins, which is the same everywhere. */
const SETTING = /^set transaction |^select json_build_array\(set_config/;
const WRITING = /^\/\* stepgate |^select stepgate\.|\b(insert into|update|delete from|create schema) /;

/** Whether a statement may go on in the server when nobody waits for it any more: only calls of the ledger and labelled statements do. */
function isSent(action: string, about: string): boolean {
  return action === 'ExecuteStatement' && /^\/\* stepgate |^select stepgate\.(run_phase|undo_phase|run_batch)/.test(about);
}

function describe({ service, action, about, by }: Call): string {
  const what = about.replaceAll(/\s+/g, ' ').slice(0, 90);
  return `${service === 'lambda' ? action : `${by} › ${service} ${action}`}${what === '' ? '' : ` ${what}`}`;
}
