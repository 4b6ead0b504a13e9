import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Mode } from '../core/run/mode.ts';
import { type DatabaseAddress, parseDatabaseUrl } from '../local/rds/database-url.ts';
import type { SnapshotChoice } from '../local/rds/snapshot-choice.ts';
import { DATA_FOLDER } from './data-folder.ts';
import { NoRunError } from './no-run-error.ts';

/** A database that somebody else runs, and what stands for its snapshot; null where nobody has said. */
export interface DatabaseChoice {
  readonly address: DatabaseAddress;
  readonly snapshot: SnapshotChoice | null;
}

export interface DatabaseOptions {
  readonly databaseUrl?: string;
  readonly snapshotCommand?: string;
  readonly restoreCommand?: string;
  /** False by --no-snapshot. */
  readonly snapshot?: boolean;
}

/** The option that every verb has which works on a database. */
export function addDatabase(command: Command): Command {
  return command.option('--database-url <url>', 'a PostgreSQL server of your own, 14 to 18, instead of the embedded one; see docs/any-postgresql.md');
}

/** The options of verbs that may take a snapshot of it. */
export function addSnapshot(command: Command): Command {
  return command
    .option('--snapshot-command <command>', 'with --database-url: takes a snapshot; a shell runs it with PGHOST … and STEPGATE_SNAPSHOT_ID')
    .option('--restore-command <command>', 'with --snapshot-command: restores it; named in the report')
    .addOption(new Option('--no-snapshot', 'with --database-url: go without one; every gate and the report say so'));
}

/**
 * What the options say of the database; undefined is the embedded one.
 *
 * @throws {NoRunError} when they do not fit together, or the URL cannot be read.
 */
export function databaseChoice(options: DatabaseOptions): DatabaseChoice | undefined {
  const { databaseUrl, snapshotCommand: take, restoreCommand: restore, snapshot } = options;
  const isNone = snapshot === false;
  if (databaseUrl === undefined) {
    if (isNone || take !== undefined || restore !== undefined)
      throw new NoRunError('--snapshot-command, --restore-command and --no-snapshot go with --database-url; the embedded database has snapshots');
    return undefined;
  }
  if (isNone && (take !== undefined || restore !== undefined))
    throw new NoRunError('--no-snapshot and --snapshot-command exclude one another; give one of them');
  if ((take === undefined) !== (restore === undefined))
    throw new NoRunError(
      `--${take === undefined ? 'restore' : 'snapshot'}-command is given alone; a snapshot that nobody knows how to restore is none: give both`,
    );
  return {
    address: readUrl(databaseUrl),
    snapshot: isNone ? { kind: 'none' } : take !== undefined && restore !== undefined ? { kind: 'commands', take, restore } : null,
  };
}

function readUrl(url: string): DatabaseAddress {
  try {
    return parseDatabaseUrl(url);
  } catch (error) {
    throw new NoRunError(error instanceof Error ? error.message : String(error));
  }
}

/** @throws {NoRunError} when a mode that takes a snapshot is told neither how nor to go without. */
export function refuseWithoutSnapshot(choice: DatabaseChoice | undefined, mode: Mode): void {
  if (choice === undefined || (mode !== 'execute' && mode !== 'backup')) return;
  if (choice.snapshot === null)
    throw new NoRunError(`${mode} takes a snapshot first: give --snapshot-command and --restore-command, or say --no-snapshot`);
  if (mode === 'backup' && choice.snapshot.kind === 'none')
    throw new NoRunError('backup takes a snapshot and nothing else; give --snapshot-command and --restore-command instead of --no-snapshot');
}

/** Which database, and what stands for its snapshot, before anything is asked or done. */
export function databaseLines({ address, snapshot }: DatabaseChoice): readonly string[] {
  const said = snapshot === null ? [] : [snapshot.kind === 'none' ? 'NO SNAPSHOT will be taken: --no-snapshot' : `snapshot by: ${snapshot.take}`];
  return [`database ${address.user}@${address.name}`, ...said];
}

/** One folder for each database, unless --data names another. */
export function dataFolderOf(data: string, choice: DatabaseChoice | undefined): string {
  if (choice === undefined || data !== DATA_FOLDER) return resolve(data);
  const { name } = choice.address;
  const readable = name.replaceAll(/[^a-z0-9]+/gi, '-').slice(0, 60);
  return resolve(join(data, `${readable}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`));
}
