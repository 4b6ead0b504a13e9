import { Client, DatabaseError } from 'pg';
import type { DatabaseServer, ServerSource } from './database-server.ts';
import type { DatabaseAddress } from './database-url.ts';
import type { SnapshotChoice } from './snapshot-choice.ts';
import { snapshotCommand } from './snapshot-command.ts';

/** A server that somebody else runs, and that has answered. */
export interface ExternalServer {
  readonly address: DatabaseAddress;
  /** Null: nobody has said, so nothing that needs a snapshot can be done. */
  readonly snapshot: SnapshotChoice | null;
  readonly source: ServerSource;
}

/**
 * Connects once, and writes nothing.
 *
 * @throws when nothing answers, the server refuses the role, or a pooler hands each transaction another backend; the message says what to do.
 */
export async function reachServer(address: DatabaseAddress, snapshot: SnapshotChoice | null): Promise<ExternalServer> {
  const [one, other] = [new Client(address.connection), new Client(address.connection)];
  for (const client of [one, other]) client.on('error', () => undefined);
  try {
    await one.connect();
    const { rows } = await one.query<{ version: string }>(`select split_part(current_setting('server_version'), ' ', 1) as version`);
    await other.connect();
    await refuseTransactionPooler(one, other);
    return { address, snapshot, source: sourceOf(address, { snapshot, engineVersion: rows[0]?.version ?? 'unknown' }) };
  } catch (error) {
    throw new Error(`${address.user}@${address.name}: ${inWords(error)}`, { cause: error });
  } finally {
    for (const client of [one, other]) client.end().catch(() => undefined);
  }
}

function sourceOf(address: DatabaseAddress, { snapshot, engineVersion }: { snapshot: SnapshotChoice | null; engineVersion: string }): ServerSource {
  const { user, name, connection, psqlUrl } = address;
  const command = snapshot?.kind === 'commands' ? snapshotCommand(snapshot, address.variables) : null;
  const server: DatabaseServer = {
    host: connection.host,
    port: connection.port,
    connection: (_, database) => ({ ...connection, database }),
    psqlUrl: () => psqlUrl,
    complete: async () => undefined,
    snapshots: command,
    stop: async () => command?.stop(),
  };
  return { engineVersion, cluster: { user, password: '', server: name }, isFixed: true, start: async () => server };
}

/** Each look is one chance of two or better that a pooler shows itself; a real backend never does. */
const LOOKS = 5;

/** Behind one, a process id is whoever has that backend by now: cancelling by it would hit the application. */
async function refuseTransactionPooler(one: Client, other: Client): Promise<void> {
  for (let look = 0; look < LOOKS; look += 1) {
    const before = await processId(one);
    await other.query('begin');
    const taken = await processId(other);
    const after = await processId(one);
    await other.query('rollback');
    if (before !== after || before === taken) {
      throw new Error('a pooler in transaction mode answers; give the address of the server itself, or of a pool in session mode');
    }
  }
}

async function processId(client: Client): Promise<number | undefined> {
  return (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid;
}

const NOT_FOUND = new Set(['ENOTFOUND', 'EAI_AGAIN']);

/** Errors of the network have codes and, where a name has several addresses, no words. */
function inWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (error instanceof DatabaseError) return `the server refuses: ${error.message} (${code})`;
  if (NOT_FOUND.has(code)) return `there is no such host (${code})`;
  if (/client password must be a string|no password/i.test(error.message))
    return 'the server wants a password and none was given; put it into the URL, PGPASSWORD or ~/.pgpass';
  if (/^E[A-Z]+$/.test(code) || /timeout|terminated/.test(error.message))
    return `nothing answers (${code || error.message}); is the server up, and reachable from here?`;
  return code === '' ? error.message : `${error.message} (${code})`;
}
