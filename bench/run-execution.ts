import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { DescribeExecutionCommand, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { sfnOf } from '../bin/open-engine.ts';
import type { Stage } from './stage.ts';

/** Often enough for milliseconds to be right, and cheap beside what runs. */
const POLL_MS = 5;

/**
 * Runs a plan by the state machine and waits for its end; gives its wall time.
 *
 * @throws when the run does not end as asked.
 */
export async function runExecution(stage: Stage, plan: string, mode: 'execute' | 'rollback' = 'execute'): Promise<number> {
  const sfn = sfnOf(stage.engine);
  const { digest } = stage.plan(plan);
  const begun = performance.now();
  const { executionArn } = await sfn.send(
    new StartExecutionCommand({
      stateMachineArn: stage.engine.stack.stateMachineArn,
      name: `bench-${randomUUID()}`,
      input: JSON.stringify({ plan, mode, ...(mode === 'execute' ? { digest } : {}) }),
    }),
  );
  for (;;) {
    const { status, error, cause } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status === 'SUCCEEDED') return performance.now() - begun;
    if (status !== 'RUNNING') throw new Error(`${mode} of ${plan} ended ${status}, ${error}: ${cause}`);
    await delay(POLL_MS);
  }
}
