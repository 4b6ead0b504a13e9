import { randomUUID } from 'node:crypto';
import type { ClientConfig } from 'pg';
import * as z from 'zod';
import { type FaceRequest, type FaceResponse, notBuilt, serveFace } from '../http-face.ts';
import type { LocalClusters } from '../rds/server.ts';
import { type BackendPool, backendPool } from './backend-pool.ts';
import { Fault, toFault } from './fault.ts';
import { bindParameters, SqlParameter } from './parameters.ts';
import { runStatement } from './run-statement.ts';
import { answerInTime, executeStatement } from './statement-call.ts';
import { autocommitLease, type Lease, openTransactions, type Transactions } from './transactions.ts';

/** The service's limits; each can be lowered, so that a test need not wait for it. */
export interface DataApiLimits {
  sqlCharacters: number;
  statementMs: number;
  idleTransactionMs: number;
  resultBytes: number;
  rowBytes: number;
  requestBytes: number;
  transactionMs: number;
  jsonBytes: number;
}

/** AWS's values (service model of rds-data; Aurora User Guide, data-api.limitations and the page on JSON). */
export const DATA_API_LIMITS: DataApiLimits = {
  sqlCharacters: 65_536,
  statementMs: 45_000,
  idleTransactionMs: 180_000,
  resultBytes: 1_048_576,
  rowBytes: 65_536,
  requestBytes: 4_194_304,
  transactionMs: 86_400_000,
  jsonBytes: 10_485_760,
};

// The model's maximum of 100 characters is not enforced: the secrets that RDS manages have longer names, and are taken.
const Address = z.object({
  resourceArn: z.string().min(11),
  secretArn: z.string().min(11),
  database: z.string().max(64).optional(),
  schema: z.string().optional(),
});
const InTransaction = Address.extend({ transactionId: z.string().max(192).optional() });
const Ended = Address.extend({ transactionId: z.string().max(192) });
const Execute = InTransaction.extend({
  sql: z.string(),
  parameters: z.array(SqlParameter).default([]),
  includeResultMetadata: z.boolean().optional(),
  continueAfterTimeout: z.boolean().default(false),
  resultSetOptions: z
    .object({ decimalReturnType: z.enum(['STRING', 'DOUBLE_OR_LONG']).optional(), longReturnType: z.enum(['LONG', 'STRING']).optional() })
    .optional(),
  formatRecordsAs: z.enum(['NONE', 'JSON']).optional(),
});
const Batch = InTransaction.extend({ sql: z.string(), parameterSets: z.array(z.array(SqlParameter)).default([]) });

interface Service {
  readonly limits: DataApiLimits;
  readonly transactions: Transactions;
  poolOf(address: z.infer<typeof Address>): BackendPool;
}

type Operation = (service: Service, input: unknown) => Promise<string>;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  '/Execute': execute,
  '/BatchExecute': batchExecute,
  '/BeginTransaction': begin,
  '/CommitTransaction': (service, input) => endTransaction(service, input, { command: 'commit', status: 'Transaction Committed' }),
  '/RollbackTransaction': (service, input) => endTransaction(service, input, { command: 'rollback', status: 'Rollback Complete' }),
};

/** Serves the RDS Data API for local clusters over HTTP; `limits` lowers or raises AWS's values. */
export async function startDataApi(options: {
  readonly clusters: Pick<LocalClusters, 'byArn'>;
  readonly limits?: Partial<DataApiLimits>;
  /** Keeps time real until the returned function is called. @default - time is real */
  readonly hold?: () => () => void;
}): Promise<{ readonly url: string; close(): Promise<void> }> {
  const limits = { ...DATA_API_LIMITS, ...options.limits };
  const pools = new Map<string, BackendPool>();
  const transactions = openTransactions(limits);
  const service: Service = {
    limits,
    transactions,
    poolOf(address) {
      const connection = connectionTo(options.clusters, address);
      const { host, port, user, database } = connection;
      const name = JSON.stringify([host, port, user, database]);
      const pool = pools.get(name) ?? backendPool(connection, options.hold ?? (() => () => {}));
      pools.set(name, pool);
      return pool;
    },
  };
  const face = await serveFace((request) => answer(service, request));
  return {
    url: face.url,
    async close() {
      await face.close();
      transactions.close();
      for (const pool of pools.values()) pool.close();
    },
  };
}

async function answer(service: Service, request: FaceRequest): Promise<FaceResponse> {
  const headers = { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() };
  const operation = request.method === 'POST' ? OPERATIONS[request.path] : undefined;
  if (!operation) return { status: 501, headers, body: JSON.stringify({ message: notBuilt(`rds-data ${request.method} ${request.path}`) }) };
  try {
    const headerBytes = Object.entries(request.headers).reduce((sum, [name, value]) => sum + name.length + String(value).length + 4, 0);
    if (request.body.length + headerBytes > service.limits.requestBytes)
      throw new Fault('BadRequestException', `the request is larger than ${service.limits.requestBytes} bytes, headers included`);
    return { status: 200, headers, body: await operation(service, parseBody(request.body.toString())) };
  } catch (error) {
    const { code, status, message } = error instanceof z.ZodError ? new Fault('ValidationException', z.prettifyError(error)) : toFault(error);
    return { status, headers: { ...headers, 'x-amzn-errortype': code }, body: JSON.stringify({ __type: code, message }) };
  }
}

/** Numbers of parameters keep their own text: a bigint has more digits than a JavaScript number. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text || '{}', (key: string, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' && (key === 'longValue' || key === 'doubleValue') ? (context?.source ?? value) : value,
    );
  } catch (error) {
    throw new Fault('ValidationException', 'the request is not JSON', { cause: error });
  }
}

async function execute(service: Service, input: unknown): Promise<string> {
  const call = Execute.parse(input);
  checkSql(call, service.limits);
  const statement = bindParameters(call.sql, call.parameters);
  const lease = await leaseFor(service, call);
  return answerInTime(lease, (client) => executeStatement(client, statement, { form: call, limits: service.limits }), {
    statementMs: service.limits.statementMs,
    continueAfterTimeout: call.continueAfterTimeout,
  });
}

/** Outside a transaction each parameter set commits by itself. */
async function batchExecute(service: Service, input: unknown): Promise<string> {
  const call = Batch.parse(input);
  checkSql(call, service.limits);
  const sets = call.parameterSets.length === 0 ? [[]] : call.parameterSets;
  const statements = sets.map((parameters) => bindParameters(call.sql, parameters));
  const lease = await leaseFor(service, call);
  const run = async (client: Parameters<typeof runStatement>[0]) => {
    for (const statement of statements) await runStatement(client, statement, service.limits);
  };
  await answerInTime(lease, run, { statementMs: service.limits.statementMs, continueAfterTimeout: false });
  return JSON.stringify({ updateResults: statements.map(() => ({ generatedFields: [] })) });
}

async function begin(service: Service, input: unknown): Promise<string> {
  const call = Address.parse(input);
  refuseSchema(call);
  return JSON.stringify({ transactionId: await service.transactions.begin(service.poolOf(call), call) });
}

async function endTransaction(
  service: Service,
  input: unknown,
  { command, status }: { command: 'commit' | 'rollback'; status: string },
): Promise<string> {
  const call = Ended.parse(input);
  const lease = await leaseFor(service, call);
  const run = async (client: Parameters<typeof runStatement>[0]) => {
    const isAborted = client.getTransactionStatus() === 'E';
    await client.query(command);
    // PostgreSQL answers COMMIT with ROLLBACK then; to call that committed would be a lie.
    if (isAborted && command === 'commit') {
      throw new Fault('DatabaseErrorException', 'ERROR: current transaction is aborted, it has been rolled back; SQLState: 25P02');
    }
  };
  await answerInTime(lease, run, { statementMs: service.limits.statementMs, continueAfterTimeout: false });
  return JSON.stringify({ transactionStatus: status });
}

async function leaseFor(service: Service, call: z.infer<typeof InTransaction>): Promise<Lease> {
  const pool = service.poolOf(call);
  return call.transactionId === undefined ? autocommitLease(pool) : service.transactions.lease(call.transactionId, call);
}

function checkSql(call: { sql: string; schema?: string | undefined }, limits: DataApiLimits): void {
  refuseSchema(call);
  if ([...call.sql].length > limits.sqlCharacters) {
    const rule = `Member must have length less than or equal to ${limits.sqlCharacters}`;
    throw new Fault('ValidationException', `1 validation error detected: Value at 'sql' failed to satisfy constraint: ${rule}`);
  }
  if (call.sql.includes('\0')) throw new Fault('ValidationException', "the SQL holds a NUL character, which PostgreSQL can't take; remove it");
}

function refuseSchema({ schema }: { schema?: string | undefined }): void {
  if (schema !== undefined)
    throw new Fault('ValidationException', "The schema parameter isn't supported; qualify names, or set search_path in the statement's transaction");
}

function connectionTo(clusters: Pick<LocalClusters, 'byArn'>, { resourceArn, secretArn, database }: z.infer<typeof Address>): ClientConfig {
  const cluster = clusters.byArn(resourceArn);
  if (!cluster) throw new Fault('DatabaseNotFoundException', `DBCluster ${resourceArn} not found`);
  if (!cluster.httpEndpointEnabled) throw new Fault('HttpEndpointNotEnabledException', `HttpEndpoint is not enabled for resource ${resourceArn}`);
  if (cluster.status === 'resuming')
    throw new Fault(
      'DatabaseResumingException',
      'The Aurora DB instance is resuming after being auto-paused. Please wait a few seconds and try again',
    );
  const credentials = cluster.credentials(secretArn);
  if (!credentials) throw new Fault('SecretsErrorException', `Secrets Manager can't find the secret ${secretArn}`);
  if (cluster.status === 'stopped' || cluster.status === 'deleting')
    throw new Fault('InvalidResourceStateException', `DBCluster ${cluster.id} is ${cluster.status}`);
  // Without a database libpq's rule holds: the one that is named like the user.
  const connection = cluster.connection(database ?? credentials.user, credentials);
  if (cluster.port === 0 || connection === undefined)
    throw new Fault('DatabaseNotFoundException', `Cannot find DBInstance in DBCluster ${cluster.id}`);
  return connection;
}
