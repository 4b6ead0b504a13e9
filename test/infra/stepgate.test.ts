import { readdirSync, readFileSync } from 'node:fs';
import { Match } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import { DeadManPlace } from '../../core/run/dead-man.ts';
import { Environment } from '../../core/run/environment.ts';
import { FUNCTIONS } from '../../infra/functions.ts';
import { stateMachine } from '../../infra/state-machine.asl.ts';
import { DIGEST, JSON_TEXT, PLANS, synthesize } from './synthesized.ts';
import { findCycle, references } from './template-graph.ts';

const SCHEDULE = { plan: 'lead-centric', mode: 'execute', at: '2026-11-29T02:00', zone: 'Europe/Berlin', digest: DIGEST } as const;

const { app, stack, template, resources } = synthesize({ schedules: [SCHEDULE] });
const names = Object.keys(FUNCTIONS);
const taskFunctions = Object.entries(resources).filter(([id, { Type }]) => Type === 'AWS::Lambda::Function' && id.startsWith('StepgateFunctions'));

function environmentOf(properties: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return (properties.Environment as { readonly Variables: Readonly<Record<string, unknown>> }).Variables;
}

/** The properties of the only resource of a type. */
function only<Properties>(type: string): Properties {
  const [resource, ...others] = Object.values(template.findResources(type));
  expect(others).toEqual([]);
  return resource?.Properties as Properties;
}

test('the template has no cycle', () => {
  expect(findCycle(references(resources))).toBeUndefined();
});

test('the search for cycles finds one', () => {
  const cyclic = {
    A: { Type: 'X', Properties: { Name: { 'Fn::Sub': '${B.Arn}' } } },
    B: { Type: 'X', DependsOn: ['C'] },
    C: { Type: 'X', Properties: { a: [{ Ref: 'A' }] } },
  };
  expect(findCycle(references(cyclic))).toEqual(['A', 'B', 'C', 'A']);
});

test('cdk-nag has no open finding', () => {
  expect(new AwsSolutionsChecks(app).validateScope(stack).violations).toEqual([]);
});

test('each Task has a function with its own limit, on Node 24 and arm64, traced, in its own log group', () => {
  expect(taskFunctions).toHaveLength(names.length);
  for (const name of names) {
    const properties = taskFunctions.find(([, { Properties }]) => Properties?.Description === `Stepgate: ${name}`)?.[1].Properties;
    expect(properties, name).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Timeout: FUNCTIONS[name as keyof typeof FUNCTIONS].timeoutSeconds,
      TracingConfig: { Mode: 'Active' },
      LoggingConfig: { LogGroup: { Ref: expect.stringContaining(`${name}Logs`) } },
    });
  }
});

test('each function is told where things are, by exactly the names that functions read', () => {
  for (const [id, { Properties }] of taskFunctions) {
    const variables = environmentOf(Properties);
    const told = Object.keys(variables).filter((variable) => variable.startsWith('STEPGATE_'));
    expect(told.toSorted(), id).toEqual(Object.keys(Environment.shape).toSorted());
    expect(variables).toMatchObject({ STEPGATE_PLANS: JSON.stringify({ 'lead-centric': DIGEST }), POWERTOOLS_METRICS_NAMESPACE: 'Stepgate' });
  }
});

test('each placeholder of the definition becomes the ARN of a version that is kept', () => {
  const { DefinitionString, DefinitionSubstitutions } = only<{ DefinitionString: string; DefinitionSubstitutions: Record<string, { Ref: string }> }>(
    'AWS::StepFunctions::StateMachine',
  );
  expect(JSON.parse(DefinitionString)).toEqual(JSON.parse(JSON.stringify(stateMachine)));
  expect(Object.keys(DefinitionSubstitutions).toSorted()).toEqual(names.toSorted());
  for (const [name, { Ref }] of Object.entries(DefinitionSubstitutions)) {
    expect(Ref).toMatch(new RegExp(`^StepgateFunctions${name}CurrentVersion`));
    expect(resources[Ref]).toMatchObject({ Type: 'AWS::Lambda::Version', DeletionPolicy: 'Retain' });
  }
});

test('the machine has a fixed name, traces, and logs no execution data', () => {
  template.hasResourceProperties('AWS::StepFunctions::StateMachine', {
    StateMachineName: 'Crm-Stepgate',
    StateMachineType: 'STANDARD',
    TracingConfiguration: { Enabled: true },
    LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false },
  });
  template.hasResourceProperties('AWS::Logs::LogGroup', {
    LogGroupName: Match.objectLike({ 'Fn::Join': ['', Match.arrayWith(['/aws/vendedlogs/states/Crm-Stepgate-'])] }),
  });
});

test('every log group has a retention', () => {
  for (const [id, { Properties }] of Object.entries(template.findResources('AWS::Logs::LogGroup'))) {
    expect(Properties?.RetentionInDays, id).toBe(180);
  }
});

test('what records the past outlives the stack, and nothing else, so that the same stack can be deployed again', () => {
  const kept = new Set(Object.values(resources).flatMap(({ Type, DeletionPolicy }) => (DeletionPolicy === 'Retain' ? [Type] : [])));
  expect([...kept].toSorted()).toEqual(['AWS::KMS::Key', 'AWS::Lambda::Version', 'AWS::Logs::LogGroup', 'AWS::S3::Bucket']);
  for (const { Type, Properties } of Object.values(resources).filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain')) {
    expect(Properties, Type).not.toHaveProperty('BucketName');
  }
});

test('the machine is changed only after the plans are in place', () => {
  const [machine] = Object.values(template.findResources('AWS::StepFunctions::StateMachine'));
  expect(machine?.DependsOn).toEqual(expect.arrayContaining([expect.stringMatching(/PlanDeployment.*CustomResource/)]));
});

test('plans are copied, never pruned, and stay when the stack goes', () => {
  template.hasResourceProperties('Custom::CDKBucketDeployment', { Prune: false, RetainOnDelete: true });
});

test('a plan lies in its asset byte for byte', () => {
  const files = readdirSync(app.outdir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith(`plans/${DIGEST}.json`));
  expect(files.map((file) => readFileSync(`${app.outdir}/${file}`, 'utf8'))).toEqual([JSON_TEXT]);
});

test('plans and reports are versioned, encrypted, closed to the public, reached by TLS only, and their readers logged', () => {
  for (const id of ['Plans', 'Reports']) {
    const [[logicalId, bucket] = ['', undefined]] = Object.entries(template.findResources('AWS::S3::Bucket')).filter(([key]) =>
      key.startsWith(`StepgateStorage${id}`),
    );
    expect(bucket, id).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: {
        VersioningConfiguration: { Status: 'Enabled' },
        BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }] },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
        LoggingConfiguration: { LogFilePrefix: `${id.toLowerCase()}/` },
      },
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      Bucket: { Ref: logicalId },
      PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } })]) },
    });
  }
  template.hasResourceProperties('AWS::KMS::Key', { EnableKeyRotation: true });
});

test('the topic is encrypted, takes TLS only, and admits alarms', () => {
  template.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
  template.hasResourceProperties('AWS::SNS::TopicPolicy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        Match.objectLike({ Effect: 'Allow', Principal: { Service: 'cloudwatch.amazonaws.com' }, Action: 'sns:Publish' }),
      ]),
    },
  });
  template.hasResourceProperties('AWS::KMS::Key', {
    KeyPolicy: {
      Statement: Match.arrayWith([
        Match.objectLike({ Principal: { Service: 'cloudwatch.amazonaws.com' }, Action: ['kms:Decrypt', 'kms:GenerateDataKey*'] }),
      ]),
    },
  });
});

test.each(['ExecutionsFailed', 'ExecutionsTimedOut', 'ExecutionsAborted', 'ApproximateNumberOfMessagesVisible'])(
  'one %s raises an alarm',
  (MetricName) => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      TreatMissingData: 'notBreaching',
      AlarmActions: [{ Ref: Match.stringLikeRegexp('^StepgateTopic') }],
    });
  },
);

test('an execution of this machine that ends without success calls SettleRun, late rather than never', () => {
  const settle = { 'Fn::GetAtt': [Match.stringLikeRegexp('^StepgateSecondDoorSettleRun'), 'Arn'] };
  const queue = { 'Fn::GetAtt': [Match.stringLikeRegexp('DeadLetters'), 'Arn'] };
  template.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: {
      source: ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      detail: { status: ['FAILED', 'TIMED_OUT', 'ABORTED'], stateMachineArn: [{ Ref: Match.stringLikeRegexp('^Stepgate') }] },
    },
    Targets: [
      Match.objectLike({
        Arn: settle,
        DeadLetterConfig: { Arn: queue },
        RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
      }),
    ],
  });
  template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    MaximumRetryAttempts: 2,
    DestinationConfig: { OnFailure: { Destination: queue } },
  });
});

test('every Task’s function knows the second door, and the door not itself', () => {
  const told = taskFunctions.map(([, { Properties }]) => environmentOf(Properties).STEPGATE_DEAD_MAN as { 'Fn::Join': [string, unknown[]] });
  const text = (told[0]?.['Fn::Join'][1] ?? []).map((part) => (typeof part === 'string' ? part : 'ARN')).join('');
  expect(DeadManPlace.parse(JSON.parse(text))).toEqual({ groupName: 'Crm-Stepgate', targetArn: 'ARN', roleArn: 'ARN', deadLetterArn: 'ARN' });
  expect(new Set(told.map((one) => JSON.stringify(one))).size).toBe(1);
  const [, door] = Object.entries(resources).find(([id, { Type }]) => Type === 'AWS::Lambda::Function' && id.startsWith('StepgateSecondDoor')) ?? [];
  expect(environmentOf(door?.Properties).STEPGATE_DEAD_MAN).toBe('');
});

test('a run that nobody could settle raises an alarm of this machine only', () => {
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    Namespace: 'Stepgate',
    MetricName: 'RunsNotRecovered',
    Dimensions: Match.arrayWith([
      { Name: 'machine', Value: 'Crm-Stepgate' },
      { Name: 'service', Value: 'SettleRun' },
    ]),
  });
});

test('a schedule starts one named run, punctually or not at all, and leaves a trace when it could not', () => {
  const { Target, ...properties } = only<{ Target: { Input: { 'Fn::Join': [string, unknown[]] } } }>('AWS::Scheduler::Schedule');
  expect(properties).toMatchObject({
    Name: 'execute-lead-centric-20261129T0200',
    ScheduleExpression: 'at(2026-11-29T02:00:00)',
    ScheduleExpressionTimezone: 'Europe/Berlin',
    FlexibleTimeWindow: { Mode: 'OFF' },
  });
  expect(Target).toMatchObject({
    Arn: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':scheduler:::aws-sdk:sfn:startExecution']] },
    RetryPolicy: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 3 },
    DeadLetterConfig: { Arn: { 'Fn::GetAtt': [expect.stringMatching(/DeadLetters/), 'Arn'] } },
  });
  const input = JSON.parse(Target.Input['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : 'MACHINE')).join('')) as Record<
    string,
    string
  >;
  expect({ ...input, Input: JSON.parse(input.Input ?? '') }).toEqual({
    StateMachineArn: 'MACHINE',
    Name: 'execute-lead-centric-20261129T0200',
    Input: { plan: 'lead-centric', mode: 'execute', digest: DIGEST, start: '2026-11-29T01:00:00.000Z' },
  });
});

test.each([
  { name: 'a digest that is not deployed', schedule: { ...SCHEDULE, digest: 'a'.repeat(64) }, says: `but this stack deploys ${DIGEST}` },
  {
    name: 'a plan that is not deployed',
    schedule: { ...SCHEDULE, plan: 'other' },
    says: 'names plan "other", which this stack does not hold; it holds lead-centric',
  },
])('a schedule with $name is refused', ({ schedule, says }) => {
  expect(() => synthesize({ schedules: [schedule] })).toThrow(says);
});

test.each([
  { name: 'no plan', props: { plans: {} }, says: 'a stack holds 1 to 25 plans, got 0' },
  { name: 'a digest of another text', props: { plans: { 'lead-centric': { json: '{}', digest: DIGEST } } }, says: 'is said to be' },
  { name: 'an impossible name', props: { stateMachineName: 'no spaces' }, says: '"no spaces" cannot name a state machine' },
])('a stack with $name is refused', ({ props, says }) => {
  expect(() => synthesize(props)).toThrow(says);
});

test('the most plans that are allowed still fit into an environment', () => {
  const most = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`${'p'.repeat(38)}${String.fromCharCode(97 + i)}`, PLANS['lead-centric']]));
  const { resources: many } = synthesize({ plans: most });
  const environments = Object.values(many).flatMap(({ Type, Properties }) =>
    Type === 'AWS::Lambda::Function' ? [JSON.stringify(Properties?.Environment ?? '')] : [],
  );
  expect(Math.max(...environments.map((text) => text.length))).toBeLessThan(4096);
});

test('what a person and the command line need to know is an output, found by the end of its key', () => {
  const outputs = template.toJSON().Outputs as Record<string, { readonly Value: unknown }>;
  expect(outputs.StepgateInput?.Value).toBe('{ "plan": "lead-centric", "mode": "dry-run" }');
  expect(outputs.StepgatePlanDigests?.Value).toBe(JSON.stringify({ 'lead-centric': DIGEST }));
  expect(Object.keys(outputs)).toEqual(
    expect.arrayContaining(
      ['StateMachineArn', 'ConsoleLink', 'ReportBucket', 'PlanBucket', 'StartPolicyArn', 'ViewPolicyArn', 'ScheduleGroupName'].map(
        (end) => `Stepgate${end}`,
      ),
    ),
  );
});
