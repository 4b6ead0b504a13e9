import { expect, test } from 'vitest';
import { ALL_FUNCTIONS, FUNCTIONS, type FunctionName } from '../../infra/functions.ts';
import { synthesize } from './synthesized.ts';

const { resources } = synthesize();

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** Every statement of a role's policies, or of a managed policy. */
function statementsOf(prefix: string, of = resources): readonly Statement[] {
  return Object.entries(of).flatMap(([id, { Type, Properties }]) => {
    const isPolicy = id.startsWith(prefix) && (Type === 'AWS::IAM::Policy' || Type === 'AWS::IAM::ManagedPolicy');
    const document = Properties?.PolicyDocument as { readonly Statement: readonly Statement[] } | undefined;
    return isPolicy ? (document?.Statement ?? []) : [];
  });
}

function actionsOf(prefix: string): readonly string[] {
  return statementsOf(prefix)
    .flatMap(({ Action }) => Action)
    .toSorted();
}

/** Resources as text, references as `<Id.Attribute>`. */
function resourcesFor(prefix: string, action: string): readonly string[] {
  return statementsOf(prefix)
    .filter(({ Action }) => [Action].flat().includes(action))
    .flatMap(({ Resource }) => [Resource].flat().map(asText));
}

function asText(value: unknown): string {
  if (typeof value !== 'object' || value === null) {
    return String(value);
  }
  const [[name, inner] = ['', '']] = Object.entries(value);
  return name === 'Fn::Join'
    ? (inner as [string, unknown[]])[1].map(asText).join('')
    : `<${[inner]
        .flat()
        .join('.')
        .replace(/[0-9A-F]{8}(?=\.|$)/, '')}>`;
}

const TRACES = ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'];
const LOGS = ['logs:CreateLogStream', 'logs:PutLogEvents'];
const DATABASE = ['BeginTransaction', 'ExecuteStatement', 'RollbackTransaction'].map((name) => `rds-data:${name}`);
const BY_ACCESS: Readonly<Record<string, readonly string[]>> = {
  database: [...DATABASE, 'secretsmanager:GetSecretValue'],
  'describe-cluster': ['rds:DescribeDBClusters', 'rds:DescribeDBClusterSnapshots', 'rds:DescribeDBInstances'],
  'create-snapshot': ['rds:CreateDBClusterSnapshot', 'rds:AddTagsToResource'],
  restore: [
    ...['RestoreDBClusterFromSnapshot', 'CreateDBInstance', 'AddTagsToResource', 'ModifyDBCluster'].map((name) => `rds:${name}`),
    ...['rds:EnableHttpEndpoint', 'rds:DisableHttpEndpoint', 'kms:DescribeKey', 'kms:CreateGrant', ...DATABASE],
  ],
  'describe-executions': ['states:DescribeExecution'],
  'start-executions': ['states:StartExecution'],
  'set-dead-man': ['scheduler:CreateSchedule', 'scheduler:UpdateSchedule', 'iam:PassRole'],
  'remove-dead-man': ['scheduler:DeleteSchedule'],
  'read-plans': ['s3:GetObject', 's3:ListBucket', 'kms:Decrypt'],
  'read-journal': ['s3:GetObject', 's3:ListBucket', 'kms:Decrypt'],
  'write-journal': ['s3:PutObject', 'kms:GenerateDataKey'],
  publish: ['sns:Publish', 'kms:Decrypt', 'kms:GenerateDataKey'],
};

test.each(Object.keys(FUNCTIONS) as FunctionName[])('%s may do what its list says, and no more', (name) => {
  const asked = FUNCTIONS[name].access.flatMap((access) => BY_ACCESS[access] ?? []);
  expect([...new Set(actionsOf(`StepgateFunctions${name}Role`))]).toEqual([...new Set([...LOGS, ...TRACES, ...asked])].toSorted());
});

const QUEUE = ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'];

test('SettleRun may do what its list says and tell the dead-letter queue when it could not, and no more', () => {
  const role = 'StepgateSecondDoorSettleRunRole';
  const asked = ALL_FUNCTIONS.SettleRun.access.flatMap((access) => BY_ACCESS[access] ?? []);
  expect([...new Set(actionsOf(role))]).toEqual([...new Set([...LOGS, ...TRACES, ...asked, ...QUEUE])].toSorted());
  expect(resourcesFor(role, 'states:StartExecution')).toEqual([
    'arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:Crm-Stepgate',
  ]);
});

test('no action of ours is a wildcard', () => {
  const ours = Object.keys(resources).filter((id) => id.startsWith('Stepgate') && !id.startsWith('StepgateStoragePlanDeploymentRole'));
  const actions = ours.flatMap((id) => actionsOf(id)).filter((action) => action.includes('*'));
  expect(actions).toEqual([]);
});

test('only traces, the delivery of logs and the list of schedules go to every resource', () => {
  const everywhere = statementsOf('Stepgate').filter(({ Resource }) => [Resource].flat().includes('*'));
  const actions = new Set(everywhere.flatMap(({ Action }) => Action));
  expect(
    [...actions].filter(
      (action) => !/^(xray:|scheduler:ListSchedules$|logs:.*(LogDelivery|LogDeliveries|ResourcePolicy|ResourcePolicies|LogGroups)$)/.test(action),
    ),
  ).toEqual([]);
});

test('the database permissions name one cluster and one secret', () => {
  expect(resourcesFor('StepgateFunctionsRunPhaseRole', 'rds-data:ExecuteStatement')).toEqual([
    'arn:<AWS::Partition>:rds:<AWS::Region>:<AWS::AccountId>:cluster:crm-production',
  ]);
  expect(resourcesFor('StepgateFunctionsRunPhaseRole', 'secretsmanager:GetSecretValue')).toEqual([
    'arn:aws:secretsmanager:eu-central-1:111122223333:secret:crm/migrator-a1B2c3',
  ]);
});

test('a snapshot can be taken of this cluster only, under our prefix, with our tags', () => {
  const role = 'StepgateFunctionsCreateSnapshotRole';
  const snapshots = 'arn:<AWS::Partition>:rds:<AWS::Region>:<AWS::AccountId>:cluster-snapshot:stepgate-*';
  expect(resourcesFor(role, 'rds:CreateDBClusterSnapshot').toSorted()).toEqual([
    snapshots,
    'arn:<AWS::Partition>:rds:<AWS::Region>:<AWS::AccountId>:cluster:crm-production',
  ]);
  expect(resourcesFor(role, 'rds:AddTagsToResource')).toEqual([snapshots]);
  expect(statementsOf(role).find(({ Action }) => Action === 'rds:AddTagsToResource')?.Condition).toEqual({
    'ForAllValues:StringLike': { 'aws:TagKeys': ['stepgate:*'] },
  });
});

test('a stack that prepares may make clusters of its own names, and change no other', () => {
  const role = 'StepgateFunctionsRestoreClusterRole';
  const [cluster, instance] = ['cluster', 'db'].map((kind) => `arn:<AWS::Partition>:rds:<AWS::Region>:<AWS::AccountId>:${kind}:stepgate-restored-*`);
  for (const action of ['rds:ModifyDBCluster', 'rds:EnableHttpEndpoint', 'rds:DisableHttpEndpoint'])
    expect(resourcesFor(role, action)).toEqual([cluster]);
  expect(resourcesFor(role, 'rds:AddTagsToResource')).toEqual([cluster, instance]);
  expect(resourcesFor(role, 'rds:CreateDBInstance').filter((name) => /:(db|cluster):/.test(name))).toEqual([instance, cluster]);
  expect(actionsOf(role)).not.toContain('rds:ModifyDBInstance');
  expect(statementsOf(role).find(({ Action }) => Action === 'kms:CreateGrant')?.Condition).toMatchObject({
    Bool: { 'kms:GrantIsForAWSResource': 'true' },
  });
});

test('a stack that swaps may rename its cluster and that one’s instances, and one that restores nothing may not even make one', () => {
  const role = 'StepgateFunctionsRestoreClusterRole';
  const swapping = statementsOf(role, synthesize({ restore: 'swap' }).resources);
  const named = (action: string) =>
    swapping
      .filter(({ Action }) => [Action].flat().includes(action))
      .flatMap(({ Resource }) => [Resource].flat().map(asText))
      .map((text) => text.replace(/^.*:(cluster|db):/, ''));
  expect(new Set(named('rds:ModifyDBCluster'))).toEqual(
    new Set(['crm-production', 'crm-production-before-*', 'stepgate-before-*', 'stepgate-restored-*']),
  );
  expect(new Set(named('rds:ModifyDBInstance'))).toEqual(
    new Set(['crm-production*', 'crm-production*-before-*', 'stepgate-before-*', 'stepgate-restored-*']),
  );
  const actions = (restore: 'swap' | 'none') => statementsOf(role, synthesize({ restore }).resources).flatMap(({ Action }) => Action);
  expect(actions('none').filter((action) => /rds:(?!Describe)/.test(action))).toEqual([]);
  expect([...actions('swap'), ...actions('none')].filter((action) => action.includes('Delete'))).toEqual([]);
});

test('the lock asks for executions of this machine only', () => {
  expect(resourcesFor('StepgateFunctionsAcquireLockRole', 'states:DescribeExecution')).toEqual([
    'arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:Crm-Stepgate:*',
  ]);
});

test('the machine may invoke its functions in any version, and nothing else', () => {
  const invoked = resourcesFor('StepgateWorkflowRole', 'lambda:InvokeFunction');
  expect(invoked.toSorted()).toEqual(
    Object.keys(FUNCTIONS)
      .map((name) => `<StepgateFunctions${name}.Arn>:*`)
      .toSorted(),
  );
});

test('who may start runs may also stop and follow them; who may view changes nothing', () => {
  expect(actionsOf('StepgatePoliciesStart')).toEqual(
    expect.arrayContaining(['states:StartExecution', 'states:StopExecution', 'states:DescribeExecution']),
  );
  expect(resourcesFor('StepgatePoliciesStart', 'states:StartExecution')).toEqual(['<Stepgate>']);
  expect(actionsOf('StepgatePoliciesView').filter((action) => !/:(Describe|Get|List|Decrypt)/.test(action))).toEqual([]);
});

test('who may schedule may do so in the group of this stack only, with the role that starts runs', () => {
  expect(resourcesFor('StepgatePoliciesSchedule', 'scheduler:CreateSchedule')).toEqual([
    'arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/Crm-Stepgate/*',
  ]);
  expect(resourcesFor('StepgatePoliciesSchedule', 'scheduler:ListSchedules'), 'which knows no narrower resource').toEqual(['*']);
  expect(resourcesFor('StepgatePoliciesSchedule', 'iam:PassRole')).toEqual(['<StepgateSchedulingRole.Arn>']);
  expect(actionsOf('StepgateSchedulingRole')).toEqual(['sqs:SendMessage', 'states:StartExecution']);
});

test('a fence’s dead man may be set under its own prefix only, with a role that opens the second door and does nothing else', () => {
  const own = ['arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/Crm-Stepgate/dead-man-*'];
  for (const role of ['StepgateFunctionsRaiseFenceRole', 'StepgateSecondDoorSettleRunRole']) {
    expect(resourcesFor(role, 'scheduler:CreateSchedule')).toEqual(own);
    expect(resourcesFor(role, 'iam:PassRole')).toEqual(['<StepgateSchedulingDeadManRole.Arn>']);
    expect(statementsOf(role).find(({ Action }) => Action === 'iam:PassRole')?.Condition).toEqual({
      StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' },
    });
  }
  expect(resourcesFor('StepgateFunctionsLowerFenceRole', 'scheduler:DeleteSchedule')).toEqual(own);
  expect(actionsOf('StepgateSchedulingDeadManRole')).toEqual(['lambda:InvokeFunction', 'sqs:SendMessage']);
  expect(resourcesFor('StepgateSchedulingDeadManRole', 'lambda:InvokeFunction')).toEqual(['<StepgateSecondDoorSettleRun.Arn>']);
});
