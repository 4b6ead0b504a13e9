import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { serverUser } from '../../local/postgres/binaries.ts';
import { startPostgres } from '../../local/postgres/server.ts';

/** A server that is none of the engine's, with a database in it whose role may do what docs/any-postgresql.md asks for and nothing else. */
export interface SomebodysServer {
  readonly name: string;
  /** As the plain role. */
  readonly url: string;
  readonly superuserUrl: string;
  sql<Row>(text: string): Promise<readonly Row[]>;
  stop(): Promise<void>;
}

/** Programs of other versions: what Debian installs, and folders that are named in STEPGATE_TEST_POSTGRES. */
export function otherPrograms(): readonly string[] {
  const named = (process.env.STEPGATE_TEST_POSTGRES ?? '').split(delimiter).filter(Boolean);
  return ['/usr/lib/postgresql/15/bin', ...named].filter((folder) => existsSync(join(folder, 'postgres')));
}

export const ROLE = 'app_owner';
export const PASSWORD = 's3cr€t@/:%?#';
/** Everything that a URL gives a meaning to. */
export const DATABASE = 'crm "ü" 1/2+3?#%&';

/** The embedded programs, unless a folder of others is given. */
export async function somebodysServer(programs?: string): Promise<SomebodysServer> {
  const folder = mkdtempSync(join(tmpdir(), 'stepgate-somebody-'));
  const server = programs === undefined ? await startPostgres({ dataFolder: join(folder, 'data') }) : await startPrograms(programs, folder);
  const { superuserUrl } = server;
  await ask(superuserUrl, `create role ${ROLE} login password ${escapeLiteral(PASSWORD)} nosuperuser nocreatedb nocreaterole`);
  await ask(superuserUrl, `create database ${escapeIdentifier(DATABASE)}`);
  const database = { host: '127.0.0.1', port: Number(new URL(superuserUrl).port), database: DATABASE };
  const { username, password } = new URL(superuserUrl);
  const superuser = { ...database, user: username, password };
  await ask(superuser, `grant create on database ${escapeIdentifier(DATABASE)} to ${ROLE}`);
  await ask(superuser, `grant create on schema public to ${ROLE}`);
  const [found] = await ask<{ version: string }>(superuser, `select split_part(current_setting('server_version'), ' ', 1) as version`);
  return {
    name: `PostgreSQL ${found?.version}`,
    url: `postgres://${ROLE}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${database.port}/${encodeURIComponent(DATABASE)}`,
    superuserUrl,
    sql: (text) => ask({ ...database, user: ROLE, password: PASSWORD }, text),
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startPrograms(programs: string, folder: string): Promise<{ superuserUrl: string; stop(): Promise<void> }> {
  const user = serverUser();
  if (user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const run = { cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C' }, ...user };
  const made = spawnSync(join(programs, 'initdb'), ['-D', data, '-U', 'postgres', '--auth', 'trust', '--no-sync', '-E', 'UTF8'], run);
  if (made.status !== 0) throw new Error(String(made.stderr));
  const port = await freePort();
  const server = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', '', '-F'], { ...run, stdio: 'ignore' });
  await isReady(server, data);
  return {
    superuserUrl: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      server.kill('SIGINT');
      await once(server, 'exit');
    },
  };
}

async function isReady(server: ChildProcess, data: string): Promise<void> {
  const status = () => (existsSync(join(data, 'postmaster.pid')) ? readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[7] : undefined);
  while (!status()?.startsWith('ready')) {
    if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function ask<Row>(connection: string | object, text: string): Promise<readonly Row[]> {
  const client = new Client(connection);
  await client.connect();
  try {
    const { rows } = await client.query(text);
    return rows as Row[];
  } finally {
    await client.end();
  }
}
