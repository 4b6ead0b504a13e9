import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Stage } from './stage.ts';

/** A run whose states are called one by one, as the definition would call them. */
export interface StateRun {
  /** Calls a function with the run's envelope and gives its answer. */
  state(name: string, more: object): Promise<unknown>;
  /** Enters a working state again and again until it says that it is done. */
  untilDone(name: string, more: object): Promise<void>;
}

const Answer = z.object({ done: z.boolean() });

/** Takes the lock for a new run of a plan. */
export async function beginRun(stage: Stage, plan: string): Promise<StateRun> {
  const id = `bench-${randomUUID()}`;
  const now = new Date().toISOString();
  const executionArn = `${stage.engine.stack.stateMachineArn.replace(':stateMachine:', ':execution:')}:${id}`;
  const { digest } = stage.plan(plan);
  const run = { id, executionArn, startedAt: now, plan, digest, mode: 'execute' };
  const call =
    (token: number | null): StateRun['state'] =>
    async (name, more) => {
      const invocation = await stage.invoke(name, JSON.stringify({ run: { ...run, token }, now, ...more }));
      if (!invocation.ok) throw new Error(`${name} failed with ${invocation.error}: ${invocation.cause}`);
      return JSON.parse(invocation.payload);
    };
  const { token } = z.object({ token: z.number() }).parse(await call(null)('AcquireLock', { holderSeen: null }));
  const state = call(token);
  return {
    state,
    untilDone: async (name, more) => {
      let isDone = false;
      while (!isDone) isDone = Answer.parse(await state(name, more)).done;
    },
  };
}
