import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { isAlive, processIdentity } from '../../../local/postgres/process-identity.ts';
import { type PostgresServer, startPostgres } from '../../../local/postgres/server.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepgate-postgres-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function ask(server: PostgresServer, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: server.superuserUrl });
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows[0] ?? [];
  } finally {
    await client.end();
  }
}

/** A process of its own that holds the server of `dataFolder`. */
async function startEngine(dataFolder: string, env: NodeJS.ProcessEnv = process.env): Promise<{ engine: ChildProcess; serverPid: number }> {
  const engine = spawn(process.execPath, [join(import.meta.dirname, 'engine.ts'), dataFolder], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve, reject) => {
    engine.stdout.once('data', (data: Buffer) => resolve(data.toString()));
    engine.once('exit', (code) => reject(new Error(`the engine ended with ${code}`)));
  });
  return { engine, serverPid: JSON.parse(line).pid };
}

/** Until the process, or what runs under its number from now on, is gone. */
async function isGone(pid: number): Promise<void> {
  const identity = processIdentity(pid);
  await vi.waitFor(() => expect(identity && isAlive(identity)).toBeFalsy(), { timeout: 10_000, interval: 20 });
}

test('a server starts on a new folder with the promised settings, and keeps its data', async () => {
  const dataFolder = join(folder, 'data');
  const first = await startPostgres({ dataFolder, settings: { work_mem: '5MB' } });
  const names = [
    'TimeZone',
    'server_encoding',
    'wal_level',
    'track_activity_query_size',
    'unix_socket_directories',
    'password_encryption',
    'work_mem',
  ];
  expect(
    await ask(first, `select ${names.map((name) => `current_setting('${name}')`).join(', ')}, current_setting('max_connections')::int >= 60`),
  ).toEqual(['UTC', 'UTF8', 'replica', '4kB', '', 'scram-sha-256', '5MB', true]);
  expect(await ask(first, 'select datlocprovider, datlocale from pg_database where datname = current_database()')).toEqual(['b', 'C.UTF-8']);
  await ask(first, 'create table kept as select 1 as n');
  await first.stop();
  await first.stop();
  const second = await startPostgres({ dataFolder });
  expect(await ask(second, 'select n from kept')).toEqual([1]);
  await second.stop();
});

test('a data folder whose mode somebody has changed is closed to others again, and starts', async () => {
  const dataFolder = join(folder, 'data');
  await chmod(dataFolder, 0o777);
  const server = await startPostgres({ dataFolder });
  expect((await stat(dataFolder)).mode & 0o777).toBe(0o700);
  await server.stop();
});

test('a server that ends by itself says so, once; one that is stopped says nothing', async () => {
  const said: string[] = [];
  const dataFolder = join(folder, 'data');
  const stopped = await startPostgres({ dataFolder, onEnd: (why) => said.push(why) });
  await stopped.stop();
  const server = await startPostgres({ dataFolder, onEnd: (why) => said.push(why) });
  process.kill(server.pid, 'SIGQUIT');
  await vi.waitFor(() => expect(said).toEqual([expect.stringMatching(/^the database server of .* has ended: .*immediate shutdown request/)]));
  await server.stop();
});

test('another password is not let in', async () => {
  const server = await startPostgres({ dataFolder: join(folder, 'data') });
  const url = new URL(server.superuserUrl);
  url.password = 'wrong';
  await expect(new Client({ connectionString: url.href }).connect()).rejects.toThrow('password authentication failed');
  await server.stop();
});

test.each([
  { name: 'by the kernel', environment: () => process.env },
  {
    name: 'by the watchdog where there is no setpriv',
    environment: async () => {
      const bin = join(folder, 'bin');
      await mkdir(bin, { recursive: true });
      await chmod(folder, 0o755);
      await symlink('/bin/sh', join(bin, 'sh')).catch(() => undefined);
      return { ...process.env, PATH: bin };
    },
  },
])('a killed engine leaves no server behind: it is ended $name, and the next engine starts', async ({ environment }) => {
  const dataFolder = join(folder, 'killed');
  const { engine, serverPid } = await startEngine(dataFolder, await environment());
  engine.kill('SIGKILL');
  await isGone(serverPid);
  const next = await startPostgres({ dataFolder });
  expect(await ask(next, 'select 1')).toEqual([1]);
  await next.stop();
});

test('a server that outlived its engine is ended by the next engine', async () => {
  const dataFolder = join(folder, 'outlived');
  const server = await startPostgres({ dataFolder });
  const identity = processIdentity(server.pid);
  const dead = { pid: process.pid, started: 'another time' };
  await writeFile(`${dataFolder}.lock`, JSON.stringify({ engine: dead, server: identity }));
  const next = await startPostgres({ dataFolder });
  expect(next.pid).not.toBe(server.pid);
  expect(identity && isAlive(identity)).toBe(false);
  await next.stop();
});

test('a folder that another engine uses is refused with its process and what to do', async () => {
  const dataFolder = join(folder, 'used');
  const { engine, serverPid } = await startEngine(dataFolder);
  await expect(startPostgres({ dataFolder })).rejects.toThrow(
    `${dataFolder} is in use by process ${engine.pid}; end that process, or choose another folder`,
  );
  engine.kill('SIGKILL');
  await isGone(serverPid);
});

test('of engines that start at once on the folder of a dead one, one gets it', async () => {
  const dataFolder = join(folder, 'contested');
  await writeFile(`${dataFolder}.lock`, JSON.stringify({ engine: { pid: process.pid, started: 'another time' }, server: null }));
  const starts = await Promise.allSettled([1, 2, 3].map(() => startPostgres({ dataFolder })));
  const servers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  expect(servers).toHaveLength(1);
  await servers[0]?.stop();
});

test('a folder with other content is refused and left alone', async () => {
  const dataFolder = join(folder, 'other');
  await mkdir(dataFolder);
  await writeFile(join(dataFolder, 'letter.txt'), 'dear');
  await expect(startPostgres({ dataFolder })).rejects.toThrow('exists and holds no database');
  await rm(join(dataFolder, 'letter.txt'));
});

test('a server that does not start fails with its own last words, and frees the folder', async () => {
  const dataFolder = join(folder, 'data');
  await expect(startPostgres({ dataFolder, settings: { shared_buffers: 'plenty' } })).rejects.toThrow(
    /before it was ready.*invalid value for parameter "shared_buffers"/,
  );
  const server = await startPostgres({ dataFolder });
  await server.stop();
});
