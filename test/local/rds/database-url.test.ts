import { expect, test } from 'vitest';
import { parseDatabaseUrl } from '../../../local/rds/database-url.ts';

const SECRET = 's3cr€t@/:%?#';
const USER_AND_SECRET = `owner:${encodeURIComponent(SECRET)}`;

test.each([
  {
    part: 'a plain one',
    url: `postgres://${USER_AND_SECRET}@db.example:5433/crm`,
    name: 'db.example:5433/crm',
    psqlUrl: 'postgres://owner@db.example:5433/crm',
  },
  {
    part: 'the default port',
    url: `postgresql://${USER_AND_SECRET}@db.example/crm`,
    name: 'db.example:5432/crm',
    psqlUrl: 'postgres://owner@db.example:5432/crm',
  },
  {
    part: 'a database name with everything that a URL gives a meaning to',
    url: `postgres://${USER_AND_SECRET}@db.example/${encodeURIComponent('a/b?c#d%e+f "ü"')}`,
    name: 'db.example:5432/a/b?c#d%e+f "ü"',
    psqlUrl: `postgres://owner@db.example:5432/${encodeURIComponent('a/b?c#d%e+f "ü"')}`,
  },
  {
    part: 'an IPv6 address',
    url: `postgres://${USER_AND_SECRET}@[::1]:5433/crm`,
    name: '[::1]:5433/crm',
    psqlUrl: 'postgres://owner@[::1]:5433/crm',
  },
  {
    part: 'a socket and a password among the parameters',
    url: `postgres:///crm?host=/run/postgresql&user=owner&password=${encodeURIComponent(SECRET)}`,
    name: '/run/postgresql:5432/crm',
    psqlUrl: 'postgres://owner@/crm?host=%2Frun%2Fpostgresql&user=owner',
  },
])('$part is read, and is told without its password', ({ url, name, psqlUrl }) => {
  const address = parseDatabaseUrl(url);
  expect(address).toMatchObject({
    name,
    psqlUrl,
    user: 'owner',
    connection: { password: SECRET },
    variables: { PGUSER: 'owner', PGPASSWORD: SECRET },
  });
});

test('a mode of TLS means what it means to pg, and reaches the programs of libpq', () => {
  expect(parseDatabaseUrl('postgres://owner@db.example/crm?sslmode=no-verify')).toMatchObject({
    connection: { ssl: { rejectUnauthorized: false } },
    variables: { PGSSLMODE: 'require' },
  });
  expect(parseDatabaseUrl('postgres://owner@db.example/crm?sslmode=verify-full').variables).toMatchObject({ PGSSLMODE: 'verify-full' });
  expect(parseDatabaseUrl('postgres://owner@db.example/crm')).toMatchObject({ connection: { ssl: false } });
});

test.each([
  { what: 'no URL', url: 'db.example secret' },
  { what: 'another scheme', url: 'mysql://owner:secret@db.example/crm' },
  { what: 'a port that is none', url: 'postgres://owner:secret@db.example:port/crm' },
  { what: 'half an escape', url: 'postgres://owner:secret@db.example/crm%zz' },
  { what: 'a certificate that is not there', url: 'postgres://owner:secret@db.example/crm?sslrootcert=/no/such/file' },
])('$what is refused with one line that holds no part of a password', ({ url }) => {
  const refusal = () => parseDatabaseUrl(url);
  expect(refusal).toThrow(/^the database URL cannot be read.*; it is postgres:\/\/USER:PASSWORD@HOST:PORT\/DATABASE/);
  expect(refusal).not.toThrow(/secret/);
});
