import { join } from 'node:path';
import { findBinaries, serverUser } from '../postgres/binaries.ts';
import { startPostgres } from '../postgres/server.ts';
import { baseBackup } from './base-backup.ts';
import type { DatabaseServer, ServerSource } from './database-server.ts';
import { provision } from './provision.ts';

/** Servers of our own: one process per cluster, from the embedded programs. */
export async function ownServers(tell: (sentence: string) => void): Promise<ServerSource> {
  const { version } = await findBinaries(serverUser());
  return {
    engineVersion: version.split('.').slice(0, 2).join('.'),
    cluster: { user: 'migrator' },
    isFixed: false,
    start: (dataFolder) => start(dataFolder, tell),
  };
}

async function start(dataFolder: string, onEnd: (why: string) => void): Promise<DatabaseServer> {
  const { port, superuserUrl, pid, stop } = await startPostgres({ dataFolder, onEnd });
  const host = '127.0.0.1';
  return {
    host,
    port,
    connection: ({ user, password }, database) => ({ host, port, user, password, database }),
    psqlUrl: ({ user, password, database }) => `postgres://${encodeURIComponent(user)}:${password}@${host}:${port}/${encodeURIComponent(database)}`,
    complete: (cluster) => provision(superuserUrl, cluster),
    snapshots: { tags: [], copy: (_, folder) => baseBackup({ superuserUrl, from: dataFolder, to: join(folder, 'data') }) },
    stop,
    crash: () => {
      process.kill(pid, 'SIGKILL');
      return stop();
    },
  };
}
