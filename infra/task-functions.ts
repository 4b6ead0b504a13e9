import path from 'node:path';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Runtime, Tracing, type Version } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Environment } from '../core/run/environment.ts';
import { grantsFor, type Surroundings } from './function-access.ts';
import { ALL_FUNCTIONS, type DoorName, FUNCTIONS, type FunctionName } from './functions.ts';
import { give } from './grant.ts';

export interface TaskFunctionsProps extends Surroundings {
  /** Holds `<FunctionName>/index.mjs` for each function. */
  readonly bundleFolder: string;
  readonly environment: Environment;
  readonly memorySize: number;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

export interface TaskFunction {
  readonly name: FunctionName;
  readonly lambda: NodejsFunction;
  /** What the definition invokes: a running execution keeps the code that it began with. */
  readonly version: Version;
}

/** One function per Task of the definition, each with its own role. */
export function makeTaskFunctions(parent: Construct, props: TaskFunctionsProps): readonly TaskFunction[] {
  const scope = new Construct(parent, 'Functions');
  return (Object.keys(FUNCTIONS) as FunctionName[]).map((name) => {
    const lambda = makeFunction(scope, name, props);
    return { name, lambda, version: lambda.currentVersion };
  });
}

/** A function with its own role, bundle and log group. */
export function makeFunction(scope: Construct, name: FunctionName | DoorName, props: TaskFunctionsProps): NodejsFunction {
  const logGroup = new LogGroup(scope, `${name}Logs`, { retention: props.logRetention, removalPolicy: props.removalPolicy });
  return new NodejsFunction(scope, name, {
    description: `Stepgate: ${name}`,
    // All bundles come from one esbuild call; left to itself, each of these constructs would start one of its own.
    code: Code.fromAsset(path.join(props.bundleFolder, name)),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: props.memorySize,
    timeout: Duration.seconds(ALL_FUNCTIONS[name].timeoutSeconds),
    role: makeRole(scope, name, logGroup, props),
    logGroup,
    tracing: Tracing.ACTIVE,
    environment: { ...props.environment, POWERTOOLS_SERVICE_NAME: name, POWERTOOLS_METRICS_NAMESPACE: 'Stepgate' },
    currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
  });
}

function makeRole(scope: Construct, name: FunctionName | DoorName, logGroup: LogGroup, props: TaskFunctionsProps): Role {
  const role = new Role(scope, `${name}Role`, { description: `Stepgate: ${name}`, assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  give(role, [
    { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] },
    ...ALL_FUNCTIONS[name].access.flatMap((access) => grantsFor(scope, access, props)),
  ]);
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'X-Ray knows no resources: PutTraceSegments and PutTelemetryRecords go to *',
  });
  return role;
}
