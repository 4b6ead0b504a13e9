import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateDBClusterCommand,
  CreateDBClusterSnapshotCommand,
  CreateDBInstanceCommand,
  DeleteDBClusterSnapshotCommand,
  DescribeDBClusterSnapshotsCommand,
  type DescribeDBClusterSnapshotsCommandInput,
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  FailoverDBClusterCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { serverUser } from '../../../local/postgres/binaries.ts';
import { copyFolder } from '../../../local/postgres/copy-folder.ts';
import { startPostgres } from '../../../local/postgres/server.ts';
import { type LocalCluster, type RdsFace, startRds } from '../../../local/rds/server.ts';

let now = new Date('2026-03-01T00:00:00Z');
const clock = { now: () => now };
const pass = (ms: number) => {
  now = new Date(now.getTime() + ms);
};

let folder: string;
let rds: RdsFace;
let cluster: LocalCluster;
let client: RDSClient;

async function open(): Promise<void> {
  rds = await startRds({ folder, clock, region: 'eu-central-1', accountId: '000000000000', snapshotQuota: 3 });
  cluster = await rds.clusters.ensure({ id: 'local', database: 'crm' });
  client = new RDSClient({
    endpoint: rds.url,
    region: 'eu-central-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
}

async function close(): Promise<void> {
  client.destroy();
  await rds.close();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepgate-rds-'));
  await open();
});
afterAll(async () => {
  await close();
  await rm(folder, { recursive: true });
});

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const session = new Client({ connectionString: url });
  await session.connect();
  try {
    return (await session.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await session.end();
  }
}

async function snapshot(id: string) {
  const { DBClusterSnapshots } = await client.send(new DescribeDBClusterSnapshotsCommand({ DBClusterSnapshotIdentifier: id }));
  return DBClusterSnapshots?.[0];
}

const take = (id: string, clusterId = 'local') =>
  client.send(
    new CreateDBClusterSnapshotCommand({ DBClusterSnapshotIdentifier: id, DBClusterIdentifier: clusterId, Tags: [{ Key: 'run', Value: 'a & b' }] }),
  );

test('the migrator has the rights that RDS gives, and no more', async () => {
  const [role] = await ask(
    cluster.migratorUrl,
    `select current_user as name, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, pg_has_role('rds_superuser', 'member') as rds, pg_has_role('pg_signal_backend', 'member') as signal,
       (select datdba::regrole::text from pg_database where datname = 'crm') as owner, (select nspowner::regrole::text from pg_namespace where nspname = 'public') as schema_owner
     from pg_roles where rolname = current_user`,
  );
  expect(role).toEqual({
    name: 'migrator',
    rolsuper: false,
    rolcreaterole: true,
    rolcreatedb: true,
    rolbypassrls: false,
    rds: true,
    signal: true,
    owner: 'migrator',
    schema_owner: 'migrator',
  });
  expect(cluster.secretArn).toMatch(/^arn:aws:secretsmanager:eu-central-1:000000000000:secret:rds!cluster-[0-9a-f-]{36}-\w{6}$/);
  expect(cluster.credentials(cluster.secretArn)?.user).toBe('migrator');
  expect(cluster.credentials('another')).toBeUndefined();
});

test('a server that fails is started again, and has every row that was committed', async () => {
  await ask(cluster.migratorUrl, 'create table outlives as select 1 as n');
  const before = cluster.port;
  await rds.crash('local');
  cluster = rds.clusters.byArn(cluster.arn) ?? cluster;
  expect(cluster.port).not.toBe(before);
  expect(await ask(cluster.migratorUrl, 'select n from outlives')).toEqual([{ n: 1 }]);
  await ask(cluster.migratorUrl, 'drop table outlives');
});

test('ensure twice, and beside itself, is one cluster', async () => {
  const both = await Promise.all([1, 2].map(() => rds.clusters.ensure({ id: 'local', database: 'crm' })));
  expect(both.map(({ port, secretArn }) => ({ port, secretArn }))).toEqual([1, 2].map(() => ({ port: cluster.port, secretArn: cluster.secretArn })));
});

test('a described cluster has what a stack reads of it', async () => {
  const { DBClusters } = await client.send(new DescribeDBClustersCommand({ DBClusterIdentifier: 'LOCAL' }));
  expect(DBClusters).toMatchObject([
    {
      DBClusterIdentifier: 'local',
      DBClusterArn: cluster.arn,
      Status: 'available',
      Engine: 'aurora-postgresql',
      EngineVersion: '17.10',
      HttpEndpointEnabled: true,
      DatabaseName: 'crm',
      MasterUserSecret: { SecretArn: cluster.secretArn, SecretStatus: 'active' },
      ServerlessV2ScalingConfiguration: { MinCapacity: 0.5, MaxCapacity: 4 },
      DBClusterMembers: [{ DBInstanceIdentifier: 'local-writer', IsClusterWriter: true }],
    },
  ]);
});

test('a cluster and its instance take their time to become available', async () => {
  const create = new CreateDBClusterCommand({
    DBClusterIdentifier: 'Made',
    Engine: 'aurora-postgresql',
    MasterUsername: 'boss',
    ManageMasterUserPassword: true,
    EnableHttpEndpoint: true,
    DatabaseName: 'shop',
    ServerlessV2ScalingConfiguration: { MinCapacity: 1, MaxCapacity: 8 },
    Tags: [{ Key: 'run', Value: 'r1' }],
  });
  const { DBCluster } = await client.send(create);
  expect(DBCluster).toMatchObject({
    DBClusterIdentifier: 'made',
    Status: 'creating',
    TagList: [{ Key: 'run', Value: 'r1' }],
    ServerlessV2ScalingConfiguration: { MaxCapacity: 8 },
  });
  await expect(client.send(create)).rejects.toMatchObject({ name: 'DBClusterAlreadyExistsFault' });
  const instance = { DBInstanceIdentifier: 'made-1', DBClusterIdentifier: 'made', DBInstanceClass: 'db.serverless', Engine: 'aurora-postgresql' };
  await client.send(new CreateDBInstanceCommand(instance));
  await expect(client.send(new CreateDBInstanceCommand(instance))).rejects.toMatchObject({ name: 'DBInstanceAlreadyExistsFault' });
  await expect(take('too-soon', 'made')).rejects.toMatchObject({ name: 'InvalidDBClusterStateFault' });
  const arn = DBCluster?.DBClusterArn ?? '';
  expect(rds.clusters.byArn(arn)).toMatchObject({ status: 'creating', port: 0 });
  pass(120_000);
  const byCluster = [{ Name: 'db-cluster-id', Values: ['made'] }];
  const { DBInstances } = await client.send(new DescribeDBInstancesCommand({ Filters: byCluster }));
  expect(DBInstances).toMatchObject([{ DBInstanceIdentifier: 'made-1', DBInstanceStatus: 'available' }]);
  const made = rds.clusters.byArn(arn);
  expect(made?.status).toBe('available');
  expect(await ask(made?.migratorUrl ?? '', 'select current_user as user, current_database() as database')).toEqual([
    { user: 'boss', database: 'shop' },
  ]);
});

test('a snapshot under a writer starts as a server and holds every row that was committed before it', async () => {
  await ask(cluster.migratorUrl, 'create table event (id bigserial primary key, note text)');
  await ask(cluster.migratorUrl, `insert into event (note) select repeat('x', 500) from generate_series(1, 40000)`);
  const writing = new AbortController();
  const writer = write(writing.signal);
  await vi.waitFor(async () => expect(await ask(cluster.migratorUrl, 'select 1 from event where id > 40050')).not.toHaveLength(0));
  const [before] = await ask(cluster.migratorUrl, 'select count(*)::int as rows, max(id)::int as last from event');
  const { DBClusterSnapshot } = await take('Under-Load');
  expect(DBClusterSnapshot).toMatchObject({
    DBClusterSnapshotIdentifier: 'under-load',
    Status: 'creating',
    SnapshotType: 'manual',
    TagList: [{ Key: 'run', Value: 'a & b' }],
  });
  pass(45_000);
  expect(await snapshot('under-load')).toMatchObject({ Status: 'creating', PercentProgress: 50 });
  pass(45_000);
  expect(await snapshot('under-load')).toMatchObject({ Status: 'available', PercentProgress: 100 });
  writing.abort();
  await writer;

  await copyFolder(join(folder, 'snapshots', 'under-load', 'data'), join(folder, 'restored'), { owner: serverUser() });
  const server = await startPostgres({ dataFolder: join(folder, 'restored') });
  const url = new URL(server.superuserUrl);
  url.pathname = 'crm';
  const [restored] = await ask(url.href, `select count(*) filter (where id <= ${before?.last})::int as rows from event`);
  expect(restored).toEqual({ rows: before?.rows });
  await server.stop();
});

async function write(signal: AbortSignal): Promise<void> {
  const session = new Client({ connectionString: cluster.migratorUrl });
  await session.connect();
  while (!signal.aborted) await session.query(`insert into event (note) select 'while' from generate_series(1, 10)`);
  await session.end();
}

test('snapshots are found by cluster, by type and by filter', async () => {
  const ids = async (input: DescribeDBClusterSnapshotsCommandInput) =>
    (await client.send(new DescribeDBClusterSnapshotsCommand(input))).DBClusterSnapshots?.map(
      ({ DBClusterSnapshotIdentifier }) => DBClusterSnapshotIdentifier,
    );
  expect(await ids({ DBClusterIdentifier: 'local', SnapshotType: 'manual' })).toEqual(['under-load']);
  expect(await ids({ DBClusterIdentifier: 'made' })).toEqual([]);
  expect(await ids({ SnapshotType: 'automated' })).toEqual([]);
  expect(await ids({ Filters: [{ Name: 'db-cluster-id', Values: [cluster.arn, 'made'] }] })).toEqual(['under-load']);
  await expect(ids({ Filters: [{ Name: 'colour', Values: ['red'] }] })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
});

test.each([
  { name: 'of an unknown cluster', id: 'one', clusterId: 'none', fault: 'DBClusterNotFoundFault', status: 404 },
  { name: 'with a name that is taken', id: 'under-load', clusterId: 'local', fault: 'DBClusterSnapshotAlreadyExistsFault', status: 400 },
  { name: 'with two hyphens in its name', id: 'a--b', clusterId: 'local', fault: 'InvalidParameterValue', status: 400 },
  { name: 'with a digit first', id: '1a', clusterId: 'local', fault: 'InvalidParameterValue', status: 400 },
  { name: 'with a hyphen last', id: 'a-', clusterId: 'local', fault: 'InvalidParameterValue', status: 400 },
  { name: 'with 64 characters', id: 'a'.repeat(64), clusterId: 'local', fault: 'InvalidParameterValue', status: 400 },
])('a snapshot $name is refused', async ({ id, clusterId, fault, status }) => {
  await expect(take(id, clusterId)).rejects.toMatchObject({ name: fault, $metadata: { httpStatusCode: status } });
});

test('more snapshots than the quota are refused, until one is deleted', async () => {
  await take('second');
  await take('third');
  await expect(take('fourth')).rejects.toMatchObject({ name: 'SnapshotQuotaExceededFault' });
  const remove = new DeleteDBClusterSnapshotCommand({ DBClusterSnapshotIdentifier: 'third' });
  await expect(client.send(remove)).rejects.toMatchObject({ name: 'InvalidDBClusterSnapshotStateFault' });
  pass(90_000);
  await client.send(remove);
  await expect(snapshot('third')).rejects.toMatchObject({ name: 'DBClusterSnapshotNotFoundFault' });
  expect(await readdir(join(folder, 'snapshots'))).not.toContain('third');
});

test('unknown clusters and instances have their own faults', async () => {
  await expect(client.send(new DescribeDBClustersCommand({ DBClusterIdentifier: 'none' }))).rejects.toMatchObject({ name: 'DBClusterNotFoundFault' });
  await expect(client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: 'none' }))).rejects.toMatchObject({
    name: 'DBInstanceNotFoundFault',
  });
});

test('an action or a parameter that is not built is refused and says where to look', async () => {
  const failover = new FailoverDBClusterCommand({ DBClusterIdentifier: 'local' });
  await expect(client.send(failover)).rejects.toMatchObject({
    name: 'NotImplemented',
    message: expect.stringContaining('docs/parity.md'),
    $metadata: { httpStatusCode: 501 },
  });
  const backtracking = new CreateDBClusterCommand({ DBClusterIdentifier: 'x', Engine: 'aurora-postgresql', BacktrackWindow: 60 });
  await expect(client.send(backtracking)).rejects.toMatchObject({ message: expect.stringContaining('BacktrackWindow') });
});

test('a folder that is in use is refused', async () => {
  await expect(startRds({ folder, clock, region: 'eu-central-1', accountId: '000000000000' })).rejects.toThrow(
    /in use by process \d+; end that process/,
  );
});

test('clusters, secrets and snapshots outlive the engine; a snapshot that it did not finish has failed', async () => {
  const secret = cluster.credentials(cluster.secretArn);
  const [{ rows } = {}] = await ask(cluster.migratorUrl, 'select count(*)::int as rows from event');
  await close();
  const file = join(folder, 'rds.json');
  const state = JSON.parse(await readFile(file, 'utf8'));
  state.snapshots.find(({ id }: { id: string }) => id === 'second').copy = 'running';
  await writeFile(file, JSON.stringify(state));
  const arn = cluster.arn;
  await open();
  expect(cluster.arn).toBe(arn);
  expect(cluster.credentials(cluster.secretArn)).toEqual(secret);
  expect(await ask(cluster.migratorUrl, 'select count(*)::int as rows from event')).toEqual([{ rows }]);
  expect(await snapshot('under-load')).toMatchObject({ Status: 'available' });
  expect(await snapshot('second')).toMatchObject({ Status: 'failed' });
  expect(await readdir(join(folder, 'snapshots'))).toEqual(['under-load']);
});
