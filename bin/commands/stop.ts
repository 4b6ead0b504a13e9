import { ExecutionDoesNotExist, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { changesDatabase } from '../../core/run/mode.ts';
import { NoRunError } from '../no-run-error.ts';
import { openStack } from '../open-stack.ts';
import { demandRunningSite } from '../run-site.ts';
import { theRunAskedFor } from '../runs-under-way.ts';
import type { Shell } from '../shell.ts';
import { whatStopKeeps } from '../stopped-run.ts';

/** Stops the run that is under way; nothing is undone, and what is committed stays in the ledger. */
export async function stop(
  shell: Shell,
  { plan, run, json }: { readonly plan: string | undefined; readonly run: string | undefined; readonly json: boolean },
): Promise<number> {
  const site = shell.stack === undefined ? await demandRunningSite(shell) : await openStack(shell.stack, [], shell.plansFolder);
  try {
    const found = await theRunAskedFor(site, { plan, run });
    await site.sfn
      .send(new StopExecutionCommand({ executionArn: found.executionArn, error: 'Interrupted', cause: 'stopped by "stepgate stop"' }))
      .catch((error: unknown) => {
        if (error instanceof ExecutionDoesNotExist) throw new NoRunError(`run ${found.id} is gone`, { cause: error });
        throw error;
      });
    const sentence = whatStopKeeps(found, site.asTyped);
    if (json) shell.terminal.out(JSON.stringify({ run: found.id, plan: found.plan, mode: found.mode, stopped: true, sentence }, null, 2));
    else shell.terminal.out(sentence);
    // A Lambda function is not ended with its execution; the lock's token keeps it from what the next run does.
    if (changesDatabase(found.mode))
      shell.terminal.say('the batch or statement in hand may still be committed; the next run takes the lock over, and shuts this one out first');
    return 0;
  } finally {
    await site.close();
  }
}
