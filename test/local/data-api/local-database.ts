import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ExecuteStatementCommand,
  type ExecuteStatementCommandInput,
  type ExecuteStatementCommandOutput,
  RDSDataClient,
} from '@aws-sdk/client-rds-data';
import { type DataApiLimits, startDataApi } from '../../../local/data-api/server.ts';
import { type LocalCluster, startRds } from '../../../local/rds/server.ts';

export interface LocalDatabase {
  readonly url: string;
  readonly cluster: LocalCluster;
  readonly client: RDSDataClient;
  readonly address: { resourceArn: string; secretArn: string; database: string };
  execute(sql: string, input?: Partial<ExecuteStatementCommandInput>): Promise<ExecuteStatementCommandOutput>;
  close(): Promise<void>;
}

/** A cluster with an empty database `crm` behind the Data API, for one test file. */
export async function localDatabase(limits: Partial<DataApiLimits> = {}): Promise<LocalDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'stepgate-data-api-'));
  const rds = await startRds({ folder, clock: { now: () => new Date() }, region: 'eu-central-1', accountId: '000000000000' });
  const cluster = await rds.clusters.ensure({ id: 'local', database: 'crm' });
  const dataApi = await startDataApi({ clusters: rds.clusters, limits });
  const client = dataClient(dataApi.url);
  const address = { resourceArn: cluster.arn, secretArn: cluster.secretArn, database: 'crm' };
  return {
    url: dataApi.url,
    cluster,
    client,
    address,
    execute: (sql, input = {}) => client.send(new ExecuteStatementCommand({ ...address, sql, ...input })),
    async close() {
      client.destroy();
      await dataApi.close();
      await rds.close();
      await rm(folder, { recursive: true });
    },
  };
}

export function dataClient(endpoint: string): RDSDataClient {
  return new RDSDataClient({ endpoint, region: 'eu-central-1', maxAttempts: 1, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } });
}
