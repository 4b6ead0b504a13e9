import type { Stack } from 'aws-cdk-lib';
import { type IVpc, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { AuroraPostgresEngineVersion, ClusterInstance, Credentials, DatabaseCluster, DatabaseClusterEngine } from 'aws-cdk-lib/aws-rds';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import type { DatabaseProps } from '../../infra/database-target.ts';
import { IMPORTED, SECRET_ARN, type Synthesized, synthesize } from './synthesized.ts';
import { findCycle, references } from './template-graph.ts';

const MANAGED_SECRET_ARN = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:rds!cluster-0f3a9d1e-7a3b-4f0c-9d38-0b1c2d3e4f5a-Xy12Zz';
const KEY_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555';

function ownedCluster(stack: Stack, props: { readonly manageMasterUserPassword?: boolean; readonly secretKey?: boolean } = {}): DatabaseCluster {
  return new DatabaseCluster(stack, 'Database', {
    engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_16_4 }),
    vpc: new Vpc(stack, 'Vpc') as IVpc,
    writer: ClusterInstance.serverlessV2('Writer'),
    enableDataApi: true,
    ...(props.manageMasterUserPassword ? { manageMasterUserPassword: true } : {}),
    ...(props.secretKey ? { credentials: Credentials.fromGeneratedSecret('migrator', { encryptionKey: new Key(stack, 'SecretKey') }) } : {}),
  });
}

function owned(stack: Stack, props?: Parameters<typeof ownedCluster>[1]): DatabaseProps {
  const cluster = ownedCluster(stack, props);
  if (cluster.secret === undefined) {
    throw new Error('the cluster has no secret');
  }
  return { cluster, secret: cluster.secret, databaseName: 'crm' };
}

const VARIANTS: readonly {
  readonly name: string;
  readonly database: (stack: Stack) => DatabaseProps;
  readonly clusterId: unknown;
  readonly secret: unknown;
}[] = [
  { name: 'an address', database: () => IMPORTED, clusterId: 'crm-production', secret: SECRET_ARN },
  {
    name: 'an address with a managed secret and its key',
    database: () => ({ ...IMPORTED, secretArn: MANAGED_SECRET_ARN, secretKmsKeyArn: KEY_ARN }),
    clusterId: 'crm-production',
    secret: MANAGED_SECRET_ARN,
  },
  {
    name: 'an owned cluster',
    database: (stack) => owned(stack),
    clusterId: { Ref: 'DatabaseB269D8BB' },
    secret: { Ref: expect.stringContaining('Secret') },
  },
  {
    name: 'an owned cluster whose secret has a key',
    database: (stack) => owned(stack, { secretKey: true }),
    clusterId: { Ref: 'DatabaseB269D8BB' },
    secret: { Ref: expect.stringContaining('Secret') },
  },
  {
    name: 'an owned cluster with a managed secret',
    database: (stack) => owned(stack, { manageMasterUserPassword: true }),
    clusterId: { Ref: 'DatabaseB269D8BB' },
    secret: { 'Fn::GetAtt': ['DatabaseB269D8BB', 'MasterUserSecret.SecretArn'] },
  },
  {
    name: 'an imported cluster and a secret imported by name',
    database: (stack) => ({
      cluster: DatabaseCluster.fromDatabaseClusterAttributes(stack, 'Database', { clusterIdentifier: 'crm-production' }),
      secret: Secret.fromSecretNameV2(stack, 'Secret', 'crm/migrator'),
    }),
    clusterId: 'crm-production',
    secret: { 'Fn::Join': ['', expect.arrayContaining([':secret:crm/migrator'])] },
  },
];

function environmentOf({ resources }: Synthesized): Readonly<Record<string, unknown>> {
  const runPhase = Object.values(resources).find(
    ({ Properties }) => Properties?.Description === 'Stepgate: RunPhase' && Properties.Runtime !== undefined,
  );
  return (runPhase?.Properties?.Environment as { readonly Variables: Readonly<Record<string, unknown>> } | undefined)?.Variables ?? {};
}

test.each(VARIANTS)('$name is where functions look', { timeout: 120_000 }, ({ database, clusterId, secret }) => {
  const made = synthesize({}, (stack) => ({ database: database(stack) }));
  expect(environmentOf(made)).toMatchObject({ STEPGATE_CLUSTER_ID: clusterId, STEPGATE_SECRET_ARN: secret });
  expect(findCycle(references(made.resources))).toBeUndefined();
  const ours = made.stack.node.findChild('Stepgate');
  expect(new AwsSolutionsChecks(made.app).validateScope(ours).violations).toEqual([]);
});

test('an owned cluster, its secret and its key are the same with and without Stepgate', () => {
  const kinds = ['AWS::RDS::', 'AWS::SecretsManager::', 'AWS::EC2::'];
  const own = ({ resources }: Synthesized) =>
    Object.entries(resources).filter(([id, { Type }]) => kinds.some((kind) => Type.startsWith(kind)) || id.startsWith('SecretKey'));
  const beside = synthesize({}, (stack) => {
    owned(stack, { secretKey: true });
    return {};
  });
  const used = synthesize({}, (stack) => ({ database: owned(stack, { secretKey: true }) }));
  expect(own(beside).length).toBeGreaterThan(10);
  expect(own(used)).toEqual(own(beside));
});

test('a secret with a key of its own is decrypted through Secrets Manager only', () => {
  const { template } = synthesize({ database: { ...IMPORTED, secretKmsKeyArn: KEY_ARN } });
  const policies = JSON.stringify(template.findResources('AWS::IAM::Policy'));
  expect(policies).toContain(
    JSON.stringify({ 'kms:ViaService': { 'Fn::Join': ['', ['secretsmanager.', { Ref: 'AWS::Region' }, '.amazonaws.com']] } }),
  );
  expect(policies).toContain(KEY_ARN);
});

test.each([
  { name: 'an upper-case identifier', database: { ...IMPORTED, clusterIdentifier: 'Crm' }, says: '"Crm" is not a cluster identifier' },
  { name: 'two hyphens', database: { ...IMPORTED, clusterIdentifier: 'crm--a' }, says: '"crm--a" is not a cluster identifier' },
  { name: "a secret's name", database: { ...IMPORTED, secretArn: 'crm/migrator' }, says: '"crm/migrator" is not a secret\'s whole ARN' },
  { name: 'an ARN without its end', database: { ...IMPORTED, secretArn: SECRET_ARN.slice(0, -7) }, says: "is not a secret's whole ARN" },
  { name: 'an alias', database: { ...IMPORTED, secretKmsKeyArn: 'alias/crm' }, says: '"alias/crm" is not a key\'s ARN' },
])('$name is refused', ({ database, says }) => {
  expect(() => synthesize({ database })).toThrow(says);
});

test('cdk-nag has no open finding in a stack that knows its account and has all recommended flags', async () => {
  const { default: context } = await import('aws-cdk-lib/recommended-feature-flags.json', { with: { type: 'json' } });
  const { app, stack } = synthesize({}, () => ({}), { env: { account: '111122223333', region: 'eu-central-1' }, context });
  expect(new AwsSolutionsChecks(app).validateScope(stack).violations).toEqual([]);
});
