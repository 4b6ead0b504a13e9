import { Client, type ClientConfig } from 'pg';

/** A database as a URL names it. Only `connection` holds the password. */
export interface DatabaseAddress {
  /** `host:port/database` */
  readonly name: string;
  readonly user: string;
  readonly database: string;
  readonly connection: ClientConfig & { readonly host: string; readonly port: number };
  /** The URL without its password, for psql. */
  readonly psqlUrl: string;
  /** What libpq's programs read, the password included. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Long enough for a server far away; a firewall that swallows packets says nothing at all. */
const CONNECT_MS = 10_000;

/**
 * Reads a URL as pg does: what it leaves out comes from PGHOST, PGUSER, PGPASSWORD and the like, and sslmode means what it means there.
 *
 * @throws when it cannot be read; the message holds nothing of it, since a part may be a password.
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const { client, database, parameters } = read(text);
  const { host, port, user = '', password } = client;
  const options = parameters.get('options');
  return {
    name: `${host.includes(':') ? `[${host}]` : host}:${port}/${database}`,
    user,
    database,
    connection: {
      ...{ host, port, user, database, ssl: client.ssl, keepAlive: true, connectionTimeoutMillis: CONNECT_MS },
      ...(password && { password }),
      ...(options !== null && { options }),
    },
    psqlUrl: withoutPassword({ host, port, user, database }, parameters),
    variables: {
      ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGDATABASE: database },
      ...(password && { PGPASSWORD: password }),
      ...tlsVariables(parameters),
    },
  };
}

function read(text: string): { readonly client: Client; readonly database: string; readonly parameters: URLSearchParams } {
  const [, path = '', query = ''] = /^postgres(?:ql)?:\/\/[^/?#]*(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(text) ?? [];
  try {
    if (!/^postgres(ql)?:/.test(text)) throw new Error('another scheme');
    const client = new Client({ connectionString: text });
    // pg takes the path for a whole URI's text and leaves %2F, %3F and %23 as they are.
    const database = path === '' ? (client.database ?? '') : decodeURIComponent(path);
    return { client, database, parameters: new URLSearchParams(query) };
  } catch (error) {
    const file = error instanceof Error && 'code' in error && error.code === 'ENOENT' && 'path' in error ? `: there is no file ${error.path}` : '';
    throw new Error(
      `the database URL cannot be read${file}; it is postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for @, %2F for / and so on within a part`,
    );
  }
}

function withoutPassword(
  { host, port, user, database }: { readonly host: string; readonly port: number; readonly user: string; readonly database: string },
  parameters: URLSearchParams,
): string {
  const kept = new URLSearchParams([...parameters].filter(([name]) => name !== 'password'));
  const isSocket = host.startsWith('/');
  if (isSocket) kept.set('host', host);
  const authority = isSocket ? '' : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return `postgres://${encodeURIComponent(user)}@${authority}/${encodeURIComponent(database)}${kept.size === 0 ? '' : `?${kept}`}`;
}

/** libpq has no mode no-verify; its require is that. */
function tlsVariables(parameters: URLSearchParams): Record<string, string> {
  const [mode, root] = [parameters.get('sslmode'), parameters.get('sslrootcert')];
  return { ...(mode !== null && { PGSSLMODE: mode === 'no-verify' ? 'require' : mode }), ...(root !== null && { PGSSLROOTCERT: root }) };
}
