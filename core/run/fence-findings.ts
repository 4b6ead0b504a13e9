import type { Phase } from '../plan/compiled-plan.ts';
import type { Finding } from './journal.ts';
import { finding } from './preflight.ts';

const SOURCE = 'pg_roles, pg_class.relowner, pg_has_role';

/** What every gate says of a plan that keeps applications out; nothing where no phase does. */
export function fenceFindings(
  { phases }: { readonly phases: readonly Pick<Phase, 'id' | 'fence'>[] },
  logins: readonly { readonly role: string; readonly why: string; readonly isOurs: boolean }[],
): readonly Finding[] {
  const first = phases.find(({ fence }) => fence);
  if (first === undefined) return [];
  return [
    {
      name: 'fence',
      status: 'warn',
      found: `from phase ${first.id} to the end of the run applications cannot write, whatever they are`,
      advice: 'should this machine or its workflow die meanwhile, nothing lifts the fence but the next run of the plan, or a person (runbook)',
      source: 'plan.yaml',
    },
    ...logins.map(({ role, why, isOurs }) =>
      isOurs
        ? ({
            name: 'fence',
            status: 'warn',
            found: `role ${role} ${why}, so it cannot log in at all meanwhile, and its sessions are ended`,
            advice: 'let the application use a role that owns nothing, if it has to read on',
            source: SOURCE,
          } as const)
        : finding('fence', false, {
            found: `role ${role} ${why}, and may not be kept out by this role`,
            advice: `as an administrator: grant ${role} to the migrator with admin option (before PostgreSQL 16: alter role … createrole); or leave out "fence: true"`,
            source: SOURCE,
          }),
    ),
  ];
}
