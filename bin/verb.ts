import { type Command, Help, Option } from 'commander';
import { DATA_FOLDER, PLANS_FOLDER } from './data-folder.ts';
import { type DatabaseOptions, databaseChoice, dataFolderOf } from './database-choice.ts';
import { NoRunError } from './no-run-error.ts';
import type { StackChoice } from './open-stack.ts';
import type { Shell } from './shell.ts';

/** What is wired to the process; the rest of a shell comes from the options. */
export type Surroundings = Omit<Shell, 'folder' | 'plansFolder' | 'database' | 'stack'>;

/** Gets the exit code. */
export type Finish = (exitCode: number) => void;

/** What verbs can be told. */
export interface SharedOptions extends DatabaseOptions, StackOptions {
  readonly data: string;
  readonly plans: string;
}

interface StackOptions {
  readonly stack?: string;
  readonly profile?: string;
  readonly region?: string;
}

/** A command with an example, and the options that all have. */
export function verb(
  parent: Command,
  name: string,
  { args = '', what, example, folder = DATA_FOLDER }: { args?: string; what: string; example: string; folder?: string },
): Command {
  const command = parent.command(name).description(what).configureHelp({ optionDescription }).addHelpText('after', `\nExample: ${example}`);
  if (args !== '') command.argument(args, args === '[plan]' ? "the plan's folder name; the only one when left out" : "the new plan's folder name");
  // Taken everywhere, so that the same options fit every verb; shown where plans are read.
  const plans = new Option('--plans <dir>', 'the folder of plans').default(PLANS_FOLDER).hideHelp(args === '');
  return command.option('--data <dir>', "the local engine's data folder", folder).addOption(plans);
}

/** That a switch is off until it is given goes without saying. */
function optionDescription(option: Option): string {
  return option.defaultValue === false ? option.description : new Help().optionDescription(option);
}

/** The options of verbs that a deployed stack has, too. */
export function addStack(command: Command): Command {
  return command
    .option('--stack <name>', 'a deployed stack instead of the local engine; NAME/CONSTRUCT where it holds several')
    .option('--profile <name>', "with --stack: a profile of the AWS configuration, as for the AWS CLI's --profile")
    .option('--region <name>', "with --stack: the stack's region, as for the AWS CLI's --region");
}

/** @throws {NoRunError} when the options do not fit together. */
export function shellOf(surroundings: Surroundings, { data, plans, ...options }: SharedOptions): Shell {
  const database = databaseChoice(options);
  const stack = stackChoice(options);
  if (stack !== undefined && database !== undefined)
    throw new NoRunError('--stack and --database-url exclude one another: a stack works on the database that it was deployed for');
  return { ...surroundings, folder: dataFolderOf(data, database), plansFolder: plans, database, stack };
}

function stackChoice({ stack, profile, region }: StackOptions): StackChoice | undefined {
  if (stack === undefined) {
    if (profile !== undefined || region !== undefined) throw new NoRunError('--profile and --region go with --stack; the local engine needs neither');
    return undefined;
  }
  const [name = '', construct] = stack.split('/');
  return {
    name,
    ...(construct !== undefined && { construct }),
    ...(profile !== undefined && { profile }),
    ...(region !== undefined && { region }),
  };
}
