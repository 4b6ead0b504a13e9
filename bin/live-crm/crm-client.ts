import { Pool, type PoolClient } from 'pg';
import { type CallFigures, callLog } from './call-log.ts';
import { openClaims } from './claims.ts';
import { claimsOf } from './crm-call.ts';
import type { CrmContact, Side } from './crm-contact.ts';
import { endsWithin } from './ends-within.ts';
import { loadPopulation } from './load-population.ts';
import { makeCall } from './make-call.ts';
import { startPace } from './pace.ts';
import { planCall } from './plan-calls.ts';
import { seededRandom } from './seeded-random.ts';

/** Which tables the application works with; with `both` each call takes one of the two. */
export type CrmMode = Side | 'both';

/** The application of the plan lead-centric, as its users make it work: a pool of connections, and calls that come at their own pace. */
export interface CrmClient {
  /** From the next call on; resolves when no call of before is under way any more. */
  use(mode: CrmMode): Promise<void>;
  /** Makes this many calls, as fast as the pool can; for a client without a pace. */
  make(calls: number): Promise<void>;
  /** How many calls it has begun. */
  begun(): number;
  /** Of the calls that have ended since it was asked last. */
  figures(): CallFigures;
  /** Every contact that the application has worked with, gone ones too, with what it should hold. */
  readonly contacts: ReadonlySet<CrmContact>;
  /** How many calls are under way. */
  underWay(): number;
  /** Ends the calls under way and the connections; a call that does not end in ten seconds, or in the given ones, loses its connection. Safe to call twice. */
  stop(withinMs?: number): Promise<void>;
}

export interface CrmClientOptions {
  /** Of a role that has only what an application has. */
  readonly url: string;
  readonly seed: number;
  /** Null makes calls only when `make` asks for them. */
  readonly callsPerSecond: number | null;
  /** How many of the contacts that are there take part. */
  readonly contacts: number;
}

const POOL = 8;

/** Users who find so many others waiting come again later: without an end to the queue, an overloaded machine would only ever serve calls of long ago. */
const MOST_WAITING = 64;

/** The longest call of an application that is well takes a second under load. */
const STOP_MS = 10_000;

/** Opens the pool and reads the contacts that take part, on the old side; with a pace, calls begin at once. */
export async function startCrmClient({ url, seed, callsPerSecond, contacts }: CrmClientOptions): Promise<CrmClient> {
  const { pool, end } = openPool(url);
  const random = seededRandom(seed);
  const population = await loadPopulation(pool, contacts);
  const users = new Map(population.workspaces.map(({ id, user }) => [id, user]));
  const known = new Set(population.contacts);
  const claims = openClaims();
  const log = callLog();
  const underWay = new Set<Promise<void>>();
  let mode: CrmMode = 'old';
  let number = 0;

  const begin = () => {
    number += 1;
    const side = mode === 'both' ? (random.oneOf(['old', 'new'] as const) ?? 'old') : mode;
    const call = planCall(population, random, { number, side });
    if (call.kind === 'add') known.add(call.contact);
    const [first] = claimsOf(call);
    const user = users.get(first?.contact.workspace ?? '') ?? '';
    const done = claims.run(claimsOf(call), () => makeCall(pool, log, { call, user })).finally(() => underWay.delete(done));
    underWay.add(done);
  };
  const settle = async () => void (await Promise.all(underWay));
  const beginUnlessFull = () => {
    if (underWay.size < MOST_WAITING) begin();
  };
  const pace = callsPerSecond === null ? null : startPace(callsPerSecond, beginUnlessFull);
  return {
    contacts: known,
    begun: () => number,
    figures: log.take,
    async use(next) {
      mode = next;
      await settle();
    },
    async make(calls) {
      for (let made = 0; made < calls; made += 1) {
        begin();
        while (underWay.size >= 2 * POOL) await Promise.race(underWay);
      }
      await settle();
    },
    underWay: () => underWay.size,
    async stop(withinMs = STOP_MS) {
      pace?.stop();
      if (!pool.ending) await end({ calls: settle(), withinMs });
    },
  };
}

interface OpenPool {
  readonly pool: Pool;
  /** Ends the connections when the calls have ended, or it is time: an answer that does not come would keep its connection, and with it the process. */
  end(wait: { readonly calls: Promise<void>; readonly withinMs: number }): Promise<void>;
}

function openPool(url: string): OpenPool {
  const pool = new Pool({ connectionString: url, max: POOL, min: POOL, idleTimeoutMillis: 0, application_name: 'crm' });
  const clients = new Set<PoolClient>();
  // A connection that is ended from outside fails its call, or the next one, which is counted.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    clients.add(client);
  });
  pool.on('remove', (client) => void clients.delete(client));
  return {
    pool,
    async end({ calls, withinMs }) {
      if (await endsWithin(calls, withinMs)) return pool.end();
      const ending = pool.end();
      for (const client of clients) await client.end();
      await endsWithin(ending, withinMs);
    },
  };
}
