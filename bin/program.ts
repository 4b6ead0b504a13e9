import { Command, Option } from 'commander';
import { MODES, type Mode } from '../core/run/mode.ts';
import { check } from './commands/check.ts';
import { demo } from './commands/demo.ts';
import { down, psqlUrl, reset, up } from './commands/local.ts';
import { report, reportSchema } from './commands/report.ts';
import { run } from './commands/run.ts';
import { deleteSchedule, listSchedules, schedule } from './commands/schedule.ts';
import { status } from './commands/status.ts';
import { DATA_FOLDER } from './data-folder.ts';
import { addDatabase, addSnapshot, type DatabaseOptions, databaseChoice, dataFolderOf } from './database-choice.ts';
import { NoRunError } from './no-run-error.ts';
import type { Shell } from './shell.ts';

/** What every verb can be told. */
interface Shared extends DatabaseOptions {
  readonly data: string;
  readonly plans: string;
  readonly stack?: string;
}

/** What is wired to the process; the folders come from the options. */
export type Surroundings = Omit<Shell, 'folder' | 'plansFolder' | 'database'>;

type Finish = (exitCode: number) => void;

/** Verbs of the design that this version refuses, so that nobody takes silence for success. */
const NOT_BUILT = ['init', 'rehearse', 'cleanup', 'sign-off', 'stop'];

const MODE_HELP: Readonly<Record<Mode, string>> = {
  'dry-run': 'gates and checks, without one write',
  backup: 'gates and a snapshot, nothing else',
  execute: 'gates, snapshot, phases, comparison of every row; goes back by itself when one fails',
  verify: 'compares every row of a migrated plan, both directions',
  rollback: 'undoes every phase of a plan, newest first, and proves it',
};

/** The command line: each verb reads its options and calls its function; `finish` gets the exit code. */
export function program(surroundings: Surroundings, finish: Finish): Command {
  const stepgate = new Command('stepgate')
    .description('Runs data migrations for Aurora PostgreSQL as a Step Functions workflow, here on this machine')
    .addHelpText('after', EXIT_CODES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings.terminal.out(text.trimEnd()),
      writeErr: (text) => surroundings.terminal.say(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'stepgate: ')),
    });
  addChecks(stepgate, surroundings, finish);
  for (const mode of MODES) addMode(stepgate, mode, surroundings, finish);
  addReaders(stepgate, surroundings, finish);
  addSchedule(stepgate, surroundings, finish);
  addLocal(stepgate, surroundings, finish);
  for (const verb of NOT_BUILT) addRefusal(stepgate, verb);
  return stepgate;
}

const EXIT_CODES = `
Exit codes: 0 passed, migrated, or rolled back as asked; 1 no run began; 2 refused; 3 rolled back; 4 restored; 5 halted; 130 interrupted.
Each verb has its own help: stepgate execute --help`;

function addChecks(stepgate: Command, surroundings: Surroundings, finish: Finish): void {
  verb(stepgate, 'check', '[plan]', 'compiles a plan: reads its files and nothing else', 'stepgate check --all')
    .option('--all', 'all plans', false)
    .option('--json', 'one JSON document on stdout', false)
    .action(async (plan: string | undefined, options: Shared & { all: boolean; json: boolean }) => {
      finish(await check(shellOf(surroundings, options), { plan, ...options }));
    });
  verb(stepgate, 'demo', '[plan]', 'makes a demo database and migrates it, from nothing', 'stepgate demo --fail copy', `${DATA_FOLDER}/demo`)
    .option('--fail <phase>', 'spoil a row from outside when this phase has ended, to see the run find it')
    .option('--json', 'one JSON document on stdout', false)
    .action(async (plan: string | undefined, options: Shared & { fail?: string; json: boolean }) => {
      finish(await demo(shellOf(surroundings, options), { plan, fail: options.fail, json: options.json }));
    });
}

function addMode(stepgate: Command, mode: Mode, surroundings: Surroundings, finish: Finish): void {
  const command = verb(
    stepgate,
    mode,
    '[plan]',
    MODE_HELP[mode],
    `stepgate ${mode} lead-centric${mode === 'execute' || mode === 'rollback' ? ' --yes' : ''}`,
  )
    .option('--json', 'one JSON document on stdout', false)
    .action(async (plan: string | undefined, options: Shared & { yes?: boolean; json: boolean }) => {
      finish(await run(shellOf(surroundings, options), { mode, plan, yes: options.yes ?? false, json: options.json }));
    });
  if (mode === 'execute' || mode === 'rollback') command.option('--yes', 'do not ask', false);
  addSnapshot(addDatabase(command));
}

function addReaders(stepgate: Command, surroundings: Surroundings, finish: Finish): void {
  addDatabase(verb(stepgate, 'status', '[plan]', 'how far the newest run came', 'stepgate status lead-centric'))
    .option('--json', 'one JSON document on stdout', false)
    .action(async (plan: string | undefined, options: Shared & { json: boolean }) => {
      finish(await status(shellOf(surroundings, options), { plan, json: options.json }));
    });
  addDatabase(
    verb(stepgate, 'report', '[plan]', "prints a run's report, the newest one's unless told otherwise", 'stepgate report --json > report.json'),
  )
    .option('--run <id>', 'the run')
    .option('--json', 'the JSON document instead of the page', false)
    .option('--schema', "the document's JSON Schema", false)
    .action((plan: string | undefined, options: Shared & { run?: string; json: boolean; schema: boolean }) => {
      const shell = shellOf(surroundings, options);
      finish(options.schema ? reportSchema(shell) : report(shell, { plan, run: options.run, json: options.json }));
    });
}

function addSchedule(stepgate: Command, surroundings: Surroundings, finish: Finish): void {
  const example = 'stepgate schedule lead-centric --at 2026-12-01T22:00 --zone Europe/Berlin --mode execute';
  addDatabase(verb(stepgate, 'schedule', '[plan]', 'makes, lists or deletes one-time starts', example))
    .option('--at <time>', 'wall-clock time to the minute')
    .option('--zone <zone>', 'IANA time zone')
    .option('--mode <mode>', 'what the run does', 'dry-run')
    .option('--list', 'name the schedules', false)
    .option('--delete <name>', 'delete a schedule')
    .option('--json', 'one JSON document on stdout', false)
    .action(async (plan: string | undefined, options: Shared & ScheduleOptions) => {
      const shell = shellOf(surroundings, options);
      if (options.list) return finish(await listSchedules(shell, options));
      if (options.delete !== undefined) return finish(await deleteSchedule(shell, options.delete));
      const { at, zone } = options;
      if (at === undefined || zone === undefined) throw new NoRunError(`a schedule needs --at and --zone: ${example}`);
      finish(await schedule(shell, { plan, at, zone, mode: options.mode, json: options.json }));
    });
}

interface ScheduleOptions {
  readonly at?: string;
  readonly zone?: string;
  readonly mode: string;
  readonly list: boolean;
  readonly delete?: string;
  readonly json: boolean;
}

function addLocal(stepgate: Command, surroundings: Surroundings, finish: Finish): void {
  const local = stepgate.command('local').description('the local engine: PostgreSQL and the AWS services that the workflow uses');
  addSnapshot(addDatabase(verb(local, 'up', '[plan]', 'runs an engine until Ctrl-C', 'stepgate local up --demo')))
    .option('--demo', "fill an empty database with the plan's demo data", false)
    .action(async (plan: string | undefined, options: Shared & { demo: boolean }) => {
      finish(await up(shellOf(surroundings, options), { plan, demo: options.demo }));
    });
  verb(local, 'down', '', 'ends the engine that runs', 'stepgate local down').action(async (options: Shared) => {
    finish(await down(shellOf(surroundings, options)));
  });
  verb(local, 'reset', '', 'removes databases, reports and executions', 'stepgate local reset').action(async (options: Shared) => {
    finish(await reset(shellOf(surroundings, options)));
  });
  verb(local, 'psql-url', '', 'prints the database address for psql', 'psql "$(stepgate local psql-url)"').action(async (options: Shared) => {
    finish(await psqlUrl(shellOf(surroundings, options)));
  });
}

function addRefusal(stepgate: Command, name: string): void {
  stepgate
    .command(name, { hidden: true })
    .argument('[anything...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(() => {
      throw new NoRunError(`"${name}" is not part of this version; there are ${visibleVerbs(stepgate).join(', ')}`);
    });
}

function visibleVerbs(stepgate: Command): readonly string[] {
  return stepgate.commands.map((command) => command.name()).filter((name) => !NOT_BUILT.includes(name));
}

/** A command with the options that all have. */
function verb(parent: Command, name: string, args: string, description: string, example: string, folder: string = DATA_FOLDER): Command {
  const command = parent.command(name).description(description).addHelpText('after', `\nExample: ${example}`);
  if (args !== '') command.argument(args, "the plan's folder name; the only one when left out");
  return command
    .option('--data <dir>', "the local engine's data folder", folder)
    .option('--plans <dir>', 'the folder of plans', 'migrations')
    .addOption(new Option('--stack <name>', 'a deployed stack').hideHelp());
}

function shellOf(surroundings: Surroundings, { data, plans, stack, ...options }: Shared): Shell {
  if (stack !== undefined) {
    throw new NoRunError(
      '--stack is not part of this version; start the deployed state machine from its console page, or with "aws stepfunctions start-execution"',
    );
  }
  const database = databaseChoice(options);
  return { ...surroundings, folder: dataFolderOf(data, database), plansFolder: plans, database };
}
