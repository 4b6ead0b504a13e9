import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Duration, RemovalPolicy, Stack, Stage } from 'aws-cdk-lib';
import type { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Environment, SnapshotPolicy } from '../core/run/environment.ts';
import type { RestorePolicy } from '../core/run/restore-work.ts';
import { PLAIN_PLACE } from '../core/run/run-place.ts';
import { makeAlarms } from './alarms.ts';
import { bundleFunctions } from './bundle.ts';
import { type DatabaseProps, type DatabaseTarget, databaseTarget } from './database-target.ts';
import { type DeployedPlan, deployedPlans, type PlanDocument } from './deployed-plans.ts';
import { executionArnsOf, machineArnOf, machineName } from './machine-name.ts';
import { makeTopic } from './notifications.ts';
import type { OneTimeSchedule } from './one-time-schedule.ts';
import { makeOperatorPolicies, type OperatorPolicies } from './operator-policies.ts';
import { consoleLink, inputLines, makeOutputs, outputPrefix } from './outputs.ts';
import { makeScheduleGroup, makeScheduling, type Scheduling } from './scheduling.ts';
import { makeSecondDoor, openSecondDoor } from './second-door.ts';
import { makeStorage, type Storage } from './storage.ts';
import { makeTaskFunctions } from './task-functions.ts';
import { makeWorkflow } from './workflow.ts';

export interface StepgateProps {
  /** The cluster whose database plans change; it and its secret are read, never modified, by this construct. */
  readonly database: DatabaseProps;
  /** The compiled plans by their ids, as `loadPlans` reads them from a folder; 1 to 25. */
  readonly plans: Readonly<Record<string, PlanDocument>>;
  /**
   * Runs that start by themselves, once each.
   *
   * @default - none: runs are started by people
   */
  readonly schedules?: readonly OneTimeSchedule[];
  /**
   * Whether a run takes a snapshot before its first change. `none` is for an operator who has another way back: every gate and the report say that there is none.
   *
   * @default 'required'
   */
  readonly snapshot?: SnapshotPolicy;
  /**
   * What is done with the snapshot when the phases cannot be undone, or a rollback asks for it: `prepare` restores it into a new cluster beside this
   * one, with every setting, and leaves the swap to a person; `swap` gives that cluster this one's name, too, where no write is lost by it; `none`
   * restores nothing.
   *
   * @default 'prepare'
   */
  readonly restore?: RestorePolicy;
  /**
   * The state machine's name, at most 64 characters; also that of the group of schedules.
   *
   * @default - made from the stack's name and the construct's id
   */
  readonly stateMachineName?: string;
  /**
   * Where alarms go.
   *
   * @default - the topic that runs tell their outcome to
   */
  readonly alarmTopic?: ITopic;
  /**
   * How long reports and journals are kept.
   *
   * @default - for ever
   */
  readonly reportRetention?: Duration;
  /**
   * How long logs are kept.
   *
   * @default RetentionDays.SIX_MONTHS
   */
  readonly logRetention?: RetentionDays;
  /**
   * What happens to buckets, key and logs when the stack goes; a bucket that is not empty stays in any case.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Memory of each function in MB.
   *
   * @default 512
   */
  readonly memorySize?: number;
  /**
   * A folder that holds `<FunctionName>/index.mjs` for each function.
   *
   * @default - those of the package; in this repository bundled from the sources into the cloud assembly
   */
  readonly bundleFolder?: string;
}

/** The root of the sources, or of what is emitted from them: this file lies in infra/. */
const ROOT = path.resolve(import.meta.dirname, '..');

/** What the package's build leaves beside the emitted files. */
const PREBUILT = path.join(ROOT, 'functions');

/** Runs the migrations of one Aurora PostgreSQL database: the state machine with its functions, buckets, alarms and schedules. */
export class Stepgate extends Construct {
  readonly stateMachine: StateMachine;
  readonly planBucket: Bucket;
  readonly reportBucket: Bucket;
  /** Outcomes of runs and, unless told otherwise, alarms. */
  readonly topic: ITopic;
  /** To attach to the roles of people. */
  readonly policies: { readonly start: ManagedPolicy; readonly view: ManagedPolicy; readonly schedule: ManagedPolicy };

  constructor(scope: Construct, id: string, props: StepgateProps) {
    super(scope, id);
    const common = { logRetention: props.logRetention ?? RetentionDays.SIX_MONTHS, removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN };
    const stateMachineName = machineName(this, props.stateMachineName);
    const executionArns = executionArnsOf(this, stateMachineName);
    const plans = deployedPlans(props.plans);
    const database = databaseTarget(this, props.database);
    const storage = makeStorage(this, { plans, reportRetention: props.reportRetention ?? null, ...common });
    const restore = props.restore ?? 'prepare';
    const topic = makeTopic(this, storage.key);
    const schedules = makeScheduleGroup(this, stateMachineName);
    const functionProps = {
      bundleFolder: props.bundleFolder ?? (existsSync(PREBUILT) ? PREBUILT : bundled(this)),
      environment: environment(this, { database, storage, topic, plans, snapshot: props.snapshot ?? 'required', restore }),
      memorySize: props.memorySize ?? 512,
      database,
      storage,
      topic,
      executionArns,
      stateMachineArn: machineArnOf(this, stateMachineName),
      restore,
      ...common,
    };
    const door = makeSecondDoor(this, { ...functionProps, schedules });
    const functions = makeTaskFunctions(this, {
      ...functionProps,
      deadMan: door.deadMan,
      environment: { ...functionProps.environment, STEPGATE_DEAD_MAN: Stack.of(this).toJsonString(door.deadManPlace) },
    });
    const workflow = makeWorkflow(this, { stateMachineName, functions, ...common });
    workflow.node.addDependency(storage.planDeployment);
    openSecondDoor(door, workflow);
    const scheduling = makeScheduling(schedules, { workflow, plans, schedules: props.schedules ?? [] });
    makeAlarms(this, { workflow, stateMachineName, deadLetters: scheduling.deadLetters, topic: props.alarmTopic ?? topic });
    const policies = makeOperatorPolicies(this, { workflow, executionArns, storage, scheduling });
    tellOutputs(this, { workflow, plans, database, storage, topic, scheduling, policies });
    this.stateMachine = workflow;
    this.planBucket = storage.planBucket;
    this.reportBucket = storage.reportBucket;
    this.topic = topic;
    this.policies = policies;
  }
}

/** Bundles into the cloud assembly, which is as long-lived as the assets made from it. */
function bundled(scope: Construct): string {
  const assembly = Stage.of(scope)?.assetOutdir;
  if (assembly === undefined) {
    throw new Error(`${scope.node.path} belongs to no CDK app, so there is no place for its bundles; give bundleFolder, or make it inside an App`);
  }
  const outFolder = path.join(assembly, `functions-${scope.node.addr}`);
  bundleFunctions({ outFolder, root: ROOT });
  return outFolder;
}

function environment(
  scope: Construct,
  {
    database,
    storage,
    topic,
    plans,
    snapshot,
    restore,
  }: {
    readonly database: DatabaseTarget;
    readonly storage: Storage;
    readonly topic: ITopic;
    readonly plans: readonly DeployedPlan[];
    readonly snapshot: SnapshotPolicy;
    readonly restore: RestorePolicy;
  },
): Environment {
  return {
    STEPGATE_CLUSTER_ID: database.clusterId,
    STEPGATE_CLUSTER_ARN: database.clusterArn,
    STEPGATE_SECRET_ARN: database.secretArn,
    STEPGATE_DATABASE: database.databaseName,
    STEPGATE_PLAN_BUCKET: storage.planBucket.bucketName,
    STEPGATE_REPORT_BUCKET: storage.reportBucket.bucketName,
    STEPGATE_TOPIC_ARN: topic.topicArn,
    STEPGATE_PLANS: digestsById(plans),
    STEPGATE_SNAPSHOT: snapshot,
    STEPGATE_DEAD_MAN: '',
    STEPGATE_RESTORE: restore,
    STEPGATE_INSTANCES: Stack.of(scope).toJsonString(database.instanceNames),
    STEPGATE_PLACE: JSON.stringify({ ...PLAIN_PLACE, options: `--stack ${Stack.of(scope).stackName}/${outputPrefix(scope)}` }),
  };
}

function digestsById(plans: readonly DeployedPlan[]): string {
  return JSON.stringify(Object.fromEntries(plans.map(({ id, digest }) => [id, digest])));
}

function tellOutputs(
  scope: Construct,
  {
    workflow,
    plans,
    database,
    storage,
    topic,
    scheduling,
    policies,
  }: {
    readonly workflow: StateMachine;
    readonly plans: readonly DeployedPlan[];
    readonly database: DatabaseTarget;
    readonly storage: Storage;
    readonly topic: ITopic;
    readonly scheduling: Scheduling;
    readonly policies: OperatorPolicies;
  },
): void {
  makeOutputs(scope, {
    StateMachineArn: workflow.stateMachineArn,
    ConsoleLink: consoleLink(scope, workflow.stateMachineArn),
    Input: inputLines(plans),
    PlanDigests: digestsById(plans),
    ReportBucket: storage.reportBucket.bucketName,
    PlanBucket: storage.planBucket.bucketName,
    ClusterArn: database.clusterArn,
    SecretArn: database.secretArn,
    DatabaseName: database.databaseName,
    TopicArn: topic.topicArn,
    StartPolicyArn: policies.start.managedPolicyArn,
    ViewPolicyArn: policies.view.managedPolicyArn,
    SchedulePolicyArn: policies.schedule.managedPolicyArn,
    ScheduleGroupName: scheduling.groupName,
    SchedulerRoleArn: scheduling.role.roleArn,
    DeadLetterQueueArn: scheduling.deadLetters.queueArn,
  });
}
