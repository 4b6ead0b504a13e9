import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { commandAt } from '../../core/run/run-place.ts';
import { engineEnvironment, forwardClock } from '../../local/engine.ts';
import { isAlive } from '../../local/postgres/process-identity.ts';
import { attachEngine } from '../../local/running-engine.ts';
import { emptyDataFolder } from '../data-folder.ts';
import { NoRunError } from '../no-run-error.ts';
import { type OpenEngine, openEngine } from '../open-engine.ts';
import { compileFolder, type LoadedPlan, listPlans, loadPlan } from '../plans.ts';
import { placeOf } from '../run-place.ts';
import { seedIfEmpty } from '../seed-database.ts';
import type { Shell } from '../shell.ts';

/** An engine ends its database servers with a checkpoint first. */
const DOWN_MS = 60_000;

/** Runs an engine in the foreground until Ctrl-C or `local down`. */
export async function up(shell: Shell, { demo, plan }: { readonly demo: boolean; readonly plan: string | undefined }): Promise<number> {
  const { terminal, folder, signal, database } = shell;
  const running = await attachEngine(folder);
  if (running !== undefined)
    throw new NoRunError(`an engine runs in ${folder} already, process ${running.process.pid}; end it with "stepgate local down"`);
  if (demo && database !== undefined) throw new NoRunError("--demo fills an empty database; it does not touch one of --database-url's");
  const seed = demo ? await loadPlan(shell.plansFolder, plan) : undefined;
  const engine = await openEngine(shell, await compiledPlans(shell));
  try {
    if (seed !== undefined && (await seedIfEmpty(engine.psqlUrl, seed)))
      terminal.say(`filled the database with the demo data of plan ${seed.plan.id}`);
    terminal.out(addresses(engine).join('\n'));
    terminal.say('the engine runs until Ctrl-C or "stepgate local down"');
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    return 0;
  } finally {
    await engine.close();
  }
}

/** Ends the engine of the data folder, whichever process runs it. */
export async function down({ terminal, folder }: Pick<Shell, 'terminal' | 'folder'>): Promise<number> {
  const running = await attachEngine(folder);
  if (running === undefined) {
    terminal.out(`no engine runs in ${folder}`);
    return 0;
  }
  process.kill(running.process.pid, 'SIGTERM');
  for (const until = Date.now() + DOWN_MS; isAlive(running.process); await delay(50)) {
    if (Date.now() > until)
      throw new NoRunError(`process ${running.process.pid} still runs after ${DOWN_MS / 1000} s; look at what it does, or end it by hand`);
  }
  terminal.out(`the engine in ${folder} has ended`);
  return 0;
}

/** Removes the databases, reports and executions of the data folder. */
export async function reset(shell: Shell): Promise<number> {
  const { terminal, folder } = shell;
  const { dataFolders } = await emptyDataFolder(folder);
  terminal.out(`${folder} is empty${dataFolders.length === 0 ? '' : `, but for ${dataFolders.join(', ')}`}`);
  for (const name of dataFolders) {
    const place = placeOf({ ...shell, folder: join(folder, name) });
    terminal.say(`  ${commandAt(place, 'npx stepgate local reset')}\n      empties ${name}, a data folder of its own`);
  }
  return 0;
}

/** What `local forward` takes: 48h, 2d, 90m. */
const SPAN = /^([1-9]\d{0,4})(m|h|d)$/;
const SPAN_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Puts the engine's clock forward, so that what is only allowed days later can be tried now. */
export async function forward({ terminal, folder }: Pick<Shell, 'terminal' | 'folder'>, span: string): Promise<number> {
  const [, count, unit = ''] = SPAN.exec(span) ?? [];
  if (count === undefined) throw new NoRunError(`a span of time is minutes, hours or days, such as 48h; got ${JSON.stringify(span)}`);
  const running = await attachEngine(folder);
  if (running !== undefined)
    throw new NoRunError(
      `an engine runs in ${folder}, process ${running.process.pid}, and its clock cannot be moved; end it with "stepgate local down"`,
    );
  if (!existsSync(join(folder, 'rds'))) throw new NoRunError(`no engine has worked in ${folder} yet; there is no clock to put forward`);
  const now = forwardClock(folder, Number(count) * (SPAN_MS[unit] ?? 0));
  terminal.out(`for the engine in ${folder} it is ${now.toISOString()} now`);
  return 0;
}

/** Prints the URL for psql, as the migrator. */
export async function psqlUrl({ terminal, folder }: Pick<Shell, 'terminal' | 'folder'>): Promise<number> {
  const running = await attachEngine(folder);
  if (running === undefined) throw new NoRunError(`no engine runs in ${folder}; start one with "stepgate local up"`);
  terminal.out(running.psqlUrl);
  return 0;
}

/** Those that compile; the rest is told, and is no reason not to start. */
async function compiledPlans({ terminal, plansFolder }: Shell): Promise<readonly LoadedPlan[]> {
  const results = await Promise.all((await listPlans(plansFolder)).map(compileFolder));
  for (const result of results) {
    if (!result.ok) terminal.say(`plan ${result.id} does not compile and is left out: stepgate check ${result.id}`);
  }
  return results.flatMap((result) => (result.ok ? [result.loaded] : []));
}

/** Lines that a shell can evaluate; what is for people is a comment. */
function addresses({ endpoints, stack, psqlUrl: url }: OpenEngine): readonly string[] {
  // An empty profile means something else to the AWS CLI than to the SDK: a profile of that name.
  const variables = Object.entries(engineEnvironment({ endpoints, stack })).filter(([, value]) => value !== '');
  return [
    `# psql          ${url}`,
    `# state machine ${stack.stateMachineArn}`,
    `# database      ${stack.clusterArn} ${stack.secretArn} ${stack.database}`,
    `# reports       s3://${stack.reportBucket}/runs/`,
    '# for the AWS CLI and SDKs in another shell:',
    ...variables.map(([name, value]) => `export ${name}='${value}'`),
  ];
}
