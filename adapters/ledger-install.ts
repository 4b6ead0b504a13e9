import { createHash } from 'node:crypto';
import * as z from 'zod';
import aclText from '../ledger/functions/acl-text.sql';
import backendLabel from '../ledger/functions/backend-label.sql';
import beginImages from '../ledger/functions/begin-images.sql';
import beginPhase from '../ledger/functions/begin-phase.sql';
import beginRanges from '../ledger/functions/begin-ranges.sql';
import beginRenaming from '../ledger/functions/begin-renaming.sql';
import beginUndo from '../ledger/functions/begin-undo.sql';
import dropImageTriggers from '../ledger/functions/drop-image-triggers.sql';
import dropImages from '../ledger/functions/drop-images.sql';
import endImages from '../ledger/functions/end-images.sql';
import endKeeping from '../ledger/functions/end-keeping.sql';
import endRenaming from '../ledger/functions/end-renaming.sql';
import enter from '../ledger/functions/enter.sql';
import exactName from '../ledger/functions/exact-name.sql';
import executeStatements from '../ledger/functions/execute-statements.sql';
import finishPhase from '../ledger/functions/finish-phase.sql';
import followMoves from '../ledger/functions/follow-moves.sql';
import forgetImages from '../ledger/functions/forget-images.sql';
import fullName from '../ledger/functions/full-name.sql';
import hasTriggers from '../ledger/functions/has-triggers.sql';
import imageColumns from '../ledger/functions/image-columns.sql';
import imageKey from '../ledger/functions/image-key.sql';
import imageMatch from '../ledger/functions/image-match.sql';
import imageRows from '../ledger/functions/image-rows.sql';
import imageTriggers from '../ledger/functions/image-triggers.sql';
import inRange from '../ledger/functions/in-range.sql';
import installSync from '../ledger/functions/install-sync.sql';
import isOwn from '../ledger/functions/is-own.sql';
import isRepairDue from '../ledger/functions/is-repair-due.sql';
import isUndoing from '../ledger/functions/is-undoing.sql';
import isolationReason from '../ledger/functions/isolation-reason.sql';
import keepCascades from '../ledger/functions/keep-cascades.sql';
import keepDeleted from '../ledger/functions/keep-deleted.sql';
import keepImages from '../ledger/functions/keep-images.sql';
import keepMade from '../ledger/functions/keep-made.sql';
import keepOthersValues from '../ledger/functions/keep-others-values.sql';
import keepUnrestored from '../ledger/functions/keep-unrestored.sql';
import keyLiteral from '../ledger/functions/key-literal.sql';
import liftRowSecurity from '../ledger/functions/lift-row-security.sql';
import lockSoon from '../ledger/functions/lock-soon.sql';
import madeDigest from '../ledger/functions/made-digest.sql';
import madeRows from '../ledger/functions/made-rows.sql';
import moveOrQuarantine from '../ledger/functions/move-or-quarantine.sql';
import netImages from '../ledger/functions/net-images.sql';
import nextKey from '../ledger/functions/next-key.sql';
import noteMade from '../ledger/functions/note-made.sql';
import noteWritten from '../ledger/functions/note-written.sql';
import olderSessions from '../ledger/functions/older-sessions.sql';
import quietTable from '../ledger/functions/quiet-table.sql';
import reasonWithoutValues from '../ledger/functions/reason-without-values.sql';
import removeSync from '../ledger/functions/remove-sync.sql';
import removeSyncFrom from '../ledger/functions/remove-sync-from.sql';
import repairKeys from '../ledger/functions/repair-keys.sql';
import repairPart from '../ledger/functions/repair-part.sql';
import repairSide from '../ledger/functions/repair-side.sql';
import restoreEach from '../ledger/functions/restore-each.sql';
import restoreImages from '../ledger/functions/restore-images.sql';
import restoreRows from '../ledger/functions/restore-rows.sql';
import restoreSql from '../ledger/functions/restore-sql.sql';
import runBatch from '../ledger/functions/run-batch.sql';
import runChecks from '../ledger/functions/run-checks.sql';
import runPhase from '../ledger/functions/run-phase.sql';
import schemaObjects from '../ledger/functions/schema-objects.sql';
import serverLoad from '../ledger/functions/server-load.sql';
import settleRenaming from '../ledger/functions/settle-renaming.sql';
import settleSync from '../ledger/functions/settle-sync.sql';
import shareSequence from '../ledger/functions/share-sequence.sql';
import silenceSync from '../ledger/functions/silence-sync.sql';
import startImages from '../ledger/functions/start-images.sql';
import tableDigest from '../ledger/functions/table-digest.sql';
import takeLock from '../ledger/functions/take-lock.sql';
import undoPhase from '../ledger/functions/undo-phase.sql';
import weighImages from '../ledger/functions/weigh-images.sql';
import whyNotImaged from '../ledger/functions/why-not-imaged.sql';
import writeCounts from '../ledger/functions/write-counts.sql';
import version1 from '../ledger/version-1.sql';
import version2 from '../ledger/version-2.sql';
import version3 from '../ledger/version-3.sql';
import { FENCE_FUNCTIONS } from './fence-functions.ts';
import { hasLedger } from './has-ledger.ts';
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
  whyNotImaged,
  imageTriggers,
  imageColumns,
  imageKey,
  imageMatch,
  imageRows,
  startImages,
  beginImages,
  dropImageTriggers,
  keepImages,
  endImages,
  liftRowSecurity,
  netImages,
  keepOthersValues,
  weighImages,
  quietTable,
  restoreSql,
  restoreEach,
  restoreRows,
  keepUnrestored,
  restoreImages,
  dropImages,
  followMoves,
  forgetImages,
  executeStatements,
  runChecks,
  beginRenaming,
  endRenaming,
  runPhase,
  undoPhase,
  beginPhase,
  finishPhase,
  beginUndo,
  keyLiteral,
  inRange,
  beginRanges,
  reasonWithoutValues,
  moveOrQuarantine,
  runBatch,
  serverLoad,
  repairSide,
  repairPart,
  repairKeys,
  takeLock,
  tableDigest,
  aclText,
  exactName,
  schemaObjects,
  ...FENCE_FUNCTIONS,
  lockSoon,
  nextKey,
  shareSequence,
  isUndoing,
  isolationReason,
  isRepairDue,
  hasTriggers,
  installSync,
  removeSync,
  removeSyncFrom,
  silenceSync,
  olderSessions,
  settleSync,
  settleRenaming,
];

/** Which ledger this code works with. */
const LEDGER_DIGEST = createHash('sha256')
  .update([version1, version2, version3, ...FUNCTIONS].join('\n'))
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
${version3}
${FUNCTIONS.map((text) => `${text.trim()};`).join('\n')}
insert into stepgate.version (ledger_digest) values ('${LEDGER_DIGEST}') on conflict (ledger_digest) do update set installed_at = clock_timestamp();
end
$stepgate_install$`;

/** A call's own text may have 64 K characters (RDS Data API, limits), a parameter more: the first call makes what executes the second's. */
const INSTALLER_SQL = `do $stepgate_installer$
begin
perform pg_advisory_xact_lock(hashtext('stepgate.version'));
-- IF NOT EXISTS asks the name cache, which does not know what another run made while this one waited.
if not exists (select from pg_namespace where nspname = 'stepgate') then
create schema stepgate;
end if;
create or replace function stepgate.install(p_sql text) returns text language plpgsql as $install$
begin
  execute p_sql;
  return 'installed';
end
$install$;
end
$stepgate_installer$`;

const Digest = z.object({ ledger_digest: z.string() });

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
  await session.query(z.unknown(), INSTALLER_SQL);
  await session.query(z.unknown(), 'select stepgate.install(:sql::text) as done', { sql: INSTALL_SQL });
}
