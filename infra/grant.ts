import { Stack, Validations } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

/** A permission with, where a resource ends in a wildcard, the reason why it must. */
export interface Grant {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions?: Readonly<Record<string, unknown>>;
  readonly wildcardBecause?: string;
}

/** Gives the permissions and acknowledges their wildcards, one finding at a time, so that a wildcard without a reason stays an open finding. */
export function give(principal: IGrantable & IConstruct, grants: readonly Grant[]): void {
  for (const grant of grants) {
    principal.grantPrincipal.addToPrincipalPolicy(statement(grant));
    acknowledgeWildcards(principal, grant);
  }
}

export function statement({ actions, resources, conditions }: Grant): PolicyStatement {
  return new PolicyStatement({ actions: [...actions], resources: [...resources], ...(conditions === undefined ? {} : { conditions }) });
}

export function acknowledgeWildcards(scope: IConstruct, { resources, wildcardBecause }: Grant): void {
  if (wildcardBecause === undefined) {
    return;
  }
  for (const resource of resources) {
    Validations.of(scope).acknowledge({ id: `AwsSolutions-IAM5[Resource::${findingName(scope, resource)}]`, reason: wildcardBecause });
  }
}

/** cdk-nag names a resource by its text, with `<LogicalId.Attribute>` for each reference. */
export function findingName(scope: IConstruct, resource: string): string {
  return inFindingForm(Stack.of(scope).resolve(resource));
}

function inFindingForm(resolved: unknown): string {
  if (typeof resolved === 'string') {
    return resolved;
  }
  if (typeof resolved !== 'object' || resolved === null) {
    return '';
  }
  const [[name, value] = ['', null]] = Object.entries(resolved);
  if (name === 'Ref') {
    return `<${value}>`;
  }
  if (name === 'Fn::GetAtt') {
    return `<${Array.isArray(value) ? value.join('.') : value}>`;
  }
  if (name === 'Fn::Join' && Array.isArray(value)) {
    const [separator, parts] = value as [string, unknown[]];
    return parts.map(inFindingForm).join(separator);
  }
  return '';
}
