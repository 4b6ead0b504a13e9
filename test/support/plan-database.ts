import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { startPostgres } from '../../local/postgres/server.ts';

/** A role as RDS gives it: it owns the database and its schema public, and is no superuser. */
export type Role = 'migrator' | 'application';

/** One server for the tests of a file; each test that writes takes a database of its own. */
export interface PlanServer {
  /** A new database that the migrator owns; with `template`, a copy of that one. */
  createDatabase(name: string, template?: string): Promise<void>;
  connect(database: string, role?: Role): Promise<Client>;
  /** For a client of the test's own, which ends its sessions itself. */
  urlOf(database: string, role: Role): string;
  /** Ends the sessions of a database, so that it can be a template. */
  disconnect(database: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startPlanServer(): Promise<PlanServer> {
  const folder = await mkdtemp(join(tmpdir(), 'stepgate-plan-'));
  const server = await startPostgres({ dataFolder: join(folder, 'data'), settings: { fsync: 'off', synchronous_commit: 'off' } });
  const password = randomBytes(12).toString('hex');
  const open = new Map<Client, string>();

  const connectTo = async (url: URL, database: string): Promise<Client> => {
    url.pathname = `/${database}`;
    const client = new Client({ connectionString: url.href });
    await client.connect();
    open.set(client, database);
    return client;
  };
  const roleUrl = (role: Role): URL => {
    const url = new URL(server.superuserUrl);
    url.username = role;
    url.password = password;
    return url;
  };
  const superuser = (database: string): Promise<Client> => connectTo(new URL(server.superuserUrl), database);
  const disconnect = async (database: string): Promise<void> => {
    const clients = [...open].filter(([, connectedTo]) => connectedTo === database).map(([client]) => client);
    await Promise.all(clients.map((client) => client.end()));
    for (const client of clients) open.delete(client);
  };

  const admin = await superuser('postgres');
  await admin.query(`create role migrator login createrole createdb nosuperuser nobypassrls password '${password}'`);
  await admin.query(`create role application login nosuperuser nobypassrls password '${password}'`);

  return {
    async createDatabase(name, template = 'template1') {
      await admin.query(`create database ${escapeIdentifier(name)} owner migrator template ${escapeIdentifier(template)}`);
      if (template !== 'template1') return;
      const client = await superuser(name);
      await client.query('alter schema public owner to migrator');
      await disconnect(name);
    },
    connect: (database, role = 'migrator') => connectTo(roleUrl(role), database),
    urlOf(database, role) {
      const url = roleUrl(role);
      url.pathname = `/${database}`;
      return url.href;
    },
    disconnect,
    async stop() {
      await Promise.all([...open.keys()].map((client) => client.end()));
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a SQL file of a plan's folder as any client would: whole. */
export async function runFile(client: Client, plan: string, file: string): Promise<void> {
  await client.query(await readFile(join(import.meta.dirname, '../../migrations', plan, file), 'utf8'));
}
