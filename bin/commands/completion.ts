import type { Command } from 'commander';
import { type CompletionShell, completionScript } from '../completion.ts';
import type { Shell } from '../shell.ts';

/** Prints a completion script for a shell. */
export function completion(
  { terminal }: Pick<Shell, 'terminal'>,
  { shell, stepgate, isHidden }: { readonly shell: CompletionShell; readonly stepgate: Command; readonly isHidden: (verb: string) => boolean },
): number {
  terminal.out(completionScript(shell, stepgate, isHidden).trimEnd());
  return 0;
}
