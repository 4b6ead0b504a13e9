import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { PlanId } from '../core/ids.ts';
import type { DeadManPlace } from '../core/run/dead-man.ts';
import type { Environment, SnapshotPolicy } from '../core/run/environment.ts';
import type { RestorePolicy } from '../core/run/restore-work.ts';
import type { RunPlace } from '../core/run/run-place.ts';
import type { Assembly } from './assembly.ts';
import { statusChanges } from './events/status-changes.ts';
import type { FaultDesk } from './faults/fault-desk.ts';
import { faultyFunctions } from './faults/faulty-functions.ts';
import { type GateOptions, openGate } from './faults/gate.ts';
import { functionHost } from './lambda/function-host.ts';
import type { LocalCluster } from './rds/server.ts';
import type { Endpoints, Stack } from './running-engine.ts';
import { type Buckets, openBuckets } from './s3/buckets.ts';
import { startS3 } from './s3/face.ts';
import { startScheduler } from './scheduler/face.ts';
import type { SchedulesOptions } from './scheduler/schedules.ts';
import { startSns } from './sns/face.ts';
import { compileMachine, type Machine } from './step-functions/definition.ts';
import { type Executions, openExecutions } from './step-functions/executions.ts';
import { startStepFunctions } from './step-functions/face.ts';
import type { StateExited } from './step-functions/visit.ts';
import type { VirtualClock } from './virtual-clock.ts';

export const REGION = 'us-east-1';
export const ACCOUNT_ID = '000000000000';
const STATE_MACHINE_ARN = `arn:aws:states:${REGION}:${ACCOUNT_ID}:stateMachine:Stepgate`;
const ROLE_ARN = `arn:aws:iam::${ACCOUNT_ID}:role/Stepgate`;

/** The local stack, around a cluster. */
export function stackOf(cluster: LocalCluster, database: string): Stack {
  return {
    region: REGION,
    accountId: ACCOUNT_ID,
    stateMachineArn: STATE_MACHINE_ARN,
    clusterId: cluster.id,
    clusterArn: cluster.arn,
    secretArn: cluster.secretArn,
    database,
    planBucket: 'stepgate-plans',
    reportBucket: 'stepgate-reports',
    topicArn: `arn:aws:sns:${REGION}:${ACCOUNT_ID}:stepgate`,
  };
}

export interface ServiceOptions {
  readonly folder: string;
  /** Each plan's compiled JSON text. */
  readonly plans: ReadonlyMap<PlanId, string>;
  /** Awaited after a state is left and before the next one is entered. */
  readonly onStateExited?: StateExited;
  /** What the functions' calls, and their invocations, meet. @default - nothing but what happens */
  readonly faults?: FaultDesk;
}

/** What the services need of the engine around them. */
export interface Surroundings {
  readonly clock: VirtualClock;
  /** Takes a part that is to be closed with the engine. */
  readonly keep: <T extends { close(): unknown }>(part: T) => T;
  readonly stack: Stack;
  readonly assembly: Assembly;
  readonly snapshot: SnapshotPolicy;
  readonly restore: RestorePolicy;
  readonly place: RunPlace;
  readonly databaseEndpoints: Pick<Endpoints, 'rds' | 'rdsData'>;
  /** Ends the database server as a machine that fails, and starts it again. */
  readonly crashServer: () => Promise<void>;
  /** How an SDK client finds the endpoints. */
  readonly clientEnvironment: (endpoints: Endpoints) => Readonly<Record<string, string>>;
}

/** Starts what is no database: objects, messages, functions, the state machine, schedules. */
export async function startServices(options: ServiceOptions, surroundings: Surroundings): Promise<Endpoints> {
  const { folder, onStateExited, faults } = options;
  const { clock, keep, stack, assembly, databaseEndpoints, clientEnvironment, crashServer } = surroundings;
  const buckets = openBuckets(join(folder, 'buckets'), [stack.planBucket, stack.reportBucket]);
  const plans = putPlans(options.plans, stack.planBucket, buckets);
  const host = functionHost({
    functions: assembly.functions,
    environment: () => ({ ...clientEnvironment(gated), ...functionEnvironment(stack, plans, surroundings) }),
    region: REGION,
    accountId: ACCOUNT_ID,
    logFolder: join(folder, 'logs'),
    hold: clock.hold,
  });
  const definition = assembly.definition.replace(/\$\{(\w+)\}/g, (_, name) => `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:function:${name}`);
  const machine = compileMachine({ name: 'Stepgate', arn: STATE_MACHINE_ARN, roleArn: ROLE_ARN, definition, createdAt: clock.now() });
  const functions = faults === undefined ? keep(host) : faultyFunctions(keep(host), { desk: faults, clock, patienceSeconds: patienceOf(machine) });
  const events = statusChanges({ file: join(folder, 'events.jsonl'), functions, clock, region: REGION, accountId: ACCOUNT_ID, faults });
  const executions = openExecutions({
    folder: join(folder, 'executions'),
    machine,
    region: REGION,
    clock,
    functions,
    onStateExited,
    onEnded: keep(events).tell,
    // Planned faults pass by being met; nobody outside does anything about them.
    ...(faults === undefined ? {} : { realPauseMs: 0 }),
  });
  const startExecution = starterOf(keep(executions));
  const at = { clock, region: REGION, accountId: ACCOUNT_ID };
  const invoke = (functionArn: string, payload: string) => void functions.invoke(functionArn, payload).catch(() => undefined);
  const endpoints = {
    ...databaseEndpoints,
    s3: keep(await startS3(buckets)).url,
    sns: keep(await startSns({ file: join(folder, 'notifications.jsonl'), topicArn: stack.topicArn, clock })).url,
    sfn: keep(await startStepFunctions(executions)).url,
    scheduler: keep(await startScheduler({ folder: join(folder, 'schedules'), ...at, startExecution, invoke })).url,
  };
  const gated = faults === undefined ? endpoints : await openGates(endpoints, { desk: faults, keep, killFunction: host.killBusy, crashServer });
  return endpoints;
}

/** Only the functions go through the gates; whoever looks on does not. */
async function openGates(
  endpoints: Endpoints,
  { keep, ...gate }: Omit<GateOptions, 'service' | 'url' | 'whenServing'> & { readonly keep: Surroundings['keep'] },
): Promise<Endpoints> {
  let serving = Promise.resolve();
  const crashServer = () => {
    serving = gate.crashServer();
    return serving;
  };
  const open = async (service: keyof Endpoints) =>
    keep(await openGate({ ...gate, crashServer, whenServing: () => serving, service, url: endpoints[service] })).url;
  return {
    rds: await open('rds'),
    rdsData: await open('rdsData'),
    s3: await open('s3'),
    sns: await open('sns'),
    sfn: await open('sfn'),
    scheduler: await open('scheduler'),
  };
}

/** TimeoutSeconds of the Task that invokes a function. */
function patienceOf({ states }: Machine): (name: string) => number {
  return (name) => {
    const asking = Object.values(states).find((state) => state.Type === 'Task' && JSON.stringify(state.Arguments).includes(`:function:${name}"`));
    return asking?.Type === 'Task' && typeof asking.TimeoutSeconds === 'number' ? asking.TimeoutSeconds : 0;
  };
}

/** Puts each plan where the construct would; gives the digests by plan. */
function putPlans(plans: ServiceOptions['plans'], bucket: string, buckets: Buckets): Record<string, string> {
  const digests: Record<string, string> = {};
  for (const [id, json] of plans) {
    const digest = createHash('sha256').update(json, 'utf8').digest('hex');
    buckets.put(bucket, `plans/${digest}.json`, Buffer.from(json), false);
    digests[id] = digest;
  }
  return digests;
}

/** StartExecution as a schedule's target. */
function starterOf(executions: Executions): SchedulesOptions['startExecution'] {
  return ({ stateMachineArn, name, input }) => {
    if (stateMachineArn !== executions.machine.arn) throw new Error(`StateMachineDoesNotExist: ${stateMachineArn}`);
    JSON.parse(input);
    if (executions.start({ name, input }) === undefined) throw new Error(`ExecutionAlreadyExists: ${name}`);
  };
}

/** What the functions are told of the second door. */
export function deadManPlaceOf({ region, accountId }: Stack): DeadManPlace {
  return {
    groupName: 'default',
    targetArn: `arn:aws:lambda:${region}:${accountId}:function:SettleRun`,
    roleArn: `arn:aws:iam::${accountId}:role/StepgateDeadMan`,
    deadLetterArn: `arn:aws:sqs:${region}:${accountId}:StepgateDeadLetters`,
  };
}

function functionEnvironment(
  stack: Stack,
  plans: Readonly<Record<string, string>>,
  { snapshot, restore, place }: Pick<Surroundings, 'snapshot' | 'restore' | 'place'>,
): Environment & Record<string, string> {
  return {
    STEPGATE_CLUSTER_ID: stack.clusterId,
    STEPGATE_CLUSTER_ARN: stack.clusterArn,
    STEPGATE_SECRET_ARN: stack.secretArn,
    STEPGATE_DATABASE: stack.database,
    STEPGATE_PLAN_BUCKET: stack.planBucket,
    STEPGATE_REPORT_BUCKET: stack.reportBucket,
    STEPGATE_TOPIC_ARN: stack.topicArn,
    STEPGATE_PLANS: JSON.stringify(plans),
    STEPGATE_SNAPSHOT: snapshot,
    STEPGATE_RESTORE: restore,
    STEPGATE_INSTANCES: '["*"]',
    STEPGATE_PLACE: JSON.stringify(place),
    STEPGATE_DEAD_MAN: JSON.stringify(deadManPlaceOf(stack)),
    // There is no X-Ray daemon here.
    POWERTOOLS_TRACE_ENABLED: 'false',
  };
}
