import { type Access, ALL_FUNCTIONS, type DoorName, type FunctionName } from '../../infra/functions.ts';
import type { Call } from '../../local/faults/fault-desk.ts';

/** What a function was seen to need: `RunPhase database`. */
export type Need = `${string} ${Access}`;

/** What only a third recovery that fails, or a dead man's schedule that comes due, needs: test/lambdas/doors has them. */
const RARE: ReadonlySet<string> = new Set(['SettleRun publish', 'SettleRun set-dead-man']);

/** Of every call that a function made, the word of its list in infra/functions.ts that covers it; test/infra/access.test.ts holds each word against the synthesized roles. */
export function needsOf(calls: readonly Call[]): ReadonlySet<Need> {
  return new Set(calls.flatMap((call): readonly Need[] => (call.by === null || call.service === 'lambda' ? [] : [`${call.by} ${accessFor(call)}`])));
}

/** The restore has a matrix of its own, where nobody else is held to anything. */
const OF_RESTORES: readonly (FunctionName | DoorName)[] = ['RestoreCluster'];
const OF_RUNS = (Object.keys(ALL_FUNCTIONS) as (FunctionName | DoorName)[]).filter((name) => !OF_RESTORES.includes(name));

/** Rights that a call needed and its function has not, and rights that no call of any run needed. */
export function faultsOfRights(all: ReadonlySet<string>, of: 'runs' | 'restores' = 'runs'): readonly string[] {
  const functions = of === 'runs' ? OF_RUNS : OF_RESTORES;
  const needs = new Set([...all].filter((need) => OF_RESTORES.some((name) => need.startsWith(`${name} `)) === (of === 'restores')));
  const given = new Set(functions.flatMap((name): readonly string[] => ALL_FUNCTIONS[name].access.map((access) => `${name} ${access}`)));
  return [
    ...[...needs].filter((need) => !given.has(need)).map((need) => `a call needs what its function may not: ${need}`),
    ...[...given].filter((one) => !needs.has(one) && !RARE.has(one)).map((one) => `no call needs what its function may: ${one}`),
  ];
}

function accessFor({ service, action, about }: Call): Access {
  switch (service) {
    case 'rdsData':
      return 'database';
    case 'rds':
      if (action === 'CreateDBClusterSnapshot') return 'create-snapshot';
      return action.startsWith('Describe') ? 'describe-cluster' : 'restore';
    case 's3':
      if (action === 'PUT') return 'write-journal';
      return about.startsWith('/stepgate-plans') ? 'read-plans' : 'read-journal';
    case 'sfn':
      return action === 'StartExecution' ? 'start-executions' : 'describe-executions';
    case 'scheduler':
      return action === 'DELETE' ? 'remove-dead-man' : 'set-dead-man';
    case 'sns':
      return 'publish';
    default:
      throw new Error(`no word of infra/functions.ts stands for ${service} ${action}`);
  }
}
