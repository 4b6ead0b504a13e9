import { Client } from 'pg';
import * as z from 'zod';
import { type CrmClient, startCrmClient } from '../../bin/live-crm/crm-client.ts';
import { lostWrites } from '../../bin/live-crm/lost-writes.ts';

// A process of its own, so that what the engine does in its process is not taken for the database's slowness. Answers each message with one.

const Asked = z.discriminatedUnion('do', [
  z.object({ do: z.literal('start'), url: z.string(), ownerUrl: z.string(), seed: z.number(), callsPerSecond: z.number(), contacts: z.number() }),
  z.object({ do: z.literal('use'), mode: z.enum(['old', 'new', 'both']) }),
  z.object({ do: z.literal('figures') }),
  z.object({ do: z.literal('lost'), side: z.enum(['old', 'new']) }),
  z.object({ do: z.literal('stop') }),
]);

let crm: CrmClient | undefined;
let owner: Client | undefined;

process.on('message', (message) => {
  answer(Asked.parse(message)).then(
    (result) => process.send?.({ result: result ?? null }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

async function answer(asked: z.infer<typeof Asked>): Promise<unknown> {
  if (asked.do === 'start') {
    owner = new Client({ connectionString: asked.ownerUrl });
    // A server that ends fails the next question.
    owner.on('error', () => undefined);
    await owner.connect();
    crm = await startCrmClient(asked);
    return null;
  }
  if (crm === undefined || owner === undefined) throw new Error('the client has not been started');
  switch (asked.do) {
    case 'use':
      return crm.use(asked.mode);
    case 'figures':
      return crm.figures();
    case 'lost':
      return lostWrites(owner, crm.contacts, asked.side);
    case 'stop':
      return crm.stop();
  }
}
