import { DescribeExecutionCommand, ExecutionDoesNotExist, type SFNClient } from '@aws-sdk/client-sfn';
import { translateAwsError } from './aws-errors.ts';

/** What Step Functions says of an execution; `unknown` when it says nothing (no such execution, access denied, another account). */
export type ExecutionStatus = 'running' | 'ended' | 'unknown';

export interface Executions {
  statusOf(executionArn: string): Promise<{ readonly status: ExecutionStatus; readonly said: string }>;
}

const ENDED = new Set(['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']);

export function sfnExecutions(client: SFNClient): Executions {
  return {
    statusOf: async (executionArn) => {
      try {
        const { status } = await client.send(new DescribeExecutionCommand({ executionArn }));
        const said = status ?? 'nothing';
        return { status: ENDED.has(said) ? 'ended' : status === undefined ? 'unknown' : 'running', said };
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
  };
}
