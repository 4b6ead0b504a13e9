import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface AlarmsProps {
  readonly workflow: StateMachine;
  readonly deadLetters: IQueue;
  readonly topic: ITopic;
}

const EACH_MINUTE = { period: Duration.minutes(1), statistic: Stats.SUM } as const;

/** One alarm for each way in which a run ends badly without a person watching, and one for a run that did not begin. */
export function makeAlarms(parent: Construct, { workflow, deadLetters, topic }: AlarmsProps): void {
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
      description: 'a run took longer than any run may and was ended without its way back; start a rollback of its plan',
    },
    {
      id: 'ExecutionsAborted',
      metric: workflow.metricAborted(EACH_MINUTE),
      description: 'somebody stopped a run, and nothing was undone; start a rollback of its plan, or execute it again',
    },
    {
      id: 'SchedulesNotStarted',
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({ ...EACH_MINUTE, statistic: Stats.MAXIMUM }),
      description: 'a scheduled run could not be started; the message in the dead-letter queue says why',
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
