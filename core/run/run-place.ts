import * as z from 'zod';

/** Where a run runs, as far as its report has to know: what a command of ours takes to reach it, and whether its waits are waited for. */
export const RunPlace = z.object({
  /** `embedded`: the local engine with a server of its own, whose clock jumps over waits. `external`: the local engine in front of somebody's server. */
  kind: z.enum(['stack', 'embedded', 'external']),
  /** For each verb that reaches the place: `--stack Crm`, `--data /tmp/x`. Never a password. */
  options: z.string(),
  /** For verbs that read a plan's folder: `--plans plans`. */
  planOptions: z.string(),
  /** For verbs that take a snapshot: `--no-snapshot`. */
  snapshotOptions: z.string(),
  /** `embedded`: the folder that holds a data folder for each snapshot. */
  snapshotFolder: z.string().nullable(),
});
export type RunPlace = z.infer<typeof RunPlace>;

/** Commands are as for the working folder's own engine; nothing more is said. */
export const PLAIN_PLACE: RunPlace = { kind: 'stack', options: '', planOptions: '', snapshotOptions: '', snapshotFolder: null };

const PLAN_VERBS: readonly string[] = ['check', 'dry-run', 'backup', 'execute', 'verify', 'rollback', 'cleanup', 'schedule'];
const SNAPSHOT_VERBS: readonly string[] = ['backup', 'execute'];

/** A command of ours as it is typed for the place; any other command as it is. */
export function commandAt({ options, planOptions, snapshotOptions }: RunPlace, command: string): string {
  const [, verb] = /^npx stepgate (\S+)/.exec(command) ?? [];
  if (verb === undefined) return command;
  const words = [
    command,
    // Check reads files and nothing else.
    ...(verb === 'check' ? [] : [options]),
    ...(SNAPSHOT_VERBS.includes(verb) ? [snapshotOptions] : []),
    ...(PLAN_VERBS.includes(verb) ? [planOptions] : []),
  ];
  return words.filter((word) => word !== '').join(' ');
}
