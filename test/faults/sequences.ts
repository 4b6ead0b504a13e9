import { setTimeout as delay } from 'node:timers/promises';
import * as fc from 'fast-check';
import type { NotedCall } from '../../local/faults/fault-desk.ts';
import { openApplication } from './application.ts';
import { type Case, casesOf } from './cases.ts';
import { APPLICATION_LOGIN, SCENARIOS, type Scenario } from './scenarios.ts';
import type { Ended, Site } from './site.ts';

export interface Sequences {
  readonly passed: number;
  /** Faults that no call met, because an earlier one changed the way. */
  readonly unmet: number;
  /** Writes of the application that were committed. */
  readonly written: number;
  readonly failure: string | null;
}

const LIVE: readonly Scenario[] = SCENARIOS.filter(({ name }) => ['live execute', 'live rollback'].includes(name));

/** Two or three faults that a run has to outlive, anywhere in it, while an application changes rows of both sides; nothing that it committed is lost. */
export async function sequences(site: Site, { runs, seed }: { readonly runs: number; readonly seed: number }): Promise<Sequences> {
  const [halves, written, unmet] = [Math.ceil(runs / LIVE.length), { rows: 0 }, { faults: 0 }];
  let passed = 0;
  for (const scenario of LIVE) {
    await scenario.prepare(site);
    await site.save();
    const { calls } = await site.run(scenario.start, []);
    const cases = outlived(calls);
    const property = fc.asyncProperty(fc.uniqueArray(fc.nat(cases.length - 1), { minLength: 2, maxLength: 3 }), fc.nat(), async (chosen, start) => {
      const faults = chosen.flatMap((index) => cases[index] ?? []);
      const { ended, said, rows } = await besideApplication(site, scenario, { faults, start });
      written.rows += rows;
      unmet.faults += ended.unmet.length;
      if (said.length > 0) throw new Error(`${scenario.name} with ${faults.map(({ name }) => name).join(' and ')}:\n  ${said.join('\n  ')}`);
      passed += 1;
    });
    const { failed, errorInstance } = await fc.check(property, { seed, numRuns: halves, endOnFailure: true });
    if (failed) return { passed, unmet: unmet.faults, written: written.rows, failure: String(errorInstance) };
  }
  return { passed, unmet: unmet.faults, written: written.rows, failure: null };
}

/** Those that any two of are outlived, too: no function is tried again after a third death, and nobody knows whose a call of two at once is. */
function outlived(calls: readonly NotedCall[]): readonly Case[] {
  return casesOf(calls).filter(({ absorption }) => ['within', 'away', 'busy'].includes(absorption));
}

async function besideApplication(
  site: Site,
  { start: asked, error }: Scenario,
  { faults, start }: { readonly faults: readonly Case[]; readonly start: number },
): Promise<{ readonly ended: Ended; readonly said: readonly string[]; readonly rows: number }> {
  await site.restore();
  const application = await beginWriting(site, start);
  const ended = await site.run(
    asked,
    faults.map(({ fault }) => fault),
  );
  const acknowledged = await application.stop();
  const said = ended.error === error ? [] : [`ended ${ended.error}: ${ended.cause.slice(0, 400)}`];
  return { ended, said: [...said, ...(await lost(site, acknowledged))], rows: acknowledged.size };
}

/** What was acknowledged last of each row: the name of a person, or null where the row was deleted. */
type Acknowledged = ReadonlyMap<number, string | null>;

/** One change after another, of either side, as far as it is there and may be written. */
async function beginWriting(site: Site, start: number): Promise<{ stop(): Promise<Acknowledged> }> {
  const acknowledged = new Map<number, string | null>();
  const application = openApplication(site.urlAs(APPLICATION_LOGIN));
  let goesOn = true;
  const working = (async () => {
    for (let n = start % 1_000; goesOn; n += 7) {
      const id = (n % 400) + 1;
      const name = `Name ${n}`;
      // The side that the application would use: the new one as soon as it is there for it.
      const done = await application.write(n % 10 === 0 ? 'delete' : 'update', { id, name });
      if (done === 'written') acknowledged.set(id, n % 10 === 0 ? null : name);
      else if (done === 'unknown') acknowledged.delete(id);
      await delay(3);
    }
  })();
  return {
    async stop() {
      goesOn = false;
      await working;
      await application.close();
      return acknowledged;
    },
  };
}

/** Rows that are not as they were acknowledged on a side that is there, unless the journal says that a repair is due. */
async function lost(site: Site, acknowledged: Acknowledged): Promise<readonly string[]> {
  const found: string[] = [];
  const journal = await site.sql<{ key: string | null }>('select distinct key from stepgate.sync_journal').catch(() => []);
  const due = journal.map(({ key }) => key);
  for (const [table, name] of [
    ['people', 'name'],
    ['customers', 'full_name'],
  ] as const) {
    const rows = await site
      .sql<{ id: string; name: string }>(`select id::text, ${name} as name from ${table}${table === 'customers' ? ' where deleted_at is null' : ''}`)
      .catch(() => null);
    if (rows === null) continue;
    const names = new Map(rows.map((row) => [Number(row.id), row.name]));
    for (const [id, expected] of acknowledged) {
      if ((names.get(id) ?? null) !== expected && !due.some((key) => key === null || new RegExp(`\\b${id}\\b`).test(key)))
        found.push(`${table} ${id} is ${names.get(id) ?? 'not there'} and was acknowledged as ${expected ?? 'deleted'}`);
    }
  }
  return found;
}
