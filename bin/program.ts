import { Argument, Command, Option } from 'commander';
import { changesDatabase, MODES, type Mode } from '../core/run/mode.ts';
import { type CompletionShell, SHELLS } from './completion.ts';
import { DATA_FOLDER } from './data-folder.ts';
import { addDatabase, addSnapshot } from './database-choice.ts';
import { NoRunError } from './no-run-error.ts';
import { addStack, type Finish, type SharedOptions, type Surroundings, shellOf, verb } from './verb.ts';
import { version } from './version.ts';

/** Verbs of the design that this version refuses, so that nobody takes silence for success. */
const NOT_BUILT = ['rehearse', 'sign-off'];

const MODE_HELP: Readonly<Record<Mode, string>> = {
  'dry-run': 'gates and checks, without one write',
  backup: 'gates and a snapshot, nothing else',
  execute: 'gates, snapshot, phases, comparison of every row; goes back by itself when one fails',
  verify: 'compares every row of a migrated plan, both directions',
  rollback: 'undoes every phase of a plan, newest first, and proves it',
  cleanup: 'ends the time in which a plan may be rolled back: live sync stops, phases with "when: cleanup" run',
};

/**
 * The command line: each verb reads its options and calls its function; `finish` gets the exit code.
 *
 * A verb's code is loaded when it is called: all of it, with the AWS clients, takes longer to load than many a verb takes to run.
 */
export function program(surroundings: Surroundings, finish: Finish): Command {
  const stepgate = new Command('stepgate')
    .description('Runs data migrations for Aurora PostgreSQL as a Step Functions workflow, here on this machine or in a deployed stack')
    .version(version(), '-V, --version', 'show the version')
    .addHelpText('after', EXIT_CODES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings.terminal.out(text.trimEnd()),
      writeErr: (text) => surroundings.terminal.say(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'stepgate: ')),
    });
  addPlans(stepgate, surroundings, finish);
  for (const mode of MODES) addMode(stepgate, mode, surroundings, finish);
  addReaders(stepgate, surroundings, finish);
  addSchedule(stepgate, surroundings, finish);
  addLocal(stepgate, surroundings, finish);
  addCompletion(stepgate, surroundings, finish);
  for (const name of NOT_BUILT) addRefusal(stepgate, name);
  return stepgate;
}

const EXIT_CODES = `
Exit codes: 0 passed, migrated, or rolled back as asked; 1 no run began; 2 refused; 3 rolled back; 4 restored; 5 halted; 130 interrupted.
Each verb has its own help: stepgate execute --help`;

interface CheckOptions {
  readonly all: boolean;
  readonly sql: boolean;
  readonly phase?: string;
  readonly json: boolean;
  readonly annotations?: 'github';
}

function addPlans(stepgate: Command, surroundings: Surroundings, finish: Finish): void {
  verb(stepgate, 'init', { args: '<plan>', what: 'writes a plan to begin with', example: 'stepgate init rename-customers' })
    .option('--json', 'one JSON document on stdout', false)
    .action(async (plan: string, options: SharedOptions & { json: boolean }) => {
      const { init } = await import('./commands/init.ts');
      finish(await init(shellOf(surroundings, options), { plan, json: options.json }));
    });
  verb(stepgate, 'check', {
    args: '[plan]',
    what: 'compiles a plan: reads its files and nothing else',
    example: 'stepgate check lead-centric --sql --phase copy',
  })
    .option('--all', 'all plans', false)
    .option('--sql', 'print every statement that a run makes of the plan', false)
    .option('--phase <id>', 'with --sql: of this phase only')
    .option('--json', 'one JSON document on stdout, each fault with file, line, column, message, hazard and excerpt', false)
    .addOption(new Option('--annotations <format>', 'faults as a CI service shows them beside their lines').choices(['github']))
    .action(async (plan: string | undefined, { phase, annotations: format, ...options }: SharedOptions & CheckOptions) => {
      if (phase !== undefined && !options.sql) throw new NoRunError('--phase goes with --sql');
      const { check } = await import('./commands/check.ts');
      finish(await check(shellOf(surroundings, options), { plan, ...options, phase, isAnnotated: format !== undefined }));
    });
  verb(stepgate, 'demo', {
    args: '[plan]',
    what: 'makes a demo database and migrates it, from nothing',
    example: 'stepgate demo --fail copy',
    folder: `${DATA_FOLDER}/demo`,
  })
    .option('--fail <phase>', 'spoil a row from outside when this phase has ended, to see the run find it')
    .option('--no-live', 'without the application that writes all the time')
    .option('--json', 'one JSON document on stdout', false)
    .action(async (plan: string | undefined, options: SharedOptions & { fail?: string; live: boolean; json: boolean }) => {
      const { demo } = await import('./commands/demo.ts');
      finish(await demo(shellOf(surroundings, options), { plan, fail: options.fail, live: options.live, json: options.json }));
    });
}

interface ModeOptions {
  readonly yes?: boolean;
  readonly json: boolean;
  readonly accept?: string;
  readonly mendedUndo?: boolean;
  readonly to?: string;
  readonly restore?: boolean;
}

function addMode(stepgate: Command, mode: Mode, surroundings: Surroundings, finish: Finish): void {
  const asks = changesDatabase(mode);
  const command = verb(stepgate, mode, { args: '[plan]', what: MODE_HELP[mode], example: `stepgate ${mode} lead-centric${asks ? ' --yes' : ''}` })
    .option('--json', 'one JSON document on stdout', false)
    .action(async (plan: string | undefined, { yes = false, json, accept, mendedUndo, to, restore, ...options }: SharedOptions & ModeOptions) => {
      const { run } = await import('./commands/run.ts');
      finish(await run(shellOf(surroundings, options), { mode, plan, yes, json, wish: { accept, mendedUndo, to, restore } }));
    });
  if (asks) command.option('--yes', 'do not ask', false);
  if (mode === 'rollback') {
    command
      .option('--to <phase>', 'go back to this phase only; it stays with those before it, and an execute goes on from there')
      .option('--accept <digest>', 'take what a halted rollback found to differ as it is; its report names the digest')
      .option('--mended-undo', "undo by the plan's folder, whose undo.sql was corrected since it was executed", false)
      .option('--restore', 'restore the snapshot from before the first change into a new cluster; writes since then stay in the old one', false);
  }
  addStack(addSnapshot(addDatabase(command)));
}

interface ReaderOptions extends SharedOptions {
  readonly run?: string;
  readonly json: boolean;
}

function addReaders(stepgate: Command, surroundings: Surroundings, finish: Finish): void {
  const reader = (name: string, what: string, example: string) =>
    addStack(addDatabase(verb(stepgate, name, { args: '[plan]', what, example }))).option('--run <id>', 'the run');
  reader('status', 'how far the newest run came', 'stepgate status lead-centric --follow')
    .option('--follow', 'tell the progress of the run under way until it ends; the exit code is that of its outcome', false)
    .option('--json', 'one JSON document on stdout', false)
    .action(async (plan: string | undefined, options: ReaderOptions & { follow: boolean }) => {
      const { status } = await import('./commands/status.ts');
      finish(await status(shellOf(surroundings, options), { plan, run: options.run, follow: options.follow, json: options.json }));
    });
  reader('report', "prints a run's report, the newest one's unless told otherwise", 'stepgate report --json > report.json')
    .option('--json', 'the JSON document instead of the page', false)
    .option('--schema', "the document's JSON Schema", false)
    .action(async (plan: string | undefined, options: ReaderOptions & { schema: boolean }) => {
      const { report, reportSchema } = await import('./commands/report.ts');
      const shell = shellOf(surroundings, options);
      finish(options.schema ? reportSchema(shell) : await report(shell, { plan, run: options.run, json: options.json }));
    });
  reader('stop', 'stops the run under way, and follows how it is brought to an outcome; exits by that', 'stepgate stop lead-centric')
    .option('--json', 'one JSON document on stdout', false)
    .action(async (plan: string | undefined, options: ReaderOptions) => {
      const { stop } = await import('./commands/stop.ts');
      finish(await stop(shellOf(surroundings, options), { plan, run: options.run, json: options.json }));
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

function addSchedule(stepgate: Command, surroundings: Surroundings, finish: Finish): void {
  const example = 'stepgate schedule lead-centric --at 2099-12-01T22:00 --zone Europe/Berlin --mode execute';
  addStack(addDatabase(verb(stepgate, 'schedule', { args: '[plan]', what: 'makes, lists or deletes one-time starts', example })))
    .option('--at <time>', 'wall-clock time to the minute')
    .option('--zone <zone>', 'IANA time zone')
    .option('--mode <mode>', 'what the run does', 'dry-run')
    .option('--list', 'name the schedules', false)
    .option('--delete <name>', 'delete a schedule')
    .option('--json', 'one JSON document on stdout', false)
    .action(async (plan: string | undefined, options: SharedOptions & ScheduleOptions) => {
      refuseSeveral({ '--list': options.list, '--delete': options.delete !== undefined, '--at': options.at !== undefined });
      const { schedule, listSchedules, deleteSchedule } = await import('./commands/schedule.ts');
      const shell = shellOf(surroundings, options);
      if (options.list) return finish(await listSchedules(shell, options));
      if (options.delete !== undefined) return finish(await deleteSchedule(shell, { name: options.delete, json: options.json }));
      const { at, zone } = options;
      if (at === undefined || zone === undefined) throw new NoRunError(`a schedule needs --at and --zone: ${example}`);
      finish(await schedule(shell, { plan, at, zone, mode: options.mode, json: options.json }));
    });
}

/** Options that each ask for something else. */
function refuseSeveral(given: Readonly<Record<string, boolean>>): void {
  const several = Object.keys(given).filter((name) => given[name]);
  if (several.length > 1) throw new NoRunError(`${several.join(' and ')} exclude one another; say one of them`);
}

function addLocal(stepgate: Command, surroundings: Surroundings, finish: Finish): void {
  const local = stepgate.command('local').description('the local engine: PostgreSQL and the AWS services that the workflow uses');
  addSnapshot(addDatabase(verb(local, 'up', { args: '[plan]', what: 'runs an engine until Ctrl-C', example: 'stepgate local up --demo' })))
    .option('--demo', "fill an empty database with the plan's demo data", false)
    .action(async (plan: string | undefined, options: SharedOptions & { demo: boolean }) => {
      const { up } = await import('./commands/local.ts');
      finish(await up(shellOf(surroundings, options), { plan, demo: options.demo }));
    });
  const plain = (name: string, what: string, { example = `stepgate local ${name}`, act }: { example?: string; act: 'down' | 'reset' | 'psqlUrl' }) =>
    verb(local, name, { what, example }).action(async (options: SharedOptions) => {
      const { [act]: work } = await import('./commands/local.ts');
      finish(await work(shellOf(surroundings, options)));
    });
  plain('down', 'ends the engine that runs', { act: 'down' });
  plain('reset', 'removes databases, reports and executions', { act: 'reset' });
  verb(local, 'forward', {
    args: '<span>',
    what: "puts the engine's clock forward: minutes, hours or days",
    example: 'stepgate local forward 48h',
  }).action(async (span: string, options: SharedOptions) => {
    const { forward } = await import('./commands/local.ts');
    finish(await forward(shellOf(surroundings, options), span));
  });
  plain('psql-url', 'prints the database address for psql', { example: 'psql "$(stepgate local psql-url)"', act: 'psqlUrl' });
}

function addCompletion(stepgate: Command, { terminal }: Surroundings, finish: Finish): void {
  const isHidden = (name: string) => NOT_BUILT.includes(name);
  stepgate
    .command('completion')
    .description('prints a completion script for a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', '\nExample: source <(stepgate completion bash)')
    .action(async (shell: CompletionShell) => {
      const { completion } = await import('./commands/completion.ts');
      finish(completion({ terminal }, { shell, stepgate, isHidden }));
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
