/** Whose call: a service that functions call, Step Functions' own of a function, or the event of an execution's end. */
export type Service = 'rdsData' | 'rds' | 's3' | 'sns' | 'sfn' | 'scheduler' | 'lambda' | 'events';

/** A call as a function, or Step Functions, makes it. */
export interface Call {
  readonly service: Service;
  /** The API's name of the action, or the function that is invoked. */
  readonly action: string;
  /** What tells it from others of the same action: a statement's text, an object's key. */
  readonly about: string;
  /** The function that makes it; null where several, or none, are at work. */
  readonly by: string | null;
}

/** An invocation of a function. */
export interface Invoked {
  readonly name: string;
  readonly payload: string;
}

/** Where in a run a call was made. */
export interface NotedCall extends Call {
  /** Which entry into its state the function was at, from 1; an attempt that is made anew belongs to the same one. Null for a call of nobody's. */
  readonly visit: number | null;
  /** Which call of its kind it was within its attempt, from 1. */
  readonly nth: number;
}

/**
 * What becomes of a call, before or after its effect.
 *
 * `error`: an answer of the service. `lost`: the connection breaks. `answer`: the service's own, in which a text is replaced. `unawaited`: an
 * error, while the call goes on. Of invocations: `dies`, `times-out` and `hangs`, or `twice`, where two of them work beside one another and the
 * first one's answer counts; `late`: another one, of an earlier run, comes through before it. `disturbed`: what somebody else does while the
 * call is at work. `killed`: the function that makes the call is gone, and its answer with it. `crashed`: the database server is.
 * Of events: `lost`, `twice` at once, or `delayed` by the clock.
 */
export type Effect =
  | { readonly kind: 'error' | 'unawaited'; readonly status: number; readonly code: string; readonly message: string }
  | { readonly kind: 'answer'; readonly from: string; readonly to: string }
  | { readonly kind: 'late'; readonly late: Invoked }
  | { readonly kind: 'delayed'; readonly seconds: number }
  | { readonly kind: 'disturbed'; readonly disturb: <Result>(go: () => Promise<Result>) => Promise<Result> }
  | { readonly kind: 'lost' | 'killed' | 'crashed' | 'dies' | 'times-out' | 'hangs' | 'twice' };

/** The `nth` of the calls that are like `call`, from 1, and `times - 1` after it. */
export interface Fault {
  readonly call: Partial<Call>;
  /** Only within this visit, where `nth` counts in each attempt anew, so that what other faults make the function repeat does not move it. */
  readonly visit?: number;
  readonly nth: number;
  /** @default 1 */
  readonly times?: number;
  readonly moment: 'before' | 'after';
  readonly effect: Effect;
}

/** Faults on demand: what an engine's calls meet, so that nothing under test needs a hook. */
export interface FaultDesk {
  /** Forgets calls, visits and faults; those of `faults` are met from now on. */
  plan(faults: readonly Fault[]): void;
  /** Since the last plan, in the order in which they were begun. */
  calls(): readonly NotedCall[];
  /** Those of the last plan that no call has met. */
  unmet(): readonly Fault[];
  /** Notes a call, and says what it meets; null is nothing. */
  meet(call: Omit<Call, 'by'>): Fault | null;
  /** Notes that a function is invoked; the same payload as before is another attempt of the same visit. */
  invoked(invocation: Invoked): void;
  /** All of them since the last plan. */
  invocations(): readonly Invoked[];
  /** Notes that a function is at work until the returned function is called. */
  working(name: string): () => void;
}

interface Attempt {
  visit: number;
  attempt: number;
  payload: string;
}

interface Planned {
  readonly fault: Fault;
  /** In which attempt the calls were seen. */
  attempt: number;
  seen: number;
  met: number;
}

/** `sameText` makes what differs from run to run the same: a run's name, a token. @default - texts as they are */
export function faultDesk(sameText: (about: string, action: string) => string = (about) => about): FaultDesk {
  let planned: Planned[] = [];
  let calls: (NotedCall & { readonly attempt: number })[] = [];
  let invocations: Invoked[] = [];
  const attempts = new Map<string, Attempt>();
  const atWork: string[] = [];
  return {
    plan(faults) {
      planned = faults.map((fault) => ({ fault, attempt: 0, seen: 0, met: 0 }));
      calls = [];
      invocations = [];
      attempts.clear();
    },
    calls: () => calls.map(({ attempt: _, ...call }) => call),
    unmet: () => planned.filter(({ met }) => met === 0).map(({ fault }) => fault),
    meet(given) {
      const [only, ...others] = new Set(atWork);
      const by = others.length === 0 ? (only ?? null) : null;
      const call: Call = { ...given, about: sameText(given.about, given.action), by };
      const { visit = null, attempt = 0 } = attempts.get(given.service === 'lambda' ? given.action : (by ?? '')) ?? {};
      const nth = 1 + calls.filter((one) => one.visit === visit && one.attempt === attempt && isLike(one, call)).length;
      calls.push({ ...call, visit, nth, attempt });
      const due = planned.filter((one) => isDue(one, { call, visit, attempt }));
      const [found] = due;
      if (found !== undefined) found.met += 1;
      return found?.fault ?? null;
    },
    invocations: () => invocations,
    invoked(invocation) {
      const { name, payload } = invocation;
      invocations.push(invocation);
      const last = attempts.get(name);
      const isAnew = last?.payload === payload;
      attempts.set(name, { payload, visit: (last?.visit ?? 0) + (isAnew ? 0 : 1), attempt: (last?.attempt ?? 0) + 1 });
    },
    working(name) {
      atWork.push(name);
      return () => void atWork.splice(atWork.indexOf(name), 1);
    },
  };
}

/** Counts the call, too. */
function isDue(one: Planned, at: { readonly call: Call; readonly visit: number | null; readonly attempt: number }): boolean {
  const { call, visit, nth, times = 1 } = one.fault;
  if (!isLike(at.call, call) || (visit !== undefined && visit !== at.visit)) return false;
  if (visit !== undefined && at.attempt !== one.attempt) one.seen = 0;
  one.attempt = at.attempt;
  one.seen += 1;
  return one.seen >= nth && one.met < times;
}

function isLike(call: Call, asked: Partial<Call>): boolean {
  return (['service', 'action', 'about', 'by'] as const).every((name) => asked[name] === undefined || call[name] === asked[name]);
}
