import type { FunctionHost, Invocation } from '../lambda/function-host.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { FaultDesk } from './fault-desk.ts';

export interface Faulty {
  readonly desk: FaultDesk;
  readonly clock: Pick<VirtualClock, 'now' | 'waitUntil'>;
  /** How long Step Functions waits for a function's answer. */
  readonly patienceSeconds: (name: string) => number;
}

/** Functions whose invocations meet what the desk has planned. */
export function faultyFunctions(host: FunctionHost, { desk, clock, patienceSeconds }: Faulty): FunctionHost {
  const work = async (name: string, payload: string): Promise<Invocation> => {
    const end = desk.working(name);
    try {
      return await host.invoke(name, payload);
    } finally {
      end();
    }
  };
  return {
    ...host,
    async invoke(function_, payload) {
      const name = /:function:([^:]+)/.exec(function_)?.[1] ?? function_;
      const begunAt = clock.now().getTime();
      desk.invoked({ name, payload });
      const fault = desk.meet({ service: 'lambda', action: name, about: '' });
      if (fault === null) return work(name, payload);
      if (fault.effect.kind === 'twice') {
        const [first] = await Promise.all([work(name, payload), work(name, payload)]);
        return first;
      }
      if (fault.effect.kind === 'late') {
        await host.invoke(fault.effect.late.name, fault.effect.late.payload);
        return work(name, payload);
      }
      if (fault.moment === 'after') await work(name, payload);
      // To the moment in which the Task gives up: any later, and time would jump on while the machine is at work again.
      if (fault.effect.kind === 'hangs') await clock.waitUntil(new Date(begunAt + patienceSeconds(name) * 1000 + 1), new AbortController().signal);
      return fault.effect.kind === 'times-out' ? TIMED_OUT : DIED;
    },
  };
}

/** What Step Functions gets of a function that was killed, and of one that reached its limit (Lambda, Step Functions: recordings of AWS). */
const DIED: Invocation = {
  ok: false,
  error: 'Lambda.Unknown',
  cause:
    'The cause could not be determined because Lambda did not return an error type. Returned payload: {"errorType":"Runtime.ExitError","errorMessage":"RequestId: 0 Error: Runtime exited with error: signal: killed"}',
};
const TIMED_OUT: Invocation = {
  ok: false,
  error: 'Sandbox.Timedout',
  cause: '{"errorMessage":"RequestId: 0 Error: Task timed out after 900.00 seconds","errorType":"Sandbox.Timedout"}',
};
