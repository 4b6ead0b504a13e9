import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { type CrmCrowd, startCrowd } from '../isolation/crm-crowd.ts';
import { CRM_DIFFERENCES, CRM_PLAN, crmSource } from '../isolation/crm-plan.ts';
import { DATABASE, PASSWORD, ROLE, somebodysServer } from '../support/somebodys-server.ts';
import { commandsOn, seededFraction, writePlanFolder } from './commands.ts';

/**
 * Kills the engine of a live migration with SIGKILL, again and again, there and back, while eight clients write to a server that goes on.
 *
 * `npm run test:kills:live [-- KILLS [ROWS]]`: so many kills of `execute` and of `rollback`; exit 1 when a write is lost, a row differs, or a client's call fails.
 */
const kills = Number(process.argv[2] ?? 6);
const rows = Number(process.argv[3] ?? 4_000);
const folder = await mkdtemp(join(tmpdir(), 'stepgate-live-kills-'));
const server = await somebodysServer();
const { stepgate, endOf } = commandsOn((data) => ['--plans', join(folder, 'migrations'), '--data', data, '--database-url', server.url]);
const data = join(folder, 'data');
const faults: string[] = [];
const answers = (verb: string): readonly string[] => (verb === 'execute' ? ['--yes', '--no-snapshot'] : ['--yes']);
const UNEXPLAINED = `select * from (${CRM_DIFFERENCES}) d where not exists
(select from stepgate.sync_journal j where j.transfer = d.target and (j.key is null or d.key in (j.key, j.moved_from)))`;
try {
  await writePlanFolder(join(folder, 'migrations', 'crm'), CRM_PLAN);
  await asSuperuser(`create role application; grant application to ${ROLE} with admin option`);
  await server.sql(crmSource(rows));
  const crowd = startCrowd({ sql: (text) => server.sql(text), connect }, { rows, seed: 11 });
  await killedAndEnded('execute', crowd);
  crowd.use('both');
  await crowd.changes(rows / 4);
  crowd.use('new');
  await crowd.changes(rows / 4);
  await crowd.pause();
  expectNothing('differs and no entry of the journal says why', await server.sql(UNEXPLAINED));
  expectNothing('lost before the rollback', await crowd.lost());
  crowd.resume();
  crowd.use('both');
  await killedAndEnded('rollback', crowd);
  crowd.use('old');
  await crowd.changes(rows / 8);
  await crowd.stop();
  expectNothing('lost', await crowd.lost());
  const failed = [...crowd.figures.failed].filter(([name]) => name !== 'repeatable read 40001');
  expectNothing('failed', failed);
  process.stdout.write(
    `${crowd.figures.changedRows} changed rows, ${crowd.figures.transactions} transactions, ${crowd.figures.turned} turned to the old side\n`,
  );
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
for (const fault of faults) process.stdout.write(`LOST ${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Each start gets a little further, or not; the last one is left alone and has to end well. */
async function killedAndEnded(verb: 'execute' | 'rollback', crowd: CrmCrowd): Promise<void> {
  const begun = performance.now();
  for (let kill = 0; kill < kills; kill += 1) {
    const child = stepgate([verb, 'crm', ...answers(verb)], data);
    const ended = once(child, 'exit');
    const afterMs = Math.round(1_500 + 6_000 * seededFraction(kill));
    await Promise.race([delay(afterMs), ended]);
    const wasKilled = child.kill('SIGKILL');
    await ended;
    process.stdout.write(
      `${verb} ${wasKilled ? `killed after ${afterMs} ms` : `ended ${child.exitCode} by itself`}; ${crowd.changed()} rows changed\n`,
    );
    if (!wasKilled) break;
  }
  const { code, said } = await endOf([verb, 'crm', ...answers(verb)], data);
  process.stdout.write(`${verb} ends ${code} after ${Math.round(performance.now() - begun)} ms: ${said}\n`);
  if (code !== 0) throw new Error(`${verb} exits ${code}: ${said}`);
}

/** By its parts: the database's name holds everything that a URL gives a meaning to. */
async function connect(): Promise<Client> {
  const client = new Client({ host: '127.0.0.1', port: Number(new URL(server.url).port), database: DATABASE, user: ROLE, password: PASSWORD });
  await client.connect();
  return client;
}

async function asSuperuser(text: string): Promise<void> {
  const client = new Client({ connectionString: server.superuserUrl });
  await client.connect();
  await client.query(text);
  await client.end();
}

function expectNothing(what: string, found: readonly unknown[]): void {
  if (found.length > 0) faults.push(`${found.length} ${what}: ${JSON.stringify(found.slice(0, 5))}`);
}
