import type { ObjectName } from '../plan/compiled-plan.ts';
import type { SnapshotPolicy } from './environment.ts';
import { bytesInWords, counted, durationInWords } from './in-words.ts';
import type { Finding } from './journal.ts';
import type { Mode } from './mode.ts';

/** The oldest engine that the Data API and our statements work with: TID range scans came with 14 (PostgreSQL 14, release notes). */
const OLDEST_VERSION = 140_000;

/** A session that has held its transaction for a minute is worth a word; for five minutes, DDL would only queue behind it. */
export const LONG_SESSION_SECONDS = 60;
const BLOCKING_SECONDS = 300;

/** What was found of one thing that a run needs. */
export function finding(name: string, holds: boolean, said: { readonly found: string; readonly advice: string; readonly source: string }): Finding {
  return { name, status: holds ? 'pass' : 'fail', found: said.found, advice: holds ? '' : said.advice, source: said.source };
}

export function clusterFindings(cluster: {
  readonly status: string;
  readonly engineVersion: string;
  readonly isDataApiOn: boolean;
  readonly writerStatus: string;
  readonly writerClass: string;
}): readonly Finding[] {
  return [
    finding('cluster', cluster.status === 'available', {
      found: `cluster is ${cluster.status}, engine ${cluster.engineVersion}`,
      advice: 'wait until the cluster is available',
      source: 'rds:DescribeDBClusters',
    }),
    finding('data-api', cluster.isDataApiOn, {
      found: `Data API is ${cluster.isDataApiOn ? 'on' : 'off'}`,
      advice: 'switch it on: aws rds enable-http-endpoint --resource-arn <cluster ARN>',
      source: 'rds:DescribeDBClusters',
    }),
    finding('writer', cluster.writerStatus === 'available' && !cluster.writerClass.startsWith('db.t'), {
      found: `writer is ${cluster.writerStatus}, class ${cluster.writerClass}`,
      advice: 'the Data API needs an available writer that is not of a T class',
      source: 'rds:DescribeDBInstances',
    }),
  ];
}

/** What is said of the snapshot at every gate before one would be taken; nothing where one is. */
export function snapshotFindings(policy: SnapshotPolicy, mode: Mode): readonly Finding[] {
  if (policy === 'required' || mode === 'verify' || mode === 'rollback') return [];
  const said = { found: 'no snapshot is taken before the first change, because the operator said so', source: 'the setting snapshot: none' };
  if (mode === 'backup') return [finding('snapshot', false, { ...said, advice: 'backup takes a snapshot and nothing else: allow it one' })];
  return [{ name: 'snapshot', status: 'warn', ...said, advice: 'undoing the phases is the only way back; have a backup of your own' }];
}

export function serverFindings(
  server: {
    readonly version: string;
    readonly versionNumber: number;
    readonly role: string;
    readonly canCreateSchemas: boolean;
    readonly isReadOnly: boolean;
    readonly settings: readonly string[];
    readonly databaseBytes: number;
  },
  changes: boolean,
): readonly Finding[] {
  const source = 'current_setting, pg_roles, has_database_privilege, pg_is_in_recovery, pg_database_size';
  return [
    finding('engine-version', server.versionNumber >= OLDEST_VERSION, {
      found: `PostgreSQL ${server.version}`,
      advice: 'the oldest that works is PostgreSQL 14; upgrade the cluster first',
      source,
    }),
    finding('writable', !changes || !server.isReadOnly, {
      found: server.isReadOnly ? 'the server is a reader' : 'the server is the writer',
      advice: 'use the writer',
      source,
    }),
    finding('privileges', !changes || server.canCreateSchemas, {
      found: `role ${server.role} may ${server.canCreateSchemas ? '' : 'not '}create schemas`,
      advice: `grant create on the database to ${server.role}: the ledger lives in schema stepgate`,
      source,
    }),
    finding('settings', !changes || server.settings.length === 0, {
      found: server.settings.length === 0 ? 'no setting ends statements or refuses writes' : `sessions begin with ${server.settings.join(', ')}`,
      advice: `a long statement would be ended, a write refused: alter role ${server.role} reset …, or the database's or the parameter group's setting`,
      source: 'pg_settings.reset_val',
    }),
    { name: 'database-size', status: 'info', found: bytesInWords(server.databaseBytes), advice: '', source },
  ];
}

/** `hidden`: sessions of other roles, which a role without pg_read_all_stats knows nothing more of. */
export function sessionFindings(
  sessions: readonly { readonly pid: number; readonly role: string; readonly state: string; readonly seconds: number }[],
  hidden = 0,
): readonly Finding[] {
  const source = 'pg_stat_activity';
  if (hidden > 0) {
    const found = `${counted(hidden, 'session')} of other roles, how old their transactions are is hidden`;
    const advice = 'grant pg_read_all_stats to this role, or look whether one would be waited for';
    return [...(sessions.length === 0 ? [] : sessionFindings(sessions)), { name: 'sessions', status: 'warn', found, advice, source }];
  }
  if (sessions.length === 0) {
    return [{ name: 'sessions', status: 'pass', found: `no transaction is older than ${LONG_SESSION_SECONDS} s`, advice: '', source }];
  }
  return sessions.map((session) => ({
    name: 'sessions',
    status: session.seconds > BLOCKING_SECONDS ? 'fail' : 'warn',
    found: `backend ${session.pid} of role ${session.role} is ${session.state} in a transaction for ${session.seconds} s`,
    advice: 'locks that the run needs may wait for it; let it end, or end it with pg_terminate_backend',
    source,
  }));
}

/** What is in force of the plan already, so that nobody takes a dry run of a migrated database for news. */
export function ledgerFindings(inLedger: number, phases: number): readonly Finding[] {
  if (inLedger === 0) return [];
  const rest = inLedger === phases ? 'execute would do nothing' : 'execute goes on with the rest';
  return [
    { name: 'ledger', status: 'info', found: `${inLedger} of ${phases} phases are in the ledger already`, advice: rest, source: 'stepgate.phase' },
  ];
}

/** How much of the plan's window is left; nothing where it has none. */
export function windowFindings(deadline: Date | null, now: Date): readonly Finding[] {
  if (deadline === null) return [];
  const leftMs = deadline.getTime() - now.getTime();
  const found = `the window ends at ${deadline.toISOString()}${leftMs > 0 ? `, in ${durationInWords(leftMs)}` : ''}; a run stops while it still holds the undo`;
  return [{ name: 'window', status: leftMs > 0 ? 'info' : 'fail', found, advice: leftMs > 0 ? '' : 'start again', source: 'plan.yaml' }];
}

/** What goes on is not what was begun: somebody has to have read it. */
export function changedFindings(changed: readonly string[]): readonly Finding[] {
  if (changed.length === 0) return [];
  const found = `phases still to come have changed since the run that stopped: ${changed.join(', ')}`;
  return [
    { name: 'changed-phases', status: 'warn', found, advice: 'read them again before the run goes on', source: 'stepgate.phase, stepgate.run' },
  ];
}

/** What PostgreSQL misses, by its message: `column p.agee`, `relation "public.townz"`, `function slow(integer)`. */
const MISSING = /(?:relation|column|function|type|schema) (?:"([^"]+)"|([^\s(]+))(?:\([^)]*\))? does not exist/;

/** Whether an error says that one of these names is missing, and nothing else. */
export function isAboutOneOf(message: string, names: readonly ObjectName[]): boolean {
  const [, quoted, plain] = MISSING.exec(message) ?? [];
  const missing = (quoted ?? plain ?? '').split('.').at(-1);
  return names.some((one) => one.name === missing);
}

/** How a name that a plan creates is said to people. */
export function describeName(name: ObjectName): string {
  return 'table' in name
    ? `${name.kind} ${name.name} of ${name.schema}.${name.table}`
    : name.kind === 'schema'
      ? `schema ${name.name}`
      : `${name.kind} ${name.schema}.${name.name}`;
}

/** Of a server's findings, those without which not even the ledger can be made. */
export function ledgerRefusal(server: Parameters<typeof serverFindings>[0]): string | null {
  return refusalOf(serverFindings(server, true).filter(({ name }) => ['engine-version', 'writable', 'privileges'].includes(name)));
}

/** One sentence that lists every reason; null when there is none. */
export function refusalOf(findings: readonly Finding[]): string | null {
  const reasons = findings.filter((one) => one.status === 'fail').map((one) => `${one.name}: ${one.found}; ${one.advice}`);
  return reasons.length === 0 ? null : reasons.join(' · ');
}
