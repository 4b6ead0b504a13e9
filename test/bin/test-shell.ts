import { main } from '../../bin/main.ts';
import type { Terminal } from '../../bin/shell.ts';

/** What a command line said, and how it ended. */
export interface Said {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process, without a terminal; `onLine` hears each message as it is said. */
export async function stepgate(
  args: readonly string[],
  {
    onLine = () => {},
    signal = new AbortController().signal,
    answer,
  }: { onLine?: (line: string) => void; signal?: AbortSignal; answer?: string } = {},
): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const terminal: Terminal = {
    out: (text) => void out.push(text),
    say(text) {
      err.push(text);
      onLine(text);
    },
    show: () => {},
    isLive: false,
    canAsk: answer !== undefined,
    ask: async () => answer ?? '',
  };
  const exitCode = await main(args, { terminal, now: () => new Date(), signal });
  return { exitCode, out: out.join('\n'), err: err.join('\n') };
}
