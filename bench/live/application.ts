import { fork } from 'node:child_process';
import { join } from 'node:path';
import * as z from 'zod';
import { makeApplicationRole } from '../../bin/live-crm/application-role.ts';
import type { CallFigures } from '../../bin/live-crm/call-log.ts';
import type { CrmMode } from '../../bin/live-crm/crm-client.ts';
import type { Side } from '../../bin/live-crm/crm-contact.ts';
import type { LostWrite } from '../../bin/live-crm/lost-writes.ts';

/** The live application in a process of its own. */
export interface Application {
  use(mode: CrmMode): Promise<void>;
  /** Of the calls since it was asked last. */
  figures(): Promise<CallFigures>;
  lost(side: Side): Promise<readonly LostWrite[]>;
  /** Ends the calls; figures and the comparison can still be asked for. */
  stop(): Promise<void>;
  close(): void;
}

const CONTACTS = 400;

const Answer = z.union([z.object({ result: z.unknown() }), z.object({ error: z.string() })]);

/** Starts it on the old side. */
export async function startApplication(
  ownerUrl: string,
  { seed, callsPerSecond }: { readonly seed: number; readonly callsPerSecond: number },
): Promise<Application> {
  const child = fork(join(import.meta.dirname, 'client-process.ts'));
  const ask = (message: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const ended = () => reject(new Error('the application has ended'));
      child.once('exit', ended);
      child.once('message', (answered) => {
        child.off('exit', ended);
        const answer = Answer.parse(answered);
        if ('error' in answer) reject(new Error(answer.error));
        else resolve(answer.result);
      });
      child.send(message);
    });
  const url = await makeApplicationRole(ownerUrl);
  await ask({ do: 'start', url, ownerUrl, seed, callsPerSecond, contacts: CONTACTS });
  return {
    use: async (mode) => void (await ask({ do: 'use', mode })),
    // Both ends are this version of this program.
    figures: async () => (await ask({ do: 'figures' })) as CallFigures,
    lost: async (side) => (await ask({ do: 'lost', side })) as readonly LostWrite[],
    stop: async () => void (await ask({ do: 'stop' })),
    close: () => child.disconnect(),
  };
}
