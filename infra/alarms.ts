import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface AlarmsProps {
  readonly workflow: StateMachine;
  readonly stateMachineName: string;
  readonly deadLetters: IQueue;
  readonly topic: ITopic;
}

const EACH_MINUTE = { period: Duration.minutes(1), statistic: Stats.SUM } as const;

/** One alarm for each way in which a run ends badly without a person watching, one for a run that did not begin, and one for a run that nobody could settle. */
export function makeAlarms(parent: Construct, { workflow, stateMachineName, deadLetters, topic }: AlarmsProps): void {
  const scope = new Construct(parent, 'Alarms');
  const alarms: readonly { readonly id: string; readonly metric: IMetric; readonly description: string }[] = [
    {
      id: 'ExecutionsFailed',
      metric: workflow.metricFailed(EACH_MINUTE),
      description: 'a run ended refused, rolled-back, restored or halted; its execution says which and why',
    },
    {
      id: 'ExecutionsTimedOut',
      metric: workflow.metricTimedOut(EACH_MINUTE),
      description: 'a run took longer than any run may and was ended; a recovery takes it back, and its report says so',
    },
    {
      id: 'ExecutionsAborted',
      metric: workflow.metricAborted(EACH_MINUTE),
      description: 'somebody stopped a run; a recovery takes it back, and its report says so',
    },
    {
      id: 'SchedulesNotStarted',
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({ ...EACH_MINUTE, statistic: Stats.MAXIMUM }),
      description: 'a scheduled run could not be started, or nobody could look at a run that died; the message in the dead-letter queue says why',
    },
    {
      id: 'RunsNotRecovered',
      // SettleRun counts them (lambdas/doors/settle-run.ts).
      metric: new Metric({
        namespace: 'Stepgate',
        metricName: 'RunsNotRecovered',
        dimensionsMap: { service: 'SettleRun', machine: stateMachineName },
        ...EACH_MINUTE,
      }),
      description: 'a run died, and every recovery of it failed; the notification of it says what to do',
    },
  ];
  for (const { id, metric, description } of alarms) {
    new Alarm(scope, id, {
      metric,
      alarmDescription: `Stepgate ${parent.node.path}: ${description}`,
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }).addAlarmAction(new SnsAction(topic));
  }
}
