import type { FunctionHost, Invocation } from '../lambda/function-host.ts';
import type { FaultDesk } from './fault-desk.ts';

/** Functions whose invocations meet what the desk has planned. */
export function faultyFunctions(host: FunctionHost, desk: FaultDesk): FunctionHost {
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
      const fault = desk.meet({ service: 'lambda', action: name, about: '' });
      if (fault === null) return work(name, payload);
      if (fault.effect.kind === 'twice') {
        const [first] = await Promise.all([work(name, payload), work(name, payload)]);
        return first;
      }
      if (fault.moment === 'after') await work(name, payload);
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
