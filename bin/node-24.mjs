// Plain JavaScript without new syntax: it has to run on the Node that is too old.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const NEEDED_MAJOR = 24;

/** Runs a script with Node 24: in this process when it is one, else in the Node that npm installed beside it. */
export async function runWithNode24(script, args) {
  if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) {
    process.argv = [process.argv[0], script, ...args];
    await import(pathToFileURL(script).href);
    return;
  }
  const node = installedNode();
  if (node === undefined) {
    process.stderr.write(
      `stepgate needs Node ${NEEDED_MAJOR}, this is ${process.versions.node}; install it, or on Linux let npm install it: ` +
        `"npm ci" with optional packages in the repository, "npm install node-linux-${process.arch}@${NEEDED_MAJOR}" elsewhere\n`,
    );
    process.exitCode = 1;
    return;
  }
  handOver(node, [script, ...args]);
}

/** The binary of the package `node-linux-<arch>`: this repository brings it along, a user of the package may. */
function installedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/package.json`);
    const node = join(dirname(manifest), 'bin', 'node');
    return existsSync(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

/** The child's end is ours. Through the channel it sees when we are killed, which forwards nothing. */
function handOver(node, args) {
  const child = spawn(node, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`${node} cannot be started: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exit(code);
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
