import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { ConfigurationError } from '../core/errors.ts';
import { translateAwsError } from './aws-errors.ts';

/** What Step Functions says of an execution; `unknown` when it says nothing (no such execution, access denied, another account). */
export type ExecutionStatus = 'running' | 'ended' | 'unknown';

export interface Executions {
  statusOf(executionArn: string): Promise<{ readonly status: ExecutionStatus; readonly said: string }>;
}

/** An execution as Step Functions remembers it, for 90 days. */
export interface DescribedExecution {
  readonly status: ExecutionStatus;
  /** The status in Step Functions' own word, with error and cause where it has them. */
  readonly said: string;
  readonly succeeded: boolean;
  /** JSON. */
  readonly input: string;
  readonly startedAt: Date;
}

/** Starts and describes executions of one machine. */
export interface ExecutionDesk extends Executions {
  /** Null where there is no such execution. */
  describe(executionArn: string): Promise<DescribedExecution | null>;
  /** Starts it, or finds it: the same name is the same execution. */
  start(execution: { readonly stateMachineArn: string; readonly name: string; readonly input: string }): Promise<void>;
}

const ENDED = new Set(['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']);

export function sfnExecutions(client: SFNClient): ExecutionDesk {
  return {
    statusOf: async (executionArn) => {
      try {
        const found = await described(client, executionArn);
        return found === null
          ? { status: 'unknown', said: 'no such execution' }
          : { status: statusIn(found.status), said: found.status ?? 'nothing' };
      } catch (error) {
        if (error instanceof ConfigurationError) return { status: 'unknown', said: error.message };
        throw error;
      }
    },
    describe: async (executionArn) => {
      const found = await described(client, executionArn);
      if (found === null) return null;
      const { status, error, cause, input = '{}', startDate = new Date(0) } = found;
      const why = [error, cause].filter((part) => part !== undefined && part !== '').join(': ');
      const said = `${status ?? 'nothing'}${why === '' ? '' : ` (${why})`}`;
      return { status: statusIn(status), said, succeeded: status === 'SUCCEEDED', input, startedAt: startDate };
    },
    start: async (execution) => {
      try {
        await client.send(new StartExecutionCommand(execution));
      } catch (error) {
        // Somebody was quicker, and it has ended since: it is there all the same.
        if (!(error instanceof ExecutionAlreadyExists)) throw translateAwsError(error, `starting ${execution.name}`);
      }
    },
  };
}

/** Null where there is no such execution. */
async function described(client: SFNClient, executionArn: string): Promise<DescribeExecutionOutput | null> {
  try {
    return await client.send(new DescribeExecutionCommand({ executionArn }));
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) return null;
    throw translateAwsError(error, `asking for ${executionArn}`);
  }
}

function statusIn(status: string | undefined): ExecutionStatus {
  return ENDED.has(status ?? '') ? 'ended' : status === undefined ? 'unknown' : 'running';
}
