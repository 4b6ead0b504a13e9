import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateDBClusterSnapshotCommand,
  DeleteDBClusterSnapshotCommand,
  DescribeDBClusterSnapshotsCommand,
  DescribeDBClustersCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseDatabaseUrl } from '../../../local/rds/database-url.ts';
import { reachServer } from '../../../local/rds/external-server.ts';
import { startRds } from '../../../local/rds/server.ts';
import type { SnapshotChoice } from '../../../local/rds/snapshot-choice.ts';
import { DATABASE, PASSWORD, ROLE, type SomebodysServer, somebodysServer } from '../../support/somebodys-server.ts';

const root = mkdtempSync(join(tmpdir(), 'stepgate-external-'));
let server: SomebodysServer;
beforeAll(async () => {
  server = await somebodysServer();
});
afterAll(async () => {
  await server.stop();
  rmSync(root, { recursive: true, force: true });
});

const clock = { now: () => new Date() };
const place = { clock, region: 'eu-central-1', accountId: '000000000000', delays: { snapshotMs: 0 } };

/** The control plane in front of the server. */
async function plane(folder: string, snapshot: SnapshotChoice | null) {
  const { source } = await reachServer(parseDatabaseUrl(server.url), snapshot);
  const told: string[] = [];
  const rds = await startRds({ ...place, folder: join(root, folder), servers: source, tell: (sentence) => told.push(sentence) });
  const cluster = await rds.clusters.ensure({ id: 'local', database: DATABASE });
  const client = new RDSClient({ endpoint: rds.url, region: 'eu-central-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } });
  const take = () => client.send(new CreateDBClusterSnapshotCommand({ DBClusterSnapshotIdentifier: 'one', DBClusterIdentifier: 'local' }));
  const taken = async () =>
    (await client.send(new DescribeDBClusterSnapshotsCommand({ DBClusterSnapshotIdentifier: 'one' }))).DBClusterSnapshots?.[0];
  return { rds, cluster, client, take, taken, told, log: join(root, folder, 'snapshots', 'one.log') };
}

test('the server is the cluster, its version the engine’s, and the password is on no disk', async () => {
  const { rds, cluster, client } = await plane('cluster', null);
  const { DBClusters } = await client.send(new DescribeDBClustersCommand({}));
  expect(DBClusters).toMatchObject([
    { Status: 'available', EngineVersion: expect.stringMatching(/^17\./), DatabaseName: DATABASE, MasterUsername: ROLE },
  ]);
  expect(cluster.migratorUrl).not.toContain(encodeURIComponent(PASSWORD));
  expect(readFileSync(join(root, 'cluster', 'rds.json'), 'utf8')).not.toContain(PASSWORD);
  await rds.close();
});

test('a snapshot is what a command makes: the database in its environment, its output in a log, its end the status', async () => {
  const report = 'printf "%s " "$PGHOST" "$PGPORT" "$PGUSER" "$PGDATABASE" "$STEPGATE_SNAPSHOT_ID"; test "$PGPASSWORD" != ""';
  const { rds, take, taken, log } = await plane('command', { kind: 'commands', take: report, restore: 'restore < that' });
  await take();
  await vi.waitFor(async () => expect(await taken()).toMatchObject({ Status: 'available', PercentProgress: 100 }));
  expect((await taken())?.TagList).toEqual([{ Key: 'stepgate:restore-command', Value: 'restore < that' }]);
  expect(readFileSync(log, 'utf8')).toBe(`127.0.0.1 ${new URL(server.superuserUrl).port} ${ROLE} ${DATABASE} one `);
  await rds.close();
});

test('a command that fails makes a failed snapshot, and its log stays', async () => {
  const { rds, take, taken, told, log } = await plane('failing', { kind: 'commands', take: 'echo no space left; exit 3', restore: 'none' });
  await take();
  await vi.waitFor(() => expect(told).toEqual([`snapshot one failed: the snapshot command ended with 3; its output is in ${log}`]));
  expect(await taken()).toMatchObject({ Status: 'failed' });
  expect(readFileSync(log, 'utf8')).toBe('no space left\n');
  await rds.close();
});

test('an engine that stops ends the command that still runs, and all that it started', async () => {
  const begin = '(trap "echo ended >&2; exit" TERM; echo begun >&2; sleep 600 & wait) | cat';
  const { rds, take, log } = await plane('stopped', { kind: 'commands', take: begin, restore: 'none' });
  await take();
  await vi.waitFor(() => expect(readFileSync(log, 'utf8')).toBe('begun\n'));
  await rds.close();
  await vi.waitFor(() => expect(readFileSync(log, 'utf8')).toContain('ended'));
  const { rds: next, taken } = await plane('stopped', null);
  expect(await taken()).toMatchObject({ Status: 'failed' });
  await next.close();
});

test('without a command no snapshot can be taken, and none is ever removed', async () => {
  const { rds, client, take } = await plane('without', { kind: 'none' });
  await expect(take()).rejects.toMatchObject({ name: 'AccessDenied' });
  await expect(client.send(new DeleteDBClusterSnapshotCommand({ DBClusterSnapshotIdentifier: 'one' }))).rejects.toMatchObject({
    name: 'NotImplemented',
  });
  await rds.close();
});

test('a folder is one database’s: another one, and one of our own, are refused there', async () => {
  const { rds } = await plane('first', null);
  await rds.close();
  const name = parseDatabaseUrl(server.url).name;
  await expect(startRds({ ...place, folder: join(root, 'first') })).rejects.toThrow(
    `holds the runs of the database ${name}, not of a local database`,
  );
  const { source } = await reachServer(parseDatabaseUrl(server.url.replace(/[^/]*$/, 'postgres')), null);
  await expect(startRds({ ...place, folder: join(root, 'first'), servers: source })).rejects.toThrow(`not of the database 127.0.0.1:`);
});

test.each([
  {
    what: 'a password that is wrong',
    change: (url: URL) => Object.assign(url, { password: 'wrong' }),
    message: /the server refuses: password authentication failed/,
  },
  { what: 'no password', change: (url: URL) => Object.assign(url, { password: '' }), message: /wants a password and none was given/ },
  {
    what: 'a database that is not there',
    change: (url: URL) => Object.assign(url, { pathname: '/nothing' }),
    message: /the server refuses: database "nothing" does not exist/,
  },
  {
    what: 'a host that is not there',
    change: (url: URL) => new URL(url.href.replace('127.0.0.1', 'nothing.invalid')),
    message: /there is no such host/,
  },
  { what: 'a port where nothing listens', change: (url: URL) => Object.assign(url, { port: '1' }), message: /nothing answers \(ECONNREFUSED\)/ },
  {
    what: 'TLS that the server has not',
    change: (url: URL) => Object.assign(url, { search: '?sslmode=no-verify' }),
    message: /does not support SSL/,
  },
])('$what is told in one line that names the database and no password', async ({ change, message }) => {
  const url = change(new URL(server.url)).href;
  const reached = reachServer(parseDatabaseUrl(url), null);
  await expect(reached).rejects.toThrow(message);
  await expect(reached).rejects.toThrow(/^app_owner@/);
  await expect(reached).rejects.not.toThrow(/s3cr|wrong/);
});
