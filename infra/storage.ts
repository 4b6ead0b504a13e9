import { Duration, Fn, type RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, Source } from 'aws-cdk-lib/aws-s3-deployment';
import { Construct } from 'constructs';
import type { DeployedPlan } from './deployed-plans.ts';
import { acknowledgeWildcards, findingName } from './grant.ts';

/** What outlives the database: plans as they were signed, journals and reports. */
export interface Storage {
  readonly key: Key;
  readonly planBucket: Bucket;
  readonly reportBucket: Bucket;
  /** Done when every plan lies in the bucket. */
  readonly planDeployment: BucketDeployment;
}

export interface StorageProps {
  readonly plans: readonly DeployedPlan[];
  readonly reportRetention: Duration | null;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** A report that was overwritten or deleted can be fetched back for this long. */
const OLD_VERSIONS_KEPT = Duration.days(365);

export function makeStorage(parent: Construct, props: StorageProps): Storage {
  const scope = new Construct(parent, 'Storage');
  const key = new Key(scope, 'Key', {
    description: `Stepgate: plans, reports and notifications of ${parent.node.path}`,
    enableKeyRotation: true,
    removalPolicy: props.removalPolicy,
  });
  const accessLogs = accessLogBucket(scope, props);
  const bucket = (id: string) =>
    new Bucket(scope, id, {
      encryption: BucketEncryption.KMS,
      encryptionKey: key,
      bucketKeyEnabled: true,
      versioned: true,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      // The CDK's own types disagree under exactOptionalPropertyTypes.
      serverAccessLogsBucket: accessLogs as IBucket,
      serverAccessLogsPrefix: `${id.toLowerCase()}/`,
      removalPolicy: props.removalPolicy,
    });
  const planBucket = bucket('Plans');
  const reportBucket = bucket('Reports');
  reportBucket.addLifecycleRule({
    noncurrentVersionExpiration: OLD_VERSIONS_KEPT,
    ...(props.reportRetention === null ? {} : { expiration: props.reportRetention }),
  });
  return { key, planBucket, reportBucket, planDeployment: deployPlans(scope, planBucket, props) };
}

/** Who read or wrote a plan, a journal or a report. S3 delivers such logs only to a bucket without a key of ours. */
function accessLogBucket(scope: Construct, { logRetention, removalPolicy }: StorageProps): Bucket {
  return new Bucket(scope, 'AccessLogs', {
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    lifecycleRules: [{ expiration: Duration.days(logRetention) }],
    removalPolicy,
  });
}

const COPIERS_POLICY = 'service-role/AWSLambdaBasicExecutionRole';

/**
 * Copies each plan to `plans/<digest>.json` and removes none, so that a run finds the plan it began with.
 *
 * CloudFormation has no resource for an object, and a custom resource's request is too small to carry a plan, so some function must
 * copy it from the deployment's assets; this one is the CDK's own.
 */
function deployPlans(scope: Construct, planBucket: Bucket, { plans, logRetention, removalPolicy }: StorageProps): BucketDeployment {
  const role = new Role(scope, 'PlanDeploymentRole', {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName(COPIERS_POLICY)],
  });
  const deployment = new BucketDeployment(scope, 'PlanDeployment', {
    sources: plans.map(({ digest, json }) => Source.data(`plans/${digest}.json`, json)),
    destinationBucket: planBucket as IBucket,
    prune: false,
    retainOnDelete: true,
    outputObjectKeys: false,
    contentType: 'application/json',
    role,
    logGroup: new LogGroup(scope, 'PlanDeploymentLogs', { retention: logRetention, removalPolicy }),
  });
  acknowledgeDeployment(role, planBucket);
  return deployment;
}

function acknowledgeDeployment(role: Role, planBucket: Bucket): void {
  Validations.of(role).acknowledge({
    id: `AwsSolutions-IAM4[Policy::${findingName(role, ManagedPolicy.fromAwsManagedPolicyName(COPIERS_POLICY).managedPolicyArn)}]`,
    reason: "the CDK's copying function runs at deployment only and writes nothing but its own logs with it",
  });
  for (const action of ['s3:GetObject*', 's3:GetBucket*', 's3:List*', 's3:DeleteObject*', 's3:Abort*', 'kms:ReEncrypt*', 'kms:GenerateDataKey*']) {
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM5[Action::${action}]`,
      reason: "the CDK's own grant for copying assets; it names two buckets, and the function runs at deployment only",
    });
  }
  const stack = Stack.of(role);
  const assetBucket = stack.synthesizer.bootstrapQualifier === undefined ? [] : [assetBucketObjects(stack)];
  acknowledgeWildcards(role, {
    actions: [],
    resources: [planBucket.arnForObjects('*'), ...assetBucket],
    wildcardBecause: "the CDK's own grant for copying assets: all of the bootstrap bucket is read, and the other bucket holds nothing but plans",
  });
  const copier = stack.node.children.find(({ node }) => node.id.startsWith('Custom::CDKBucketDeployment'));
  if (copier !== undefined) {
    Validations.of(copier).acknowledge({
      id: 'AwsSolutions-L1',
      reason: 'the CDK chooses the runtime of its copying function, and moves it on with its releases',
    });
  }
}

/** Where the default bootstrap puts assets. */
function assetBucketObjects(stack: Stack): string {
  return Fn.join('', ['arn:', stack.partition, `:s3:::cdk-${stack.synthesizer.bootstrapQualifier}-assets-`, stack.account, '-', stack.region, '/*']);
}
