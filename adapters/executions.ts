import { DescribeExecutionCommand, ExecutionAlreadyExists, ExecutionDoesNotExist, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
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
        const { status } = await client.send(new DescribeExecutionCommand({ executionArn }));
        const said = status ?? 'nothing';
        return { status: statusIn(status), said };
      } catch (error) {
        if (error instanceof ExecutionDoesNotExist) {
          return { status: 'unknown', said: 'no such execution' };
        }
        const translated = translateAwsError(error, 'asking for the holder');
        if (translated.name === 'ConfigurationError') {
          return { status: 'unknown', said: translated.message };
        }
        throw translated;
      }
    },
    describe: async (executionArn) => {
      try {
        const { status, error, cause, input = '{}', startDate = new Date(0) } = await client.send(new DescribeExecutionCommand({ executionArn }));
        const why = [error, cause].filter((part) => part !== undefined && part !== '').join(': ');
        const said = `${status ?? 'nothing'}${why === '' ? '' : ` (${why})`}`;
        return { status: statusIn(status), said, succeeded: status === 'SUCCEEDED', input, startedAt: startDate };
      } catch (error) {
        if (error instanceof ExecutionDoesNotExist) return null;
        throw translateAwsError(error, `asking for ${executionArn}`);
      }
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

function statusIn(status: string | undefined): ExecutionStatus {
  return ENDED.has(status ?? '') ? 'ended' : status === undefined ? 'unknown' : 'running';
}
