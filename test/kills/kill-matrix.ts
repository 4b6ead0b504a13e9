import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stateMachine } from '../../infra/state-machine.asl.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../support/small-plan.ts';
import { commandsOn, seededFraction, until, writePlanFolder } from './commands.ts';

/**
 * Kills a run with SIGKILL in each state and at seeded times; afterwards no server may stay, and the next `execute`, `verify` and `rollback` have to work.
 *
 * `npm run test:kills [-- SEEDS [--seeds-only | --undo-only]]`; a line for each kill, exit 1 when one was not survived.
 */
const plans = await mkdtemp(join(tmpdir(), 'stepgate-kills-'));
const seeds = Number(process.argv[2] ?? 20);
const states = process.argv.some((one) => ['--seeds-only', '--undo-only'].includes(one)) ? [] : statesOfSuccess();
const STATES_OF_UNDO = ['DecideRecovery', 'WhichUndo', 'UndoPhase', 'IsUndoDone', 'VerifyUndo', 'IsUndoVerified', 'CloseRun'];
let survived = 0;
let lost = 0;

await writePlanFolder(join(plans, 'migrations', 'small'), { ...SMALL_PLAN, 'demo/source.sql': SMALL_SOURCE.replace('(1, 1000)', '(1, 30000)') });
const { stepgate, endOf } = commandsOn((folder) => ['--plans', join(plans, 'migrations'), '--data', folder]);
const whole = await timeOfRun();
for (const state of states) {
  await trial(`in ${state}`, (run) => until(async () => (await history(run.folder)).includes(`"${state}"`)));
}
for (let seed = 0; seed < seeds; seed += 1) {
  const afterMs = Math.round(whole * seededFraction(seed));
  await trial(`after ${afterMs} ms`, () => delay(afterMs));
}
for (const state of process.argv.includes('--seeds-only') ? [] : STATES_OF_UNDO) {
  await trialOfRollback(state);
}
await rm(plans, { recursive: true, force: true });
process.stdout.write(`\n${survived} kills survived, ${lost} not\n`);
process.exitCode = lost === 0 ? 0 : 1;

async function trial(name: string, moment: (run: { folder: string }) => Promise<unknown>): Promise<void> {
  const folder = join(plans, 'data');
  await rm(folder, { recursive: true, force: true });
  const child = stepgate(['execute', 'small', '--yes'], folder);
  const ended = once(child, 'exit');
  await Promise.race([moment({ folder }), ended]);
  child.kill('SIGKILL');
  await ended;
  const faults: string[] = [];
  if (!(await until(async () => (await serversOf(folder)).length === 0, 10_000))) faults.push('a server is left');
  for (const verb of [
    ['execute', 'small', '--yes'],
    ['verify', 'small'],
    ['rollback', 'small', '--yes'],
  ]) {
    const { code, said } = await endOf(verb, folder);
    if (code !== 0) faults.push(`${verb[0]} exits ${code} (${said})`);
  }
  if (faults.length === 0) survived += 1;
  else lost += 1;
  process.stdout.write(`${faults.length === 0 ? 'ok  ' : 'LOST'} killed ${name}${faults.length === 0 ? '' : `: ${faults.join(', ')}`}\n`);
}

/** A rollback that dies half-way leaves neither world: the next `execute` finishes the undo (3) or goes on (0), and never takes it for migrated. */
async function trialOfRollback(state: string): Promise<void> {
  const folder = join(plans, 'data');
  await rm(folder, { recursive: true, force: true });
  await endOf(['execute', 'small', '--yes'], folder);
  const child = stepgate(['rollback', 'small', '--yes'], folder);
  const ended = once(child, 'exit');
  await Promise.race([until(async () => (await history(folder)).includes(`"${state}"`)), ended]);
  child.kill('SIGKILL');
  await ended;
  const first = await endOf(['execute', 'small', '--yes'], folder);
  const second = await endOf(['execute', 'small', '--yes'], folder);
  const verified = await endOf(['verify', 'small'], folder);
  const isSurvived = [0, 3].includes(first.code) && second.code === 0 && verified.code === 0;
  if (isSurvived) survived += 1;
  else lost += 1;
  process.stdout.write(
    `${isSurvived ? 'ok  ' : 'LOST'} rollback killed in ${state}: execute ${first.code}, again ${second.code}, verify ${verified.code}${isSurvived ? '' : ` (${first.said} / ${second.said} / ${verified.said})`}\n`,
  );
}

/** Every state that a run which ends well visits. */
function statesOfSuccess(): readonly string[] {
  const back = [
    'GateSaidNo',
    'DecideRecovery',
    'WhichUndo',
    'UndoPhase',
    'IsUndoDone',
    'WaitForUndo',
    'VerifyUndo',
    'IsUndoVerified',
    'DoesVerifyingUndo',
    ...['RestoreCluster', 'IsItRestored', 'WaitForRestore', 'CanItGoBack'],
  ];
  const never = [
    'AwaitHolder',
    'WaitForPhase',
    'WaitForLong',
    'AwaitLong',
    'Passed',
    'RolledBackAsAsked',
    'RestoredAsAsked',
    'Refused',
    'RolledBack',
    'Restored',
    'Halted',
  ];
  const ofRecovery = ['WhichWay', 'IsItSettled', 'Settled', 'LeftToAnother', 'NotSettled'];
  return Object.keys(stateMachine.States).filter((state) => ![...back, ...never, ...ofRecovery].includes(state));
}

async function timeOfRun(): Promise<number> {
  const folder = join(plans, 'first');
  await endOf(['dry-run', 'small'], folder);
  await rm(folder, { recursive: true, force: true });
  const begun = performance.now();
  const { code, said } = await endOf(['execute', 'small', '--yes'], folder);
  if (code !== 0) throw new Error(`a run without a kill exits ${code}: ${said}`);
  return performance.now() - begun;
}

async function history(folder: string): Promise<string> {
  const executions = join(folder, 'executions');
  const files = await readdir(executions).catch((): string[] => []);
  const texts = await Promise.all(files.map((file) => readFile(join(executions, file), 'utf8').catch(() => '')));
  return texts.join('\n');
}

/** Processes that work in the data folder or name it (Linux). */
async function serversOf(folder: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(
    pids.map(async (pid) => {
      const [commandLine, workingFolder] = await Promise.all([
        readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => ''),
        readlink(join('/proc', pid, 'cwd')).catch(() => ''),
      ]);
      return `${workingFolder} ${commandLine}`;
    }),
  );
  return places.filter((place) => place.includes(folder));
}
