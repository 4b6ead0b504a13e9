import type { Output } from '@aws-sdk/client-cloudformation';
import type { OutputName } from '../infra/outputs.ts';
import { NoRunError } from './no-run-error.ts';

/** Without these there is nothing to drive. */
const NEEDED = ['StateMachineArn', 'PlanDigests', 'ReportBucket', 'ScheduleGroupName', 'SchedulerRoleArn', 'DeadLetterQueueArn'] as const;

/** Without these a run is followed without its rows; stacks deployed earlier have none. */
const WELCOME = ['ClusterArn', 'SecretArn', 'DatabaseName'] as const;

export type StackOutputs = Readonly<Record<(typeof NEEDED)[number], string>> & Readonly<Partial<Record<(typeof WELCOME)[number], string>>>;

/**
 * The outputs of the Stepgate construct of a stack; each key is the construct's id followed by the output's name.
 *
 * @throws {NoRunError} when there is no construct, or there are several and none is named.
 */
export function stackOutputs(
  outputs: readonly Output[],
  { stack, construct }: { readonly stack: string; readonly construct?: string },
): StackOutputs {
  const values = new Map(outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
  const ends = [...values.keys()].filter((key) => key.endsWith(NEEDED[0])).map((key) => key.slice(0, -NEEDED[0].length));
  const constructs = ends.filter((id) => NEEDED.every((name) => values.has(id + name)));
  const [only] = constructs;
  if (only === undefined)
    throw new NoRunError(`stack ${stack} has no outputs of Stepgate; name the stack that "cdk deploy" made of it, or deploy this version first`);
  if (construct !== undefined && !constructs.includes(construct))
    throw new NoRunError(`stack ${stack} has no Stepgate construct "${construct}"; it has ${constructs.join(', ')}`);
  if (construct === undefined && constructs.length > 1)
    throw new NoRunError(
      `stack ${stack} holds ${constructs.length} Stepgate constructs, ${constructs.join(', ')}; name one: --stack ${stack}/${only}`,
    );
  const id = construct ?? only;
  const value = (name: OutputName) => values.get(id + name);
  const found = [...NEEDED, ...WELCOME].flatMap((name) => (value(name) === undefined ? [] : [[name, value(name)]]));
  return Object.fromEntries(found) as StackOutputs;
}
