import { Client, escapeIdentifier, escapeLiteral } from 'pg';

/** What RDS gives a master user: roles that PostgreSQL versions do not have yet are passed over. */
const MEMBERSHIPS = ['pg_monitor', 'pg_signal_backend', 'pg_checkpoint', 'pg_maintain'];

/** Gives a server the roles and the database of an RDS cluster. Idempotent; an interrupted one is completed. */
export async function provision(
  superuserUrl: string,
  { user, password, database }: { user: string; password: string; database: string },
): Promise<void> {
  const server = new Client({ connectionString: superuserUrl });
  await server.connect();
  try {
    await ensureRoles(server, { user, password });
    const { rows } = await server.query('select 1 from pg_database where datname = $1', [database]);
    if (rows.length === 0) await server.query(`create database ${escapeIdentifier(database)} owner ${escapeIdentifier(user)}`);
  } finally {
    await server.end();
  }
  const url = new URL(superuserUrl);
  url.pathname = encodeURIComponent(database);
  const inside = new Client({ connectionString: url.href });
  await inside.connect();
  try {
    const { rows } = await inside.query(`select 1 from pg_namespace where nspname = 'public' and nspowner = 'pg_database_owner'::regrole`);
    if (rows.length > 0) await inside.query(`alter schema public owner to ${escapeIdentifier(user)}`);
  } finally {
    await inside.end();
  }
}

async function ensureRoles(server: Client, { user, password }: { user: string; password: string }): Promise<void> {
  const { rows } = await server.query<{ rolname: string }>('select rolname from pg_roles');
  const roles = new Set(rows.map(({ rolname }) => rolname));
  const [master, existing] = [escapeIdentifier(user), MEMBERSHIPS.filter((role) => roles.has(role))];
  await server.query('begin');
  if (!roles.has('rds_superuser')) await server.query('create role rds_superuser nologin');
  await server.query(`grant ${existing.join(', ')} to rds_superuser`);
  if (!roles.has(user)) await server.query(`create role ${master} login nosuperuser createrole createdb nobypassrls`);
  await server.query(`alter role ${master} password ${escapeLiteral(password)}`);
  await server.query(`grant rds_superuser to ${master} with admin option`);
  await server.query('commit');
}
