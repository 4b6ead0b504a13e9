import { CommanderError } from 'commander';
import { StepgateError } from '../core/errors.ts';
import { EXIT_INTERRUPTED, EXIT_NO_RUN } from '../core/run/outcome.ts';
import { FolderError, isFullDisk } from '../local/usable-folder.ts';
import { DemoStuckError, InterruptedError, NoRunError } from './no-run-error.ts';
import { program } from './program.ts';
import type { Surroundings } from './verb.ts';

/** Runs one command line to its exit code; whatever goes wrong is one message. */
export async function main(args: readonly string[], surroundings: Surroundings): Promise<number> {
  let exitCode = 0;
  try {
    await program(surroundings, (code) => {
      exitCode = code;
    }).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return told(error, surroundings);
  }
}

function told(error: unknown, { terminal, signal }: Surroundings): number {
  // Commander has said it; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_NO_RUN;
  if (error instanceof InterruptedError || signal.aborted) {
    terminal.say(error instanceof InterruptedError ? error.message : 'interrupted before a run began');
    return EXIT_INTERRUPTED;
  }
  terminal.say(saying(error));
  return EXIT_NO_RUN;
}

function saying(error: unknown): string {
  if (error instanceof NoRunError || error instanceof DemoStuckError || error instanceof FolderError) return `stepgate: ${error.message}`;
  if (!(error instanceof Error)) return `stepgate failed: ${error}`;
  if (isFullDisk(error)) return `stepgate: no space left on a disk: ${error.message}; free some, then run this again`;
  if ('code' in error && error.code === 'ECONNREFUSED') return `stepgate: the database does not answer any more: ${error.message}`;
  // What a service refuses is the caller's to correct; where we are when it does tells nobody anything.
  const isRefusal = error instanceof StepgateError || ('$fault' in error && error.$fault === 'client') || error.name === 'CredentialsProviderError';
  return isRefusal ? `stepgate: ${error.name}: ${error.message}` : `stepgate failed: ${error.stack ?? error.message}`;
}
