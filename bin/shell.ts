import { createInterface } from 'node:readline/promises';
import { EXIT_INTERRUPTED } from '../core/run/outcome.ts';
import type { DatabaseChoice } from './database-choice.ts';
import type { StackChoice } from './open-stack.ts';

/** Where a command speaks: results to stdout, everything else to stderr. */
export interface Terminal {
  /** A result; a line. */
  out(text: string): void;
  /** A message; a line. */
  say(text: string): void;
  /** One line that the next one replaces; nothing where stderr is no terminal. */
  show(text: string): void;
  /** Whether `show` is seen. */
  readonly isLive: boolean;
  /** Whether there is a person who can answer. */
  readonly canAsk: boolean;
  ask(question: string): Promise<string>;
}

/** What every command is given. */
export interface Shell {
  readonly terminal: Terminal;
  /** The local engine's data folder. */
  readonly folder: string;
  /** The folder of plans. */
  readonly plansFolder: string;
  /** A server of the user's own; undefined is the embedded one. */
  readonly database?: DatabaseChoice | undefined;
  /** A deployed stack; undefined is the local engine. */
  readonly stack?: StackChoice | undefined;
  readonly now: () => Date;
  /** Fires on Ctrl-C, SIGTERM, or when the process that started us is gone. */
  readonly signal: AbortSignal;
}

export function processTerminal(): Terminal {
  let shown = false;
  const clear = () => {
    if (shown) process.stderr.write('\r\u001b[K');
    shown = false;
  };
  return {
    out(text) {
      clear();
      process.stdout.write(`${text}\n`);
    },
    say(text) {
      clear();
      process.stderr.write(`${text}\n`);
    },
    show(text) {
      if (!process.stderr.isTTY) return;
      process.stderr.write(`\r\u001b[K${lastOf(text, Math.max(20, process.stderr.columns - 1))}`);
      shown = true;
    },
    isLive: process.stderr.isTTY === true,
    canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
    async ask(question) {
      clear();
      const asking = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await asking.question(question);
      } finally {
        asking.close();
      }
    },
  };
}

/** npm and a terminal both pass one Ctrl-C on; what comes later than this is a second one. */
const ONE_INTERRUPTION_MS = 500;

/** A line that is too long loses its beginning: what changes stands at its end. */
function lastOf(text: string, room: number): string {
  return text.length <= room ? text : `…${text.slice(1 - room)}`;
}

/** Aborts once, whatever comes first; who asks again does not want to wait for what is being closed. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  let abortedAt = 0;
  const abort = () => {
    // The database server ends with this process, however it ends.
    if (controller.signal.aborted && Date.now() - abortedAt > ONE_INTERRUPTION_MS) process.exit(EXIT_INTERRUPTED);
    if (!controller.signal.aborted) abortedAt = Date.now();
    controller.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, abort);
  if (process.connected) {
    process.on('disconnect', abort);
    process.channel?.unref();
  }
  return controller.signal;
}
