import type { Client } from 'pg';

/** A statement of a session, or a text that several statements make one step. */
export interface Step {
  readonly session: string;
  readonly sql: string;
  /** Values of the parameters, for a single statement. */
  readonly values?: readonly unknown[];
}

export interface StepFailure {
  readonly session: string;
  readonly sql: string;
  readonly state: string;
  readonly message: string;
}

/** Somebody who works step by step, and what is known of the step in hand. */
interface Actor {
  readonly client: Client;
  readonly pid: number;
  /** The step in hand, settled when it has ended; null when there is none. */
  running: Promise<void> | null;
}

/** Runs steps of several sessions in a given order; a step that waits for a lock is left waiting and another session goes on. */
export interface Driver {
  /**
   * @param order the session of each step, as many as it has steps; a turn of a session that waits goes to whoever does not.
   * @returns the steps that failed.
   * @throws when all sessions wait and none is let go within ten seconds: a hang.
   */
  run(steps: readonly Step[], order: readonly string[]): Promise<readonly StepFailure[]>;
}

const HANG_MS = 10_000;

export async function openDriver(sessions: Readonly<Record<string, Client>>, watcher: Client): Promise<Driver> {
  const actors = new Map<string, Actor>();
  for (const [name, client] of Object.entries(sessions)) {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    actors.set(name, { client, pid: rows[0]?.pid ?? 0, running: null });
  }
  const pids = [...actors.values()].map(({ pid }) => pid);

  const waits = async ({ pid }: Actor): Promise<boolean> => {
    const { rows } = await watcher.query<{ waits: boolean }>({
      name: 'waits',
      text: 'select pg_blocking_pids($1) && $2::int[] as waits',
      values: [pid, pids],
    });
    return rows[0]?.waits ?? false;
  };

  return {
    async run(steps, order) {
      const failures: StepFailure[] = [];
      const left = new Map([...actors.keys()].map((name) => [name, steps.filter(({ session }) => session === name)]));
      const turns = [...order];
      while (turns.length > 0) {
        const at = turns.findIndex((name) => actors.get(name)?.running === null);
        if (at < 0) {
          await orHang(Promise.race([...actors.values()].flatMap(({ running }) => (running === null ? [] : [running]))));
          continue;
        }
        const [name] = turns.splice(at, 1);
        const actor = actors.get(name ?? '');
        const step = left.get(name ?? '')?.shift();
        if (actor === undefined || step === undefined) throw new Error(`the order has a step of ${name} that it has not`);
        await begin(actor, step, failures);
        await endOrWait(actor, waits);
      }
      await orHang(Promise.all([...actors.values()].map(({ running }) => running)));
      return failures;
    },
  };
}

async function begin(actor: Actor, { session, sql, values }: Step, failures: StepFailure[]): Promise<void> {
  actor.running = actor.client
    .query(sql, values === undefined ? undefined : [...values])
    .then(
      () => undefined,
      (error: unknown) => {
        const state = error instanceof Error && 'code' in error ? String(error.code) : '?';
        failures.push({ session, sql, state, message: error instanceof Error ? error.message : String(error) });
      },
    )
    .finally(() => {
      actor.running = null;
    });
}

/** Returns when the step has ended, or when the server says that it waits for another of the sessions. */
async function endOrWait(actor: Actor, waits: (actor: Actor) => Promise<boolean>): Promise<void> {
  while (actor.running !== null) {
    if (await waits(actor)) return;
  }
}

async function orHang(wait: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the sessions wait for one another: a hang')), HANG_MS);
  });
  await Promise.race([wait, hang]).finally(() => clearTimeout(timer));
}

/** Every order of the steps of two or more sessions that keeps each session's own. */
export function interleavings(counts: Readonly<Record<string, number>>): readonly (readonly string[])[] {
  const open = Object.entries(counts).filter(([, count]) => count > 0);
  if (open.length === 0) return [[]];
  return open.flatMap(([name, count]) => interleavings({ ...counts, [name]: count - 1 }).map((rest) => [name, ...rest]));
}
