import { Client, type ClientConfig } from 'pg';
import { toConnectionFault } from './fault.ts';

export interface Backend {
  readonly client: Client;
  readonly processId: number;
}

export interface BackendPool {
  /** @throws {Fault} when the server is away or refuses the connection. */
  take(): Promise<Backend>;
  isAlive(backend: Backend): boolean;
  /** Gives a backend back as it is: what a session has set stays set, as in the service's own pool. */
  give(backend: Backend): Promise<void>;
  /** Asks the server to end what the backend runs. */
  cancel(backend: Backend): Promise<void>;
  close(): void;
}

/** As many backends as calls outside a transaction are spread over, so that nobody can rely on meeting a session again. */
const SPREAD = 3;
const MOST_IDLE = 10;

/** `hold` keeps time real while a backend is taken: for a statement that goes on in the server, or a transaction that nobody ends. */
export function backendPool(connection: ClientConfig, hold: () => () => void): BackendPool {
  const all = new Set<Backend>();
  const releases = new Map<Backend, () => void>();
  const idle: Backend[] = [];

  function release(backend: Backend): void {
    releases.get(backend)?.();
    releases.delete(backend);
  }

  async function connect(): Promise<Backend> {
    const client = new Client({ ...connection, application_name: 'rds-data-api' });
    const forget = () => {
      for (const backend of all) {
        if (backend.client !== client) continue;
        all.delete(backend);
        release(backend);
      }
      const at = idle.findIndex((backend) => backend.client === client);
      if (at >= 0) idle.splice(at, 1);
    };
    client.on('error', forget).on('end', forget);
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const backend = { client, processId: rows[0]?.pid ?? 0 };
      all.add(backend);
      return backend;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw toConnectionFault(error);
    }
  }

  return {
    // The one that has rested longest, so that two calls after each other meet different backends.
    async take() {
      const backend = (all.size < SPREAD ? undefined : idle.shift()) ?? (await connect());
      releases.set(backend, hold());
      return backend;
    },
    isAlive: (backend) => all.has(backend),
    async give(backend) {
      if (!all.has(backend)) return;
      if (backend.client.getTransactionStatus() !== 'I') await backend.client.query('rollback').catch(() => undefined);
      if (!all.has(backend)) return;
      release(backend);
      if (idle.length < MOST_IDLE) idle.push(backend);
      else backend.client.end().catch(() => undefined);
    },
    cancel: (backend) => cancel(connection, backend),
    close() {
      for (const backend of [...releases.keys()]) release(backend);
      for (const { client } of all) client.end().catch(() => undefined);
    },
  };
}

async function cancel(connection: ClientConfig, { processId }: Backend): Promise<void> {
  const client = new Client({ ...connection, application_name: 'rds-data-api' });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select pg_cancel_backend($1)', [processId]);
  } finally {
    await client.end().catch(() => undefined);
  }
}
