/** Whose call: a service that functions call, or Step Functions' own of a function. */
export type Service = 'rdsData' | 'rds' | 's3' | 'sns' | 'sfn' | 'scheduler' | 'lambda';

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

/**
 * What becomes of a call, before or after its effect.
 *
 * `error`: an answer of the service. `lost`: the connection breaks. Of invocations: `dies` and `times-out`, or `twice`, where two of them
 * work beside one another and the first one's answer counts. `killed`: the function that makes the call is gone, and its answer with it.
 */
export type Effect =
  | { readonly kind: 'error'; readonly status: number; readonly code: string; readonly message: string }
  | { readonly kind: 'lost' | 'killed' | 'dies' | 'times-out' | 'twice' };

/** The `nth` of the calls that are like `call`, from 1, and `times - 1` after it. */
export interface Fault {
  readonly call: Partial<Call>;
  readonly nth: number;
  /** @default 1 */
  readonly times?: number;
  readonly moment: 'before' | 'after';
  readonly effect: Effect;
}

/** Faults on demand: what an engine's calls meet, so that nothing under test needs a hook. */
export interface FaultDesk {
  /** Forgets calls and faults; those of `faults` are met from now on. */
  plan(faults: readonly Fault[]): void;
  /** Since the last plan, in the order in which they were begun. */
  calls(): readonly Call[];
  /** How many faults were met since the last plan. */
  met(): number;
  /** Notes a call, and says what it meets; null is nothing. */
  meet(call: Omit<Call, 'by'>): Fault | null;
  /** Notes that a function is at work until the returned function is called. */
  working(name: string): () => void;
}

export function faultDesk(): FaultDesk {
  let planned: { readonly fault: Fault; seen: number }[] = [];
  let calls: Call[] = [];
  let met = 0;
  const atWork: string[] = [];
  return {
    plan(faults) {
      planned = faults.map((fault) => ({ fault, seen: 0 }));
      calls = [];
      met = 0;
    },
    calls: () => calls,
    met: () => met,
    meet(given) {
      const [only, ...others] = new Set(atWork);
      const call: Call = { ...given, by: others.length === 0 ? (only ?? null) : null };
      calls.push(call);
      const due = planned
        .filter((one) => isLike(call, one.fault.call))
        .map((one) => {
          one.seen += 1;
          return one;
        });
      const found = due.find(({ fault, seen }) => seen >= fault.nth && seen < fault.nth + (fault.times ?? 1));
      if (found !== undefined) met += 1;
      return found?.fault ?? null;
    },
    working(name) {
      atWork.push(name);
      return () => void atWork.splice(atWork.indexOf(name), 1);
    },
  };
}

function isLike(call: Call, asked: Partial<Call>): boolean {
  return Object.entries(asked).every(([name, value]) => call[name as keyof Call] === value);
}
