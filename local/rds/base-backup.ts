import { chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { serverUser } from '../postgres/binaries.ts';
import { copyFolder } from '../postgres/copy-folder.ts';

/** Folders whose files a server makes anew, and files of the running server (PostgreSQL, "Making a Base Backup Using the Low Level API"). */
const EMPTIED = /^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\//;
const LEFT_OUT = /^(postmaster\.(pid|opts)|pg_internal\.init)$|(^|\/)(pgsql_tmp[^/]*|pg_internal\.init)$/;

/**
 * Copies the data folder of a running server while others write.
 *
 * A server started on the copy recovers to a moment after the call, with every transaction that had committed before it.
 */
export async function baseBackup({ superuserUrl, from, to }: { superuserUrl: string; from: string; to: string }): Promise<void> {
  const client = new Client({ connectionString: superuserUrl, application_name: 'snapshot' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    // The slot keeps the log from being recycled during the copy; it and the backup end with the session.
    await client.query(`select pg_create_physical_replication_slot('snapshot_' || pg_backend_pid(), true, true)`);
    const started = await client.query<{ file: string }>(`select pg_walfile_name(pg_backup_start('snapshot', true)) as file`);
    await copyFolder(from, to, { owner: serverUser(), skip: (path) => EMPTIED.test(path) || LEFT_OUT.test(path) });
    const stopped = await client.query<{ file: string; label: string }>(
      `select pg_walfile_name(lsn) as file, labelfile as label from pg_backup_stop(false)`,
    );
    const [first = '', last = '', label = ''] = [started.rows[0]?.file, stopped.rows[0]?.file, stopped.rows[0]?.label];
    await copyLog(from, to, { first, last });
    await writeFile(join(to, 'backup_label'), label);
    const owner = serverUser();
    if (owner) await chown(join(to, 'backup_label'), owner.uid, owner.gid);
  } finally {
    await client.end();
  }
}

/** Segment names are hexadecimal and sort by time. */
async function copyLog(from: string, to: string, { first, last }: { first: string; last: string }): Promise<void> {
  const segments = (await readdir(join(from, 'pg_wal'))).filter((name) => name >= first && name <= last);
  if (!segments.includes(first) || !segments.includes(last))
    throw new Error(`the log of the copy is not complete: ${first} to ${last} is needed; take the snapshot again`);
  await mkdir(join(to, 'pg_wal'), { recursive: true });
  await copyFolder(join(from, 'pg_wal'), join(to, 'pg_wal'), { owner: serverUser(), skip: (path) => !segments.includes(path) });
}
