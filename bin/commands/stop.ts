import { ExecutionDoesNotExist, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { changesDatabase } from '../../core/run/mode.ts';
import { InterruptedError, NoRunError } from '../no-run-error.ts';
import { openStack } from '../open-stack.ts';
import { endedRun, settle } from '../run-plan.ts';
import { demandRunningSite } from '../run-site.ts';
import { runExitCode, runSummary } from '../run-summary.ts';
import { theRunAskedFor } from '../runs-under-way.ts';
import type { Shell } from '../shell.ts';

/** Stops the run that is under way, and follows what brings it to an outcome; the exit code is that outcome's. */
export async function stop(
  shell: Shell,
  { plan, run, json }: { readonly plan: string | undefined; readonly run: string | undefined; readonly json: boolean },
): Promise<number> {
  const { terminal } = shell;
  const site = shell.stack === undefined ? await demandRunningSite(shell) : await openStack(shell.stack, [], shell.plansFolder);
  try {
    const found = await theRunAskedFor(site, { plan, run });
    await site.sfn
      .send(new StopExecutionCommand({ executionArn: found.executionArn, error: 'Interrupted', cause: 'stopped by "stepgate stop"' }))
      .catch((error: unknown) => {
        if (error instanceof ExecutionDoesNotExist) throw new NoRunError(`run ${found.id} is gone`, { cause: error });
        throw error;
      });
    terminal.say(`run ${found.id} is stopped`);
    // A Lambda function is not ended with its execution; the lock's token keeps it from what comes after.
    if (changesDatabase(found.mode))
      terminal.say('the batch or statement in hand may still be committed; what settles the run shuts it out, and undoes it');
    const broken = { outcome: null, status: 'ABORTED', sentence: `run ${found.id} is stopped` };
    const end = await settle(shell, site, { run: found, end: broken }).catch((error: unknown) => {
      if (!shell.signal.aborted) throw error;
      const goesOn = site.asTyped(`npx stepgate status --follow --run ${found.id}`);
      throw new InterruptedError(`interrupted; run ${found.id} is stopped, and is settled without this terminal\n  ${goesOn}\n      follow it`, {
        cause: error,
      });
    });
    const ended = await endedRun(shell, site, { run: found, end });
    const exitCode = runExitCode(end, found.mode);
    const { id, page } = ended;
    if (json) terminal.out(JSON.stringify({ run: id, plan: found.plan, mode: found.mode, stopped: true, ...end, exitCode, page }, null, 2));
    else terminal.out(runSummary(ended, site.place).join('\n'));
    return exitCode;
  } finally {
    await site.close();
  }
}
