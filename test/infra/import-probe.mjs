// Imports each file that is named and tells what it did meanwhile. Run under Node's permission model, which refuses every file outside
// the folders that are allowed, every write, child process and worker.
import { createHook } from 'node:async_hooks';
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** Whatever reaches outside or keeps a process alive. */
const OUTSIDE =
  /^(TCP|TLS|PIPE|UDP|HTTP|GETADDRINFOREQ|GETNAMEINFOREQ|QUERY|CHANNEL|FSEVENT|STATWATCHER|PROCESS|WORKER|SIGNAL|TTY|Timeout$|Immediate$)/;

// The SDK looks at them, and Node opens them when they are first looked at.
for (const stream of [process.stdout, process.stderr]) {
  stream.writable;
}

const seen = [];
createHook({
  init(_id, type) {
    if (OUTSIDE.test(type)) {
      seen.push(type);
    }
  },
}).enable();

const results = [];
for (const file of process.argv.slice(2)) {
  seen.length = 0;
  try {
    const { handler } = await import(pathToFileURL(file).href);
    results.push({ file, handler: typeof handler, did: [...seen] });
  } catch (error) {
    results.push({ file, handler: 'none', did: [`${error.code ?? error.name} ${error.permission ?? ''}`.trim()] });
  }
}
writeSync(1, JSON.stringify(results));
process.exit(0);
