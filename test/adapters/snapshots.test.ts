import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RDSClient } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rdsSnapshots, type Snapshots } from '../../adapters/snapshots.ts';
import { refusal } from '../support/run-driver.ts';

// RDS at the wire, where each action answers what a test put there.

let server: Server;
let snapshots: Snapshots;
const answers = new Map<string, { readonly status: number; readonly body: string }>();

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const action = form.get('Action') ?? '';
    const { status, body } = answers.get(`${action} ${form.get('DBInstanceIdentifier') ?? ''}`.trim()) ??
      answers.get(action) ?? { status: 501, body: '' };
    response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new RDSClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  snapshots = rdsSnapshots({ STEPGATE_CLUSTER_ID: 'ours', STEPGATE_SNAPSHOT: 'required' } as Parameters<typeof rdsSnapshots>[0], client);
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

function answer(action: string, result: string): void {
  const name = action.split(' ')[0];
  answers.set(action, { status: 200, body: `<${name}Response><${name}Result>${result}</${name}Result></${name}Response>` });
}

function refuse(action: string, code: string): void {
  answers.set(action, {
    status: 400,
    body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>said</Message></Error></ErrorResponse>`,
  });
}

test.each([
  { code: 'SnapshotQuotaExceeded', name: 'ConfigurationError' },
  { code: 'InvalidDBClusterStateFault', name: 'DatabaseUnreachableError' },
  { code: 'DBClusterNotFoundFault', name: 'ConfigurationError' },
  { code: 'Throttling', name: 'ThrottledError' },
  { code: 'AccessDenied', name: 'ConfigurationError' },
  { code: 'InternalFailure', name: 'UnknownOutcomeError' },
])('$code while a snapshot is asked for is $name', async ({ code, name }) => {
  refuse('CreateDBClusterSnapshot', code);
  const error = await refusal(snapshots.request('s', {}));
  expect(error.name).toBe(name);
  expect(error.message).toContain('creating snapshot s');
});

test('a snapshot of that name is the same one, and one that is not there is none', async () => {
  refuse('CreateDBClusterSnapshot', 'DBClusterSnapshotAlreadyExistsFault');
  await snapshots.request('s', {});
  refuse('DescribeDBClusterSnapshots', 'DBClusterSnapshotNotFoundFault');
  expect(await snapshots.status('s')).toBeNull();
});

test('the writer is the cluster’s own; a cluster without one has none', async () => {
  answer(
    'DescribeDBInstances',
    '<DBInstances><DBInstance><DBInstanceStatus>available</DBInstanceStatus><DBInstanceClass>db.other</DBInstanceClass></DBInstance></DBInstances>',
  );
  answer(
    'DescribeDBInstances mine',
    '<DBInstances><DBInstance><DBInstanceStatus>rebooting</DBInstanceStatus><DBInstanceClass>db.mine</DBInstanceClass></DBInstance></DBInstances>',
  );
  const cluster = (members: string) =>
    answer(
      'DescribeDBClusters',
      `<DBClusters><DBCluster><Status>available</Status><EngineVersion>16.4</EngineVersion><HttpEndpointEnabled>true</HttpEndpointEnabled>
<DBClusterMembers>${members}</DBClusterMembers></DBCluster></DBClusters>`,
    );
  const member = (id: string, isWriter: boolean) =>
    `<DBClusterMember><DBInstanceIdentifier>${id}</DBInstanceIdentifier><IsClusterWriter>${isWriter}</IsClusterWriter></DBClusterMember>`;
  cluster(member('reader', false) + member('mine', true));
  expect(await snapshots.cluster()).toEqual({
    status: 'available',
    engineVersion: '16.4',
    isDataApiOn: true,
    writerStatus: 'rebooting',
    writerClass: 'db.mine',
  });
  cluster('');
  expect(await snapshots.cluster()).toMatchObject({ writerStatus: 'none', writerClass: 'none' });
  cluster(member('gone', true));
  refuse('DescribeDBInstances gone', 'DBInstanceNotFound');
  expect(await snapshots.cluster()).toMatchObject({ writerStatus: 'none', writerClass: 'none' });
});
