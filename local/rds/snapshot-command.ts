import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseServer } from './database-server.ts';

/**
 * A command of the operator's that takes a snapshot: run by a shell, with the database in PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE and the
 * snapshot's name in STEPGATE_SNAPSHOT_ID; its end with 0 says that the snapshot is there.
 */
export function snapshotCommand(
  { take, restore }: { readonly take: string; readonly restore: string },
  variables: Readonly<Record<string, string>>,
): NonNullable<DatabaseServer['snapshots']> & { stop(): void } {
  const running = new Set<() => void>();
  let isStopped = false;
  return {
    tags: [{ key: 'stepgate:restore-command', value: restore }],
    async copy(id, folder) {
      if (isStopped) throw new Error('the engine stops');
      const log = join(dirname(folder), `${id}.log`);
      const output = openSync(log, 'a', 0o600);
      // A group of its own, so that what the shell has started ends with it.
      const child = spawn(take, {
        shell: true,
        detached: true,
        env: { ...process.env, ...variables, STEPGATE_SNAPSHOT_ID: id },
        stdio: ['ignore', output, output],
      });
      closeSync(output);
      const stop = () => {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
      };
      running.add(stop);
      const end = await new Promise<number | string>((resolve, reject) => {
        child.once('error', reject).once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'));
      }).finally(() => running.delete(stop));
      if (end !== 0) throw new Error(`the snapshot command ended with ${end}; its output is in ${log}`);
    },
    stop() {
      isStopped = true;
      for (const end of running) end();
    },
  };
}
