import { Arn, ArnFormat, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** Every snapshot that a run takes is named so. */
export const RUNS_OWN = 'stepgate-*';

export function rdsArn(scope: Construct, resource: string, resourceName: string): string {
  return Arn.format({ service: 'rds', resource, resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME }, Stack.of(scope));
}
