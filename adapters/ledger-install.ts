import { createHash } from 'node:crypto';
import * as z from 'zod';
import aclText from '../ledger/functions/acl-text.sql';
import backendLabel from '../ledger/functions/backend-label.sql';
import beginPhase from '../ledger/functions/begin-phase.sql';
import beginUndo from '../ledger/functions/begin-undo.sql';
import endKeeping from '../ledger/functions/end-keeping.sql';
import enter from '../ledger/functions/enter.sql';
import executeStatements from '../ledger/functions/execute-statements.sql';
import finishPhase from '../ledger/functions/finish-phase.sql';
import fullName from '../ledger/functions/full-name.sql';
import inRange from '../ledger/functions/in-range.sql';
import isOwn from '../ledger/functions/is-own.sql';
import keepCascades from '../ledger/functions/keep-cascades.sql';
import keepDeleted from '../ledger/functions/keep-deleted.sql';
import keepMade from '../ledger/functions/keep-made.sql';
import madeDigest from '../ledger/functions/made-digest.sql';
import madeRows from '../ledger/functions/made-rows.sql';
import noteMade from '../ledger/functions/note-made.sql';
import noteWritten from '../ledger/functions/note-written.sql';
import runBatch from '../ledger/functions/run-batch.sql';
import runChecks from '../ledger/functions/run-checks.sql';
import runPhase from '../ledger/functions/run-phase.sql';
import schemaObjects from '../ledger/functions/schema-objects.sql';
import tableDigest from '../ledger/functions/table-digest.sql';
import takeLock from '../ledger/functions/take-lock.sql';
import undoPhase from '../ledger/functions/undo-phase.sql';
import writeCounts from '../ledger/functions/write-counts.sql';
import version1 from '../ledger/version-1.sql';
import version2 from '../ledger/version-2.sql';
import type { SqlSession } from './sql-session.ts';

/** Callees first. */
const FUNCTIONS = [
  backendLabel,
  enter,
  fullName,
  isOwn,
  writeCounts,
  madeRows,
  madeDigest,
  noteWritten,
  noteMade,
  keepMade,
  keepDeleted,
  keepCascades,
  endKeeping,
  executeStatements,
  runChecks,
  runPhase,
  undoPhase,
  beginPhase,
  finishPhase,
  beginUndo,
  inRange,
  runBatch,
  takeLock,
  tableDigest,
  aclText,
  schemaObjects,
];

/** Which ledger this code works with. */
const LEDGER_DIGEST = createHash('sha256')
  .update([version1, version2, ...FUNCTIONS].join('\n'))
  .digest('hex');

/** The whole ledger in one statement, so that it is there or not; two runs at once wait for one another. */
export const INSTALL_SQL = `do $stepgate_install$
begin
perform pg_advisory_xact_lock(hashtext('stepgate.version'));
perform set_config('lock_timeout', '5s', true);
-- By a query, since the name cache may be from before the wait.
if not exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'stepgate' and c.relname = 'version') then
${version1}
end if;
${version2}
${FUNCTIONS.map((text) => `${text.trim()};`).join('\n')}
insert into stepgate.version (ledger_digest) values ('${LEDGER_DIGEST}') on conflict (ledger_digest) do update set installed_at = clock_timestamp();
end
$stepgate_install$`;

const Found = z.object({ installed: z.boolean() });
const Digest = z.object({ ledger_digest: z.string() });

/** Whether schema `stepgate` is there at all; a run that only looks does not make it. */
export async function hasLedger(session: Pick<SqlSession, 'query'>): Promise<boolean> {
  const [found] = await session.query(Found, "select to_regclass('stepgate.version') is not null as installed");
  return found?.installed ?? false;
}

/**
 * Makes schema `stepgate`, or brings its functions to this version; does nothing when they are.
 *
 * @throws {StatementFailedError} where the migrator may not create schemas in the database.
 */
export async function installLedger(session: SqlSession): Promise<void> {
  if (await hasLedger(session)) {
    const [newest] = await session.query(Digest, 'select ledger_digest from stepgate.version order by installed_at desc limit 1');
    if (newest?.ledger_digest === LEDGER_DIGEST) {
      return;
    }
  }
  await session.query(z.unknown(), INSTALL_SQL);
}
