import { Arn, ArnFormat, Names, Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** A schedule group's name, which the machine shares (CreateScheduleGroup). */
const NAME_MAX = 64;

/**
 * The name that was asked for, or the construct's place in the app from the stack down, with a hash only where that is too long or not
 * known yet.
 *
 * The name is fixed before the machine exists, so that functions can be told of it without a cycle between machine and functions.
 *
 * @throws when the name cannot be one.
 */
export function machineName(scope: Construct, asked: string | undefined): string {
  if (asked !== undefined) {
    return checked(asked);
  }
  const stack = Stack.of(scope);
  const ids = scope.node.scopes.slice(stack.node.scopes.length).map(({ node }) => node.id);
  const name = [stack.stackName, ...ids].join('-').replaceAll(/[^A-Za-z0-9_-]/g, '');
  const isUsable = !Token.isUnresolved(stack.stackName) && name.length <= NAME_MAX;
  return isUsable ? name : Names.uniqueResourceName(scope, { maxLength: NAME_MAX, separator: '-' });
}

function checked(name: string): string {
  if (!Token.isUnresolved(name) && !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new Error(`"${name}" cannot name a state machine and its schedules; use 1 to ${NAME_MAX} letters, digits, hyphens and underscores`);
  }
  return name;
}

/** The machine of this name. */
export function machineArnOf(scope: Construct, name: string): string {
  return Arn.format({ service: 'states', resource: 'stateMachine', resourceName: name, arnFormat: ArnFormat.COLON_RESOURCE_NAME }, Stack.of(scope));
}

/** All executions of the machine of this name. */
export function executionArnsOf(scope: Construct, name: string): string {
  return Arn.format(
    { service: 'states', resource: 'execution', resourceName: `${name}:*`, arnFormat: ArnFormat.COLON_RESOURCE_NAME },
    Stack.of(scope),
  );
}
