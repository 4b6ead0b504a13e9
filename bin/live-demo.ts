import { counted, countInWords, durationInWords } from '../core/run/in-words.ts';
import { APPLICATION_ROLE, makeApplicationRole } from './live-crm/application-role.ts';
import { awaitCalls, stuckSentence } from './live-crm/await-calls.ts';
import type { CallFigures } from './live-crm/call-log.ts';
import { type CrmClient, type CrmMode, startCrmClient } from './live-crm/crm-client.ts';
import type { Side } from './live-crm/crm-contact.ts';
import { endsWithin } from './live-crm/ends-within.ts';
import { lostWrites } from './live-crm/lost-writes.ts';
import { paceClock } from './live-crm/paced-clock.ts';
import { DemoStuckError } from './no-run-error.ts';
import type { OpenEngine } from './open-engine.ts';
import type { LoadedPlan } from './plans.ts';
import { type EndedRun, runPlan } from './run-plan.ts';
import type { RunSite } from './run-site.ts';
import { runExitCode } from './run-summary.ts';
import { withClient } from './seed-database.ts';
import type { Shell } from './shell.ts';

/** Plans that bring an application of their own to be shown with. */
export const LIVE_PLANS: readonly string[] = ['lead-centric'];

/** What was true of the application from before the first state to behind the last one. */
export interface LiveFigures extends CallFigures {
  /** What it had committed and the old side did not hold at the end. */
  readonly lostOnOldSide: number;
  /** The same for the new side, just before the application left it. */
  readonly lostOnNewSide: number;
  /** Keys of the new side whose last write was in the journal then, to be carried over by the rollback at the latest. */
  readonly onTheirWay: number;
}

export interface LiveDemo {
  readonly migrated: EndedRun;
  /** Null when the plan was not migrated, so that there was nothing to go back from. */
  readonly rolledBack: EndedRun | null;
  readonly application: LiveFigures;
}

const CALLS_PER_SECOND = 50;
const CONTACTS = 400;

/** How many calls are made at each stop, and what two days are for the engine's clock. */
const CALLS_PER_STOP = 150;
const TWO_DAYS_MS = 172_800_000;

/** A call takes milliseconds, and a jump of the engine's clock none: after so long nothing comes any more. */
const STUCK_MS = 60_000;

interface Stage {
  readonly shell: Shell;
  readonly engine: OpenEngine;
  readonly site: RunSite;
  readonly loaded: LoadedPlan;
}

/** Migrates, works on the new side for two days, and goes back, while the application writes all the time. */
export async function liveDemo(stage: Stage): Promise<LiveDemo> {
  const { shell, engine } = stage;
  const url = await makeApplicationRole(engine.psqlUrl);
  const endPace = engine.clock === undefined ? () => {} : paceClock(engine.clock);
  const crm = await startCrmClient({ url, seed: 1, callsPerSecond: CALLS_PER_SECOND, contacts: CONTACTS });
  try {
    shell.terminal.say(`! ${APPLICATION_ROLE} writes to the old tables from now on: ${CALLS_PER_SECOND} calls a second`);
    const migrated = await runIn(stage, 'execute');
    const isMigrated = migrated.end.outcome === 'migrated';
    const away = isMigrated ? await workOnNewSide(stage, crm) : { lost: 0, onTheirWay: 0 };
    const rolledBack = isMigrated ? await runIn(stage, 'rollback') : null;
    await crm.stop();
    const lostOnOldSide = (await lost(engine, crm, 'old')).length;
    return { migrated, rolledBack, application: { ...crm.figures(), lostOnOldSide, lostOnNewSide: away.lost, onTheirWay: away.onTheirWay } };
  } finally {
    await crm.stop();
    endPace();
  }
}

/** Exit code: that of the run, or of its rollback; 1 when a call failed or a write was lost. */
export function liveExitCode({ migrated, rolledBack, application }: LiveDemo): number {
  const code = rolledBack === null ? runExitCode(migrated.end, 'execute') : runExitCode(rolledBack.end, 'rollback');
  const isWell = application.failed + application.lostOnOldSide + application.lostOnNewSide === 0;
  return code === 0 && !isWell ? 1 : code;
}

/** The demo's own word on what the application saw. */
export function liveLines({ application }: LiveDemo): readonly string[] {
  const { calls, failed, failures, retries, p50Ms, p99Ms, maxMs, committedWrites, lostOnOldSide, lostOnNewSide, onTheirWay } = application;
  const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  return [
    '',
    'the application, from before the first state to behind the last one, compared apart from the runs',
    `  calls           ${countInWords(calls)}, ${countInWords(failed)} failed; ${counted(retries, 'transaction')} begun again after a serialization failure or deadlock`,
    ...failures.map((line) => `                  ${line}`),
    `  took            ${ms(p50Ms)} in the middle, ${ms(p99Ms)} for 99 % of them, ${ms(maxMs)} for the longest`,
    `  rows written    ${countInWords(committedWrites)}`,
    `  lost            ${lostOnNewSide} on the new side when it was left${onTheirWay === 0 ? '' : ` (${onTheirWay} in the journal)`}, ${lostOnOldSide} on the old side at the end`,
  ];
}

async function runIn({ shell, site, loaded }: Stage, mode: 'execute' | 'rollback'): Promise<EndedRun> {
  const input = { plan: loaded.plan.id, mode, ...(mode === 'execute' ? { digest: loaded.digest } : {}) };
  return runPlan(shell, site, { ...loaded, mode, input });
}

/** Both versions of the application at once, then the new one alone, for two days; then the old one again. */
async function workOnNewSide({ shell, engine }: Stage, crm: CrmClient): Promise<{ readonly lost: number; readonly onTheirWay: number }> {
  const { terminal } = shell;
  terminal.say('\n! cutover: the application switches to the new tables, half of its calls first, then all');
  for (const mode of ['both', 'new'] as const) {
    await use(engine, crm, mode);
    await callsMade({ shell, engine }, crm);
  }
  await passTime(engine, shell.signal);
  terminal.say('! two days later by the clock of the engine');
  await callsMade({ shell, engine }, crm);
  await use(engine, crm, 'old');
  const [missing, waiting] = [await lost(engine, crm, 'new'), await pendingKeys(engine)];
  const really = missing.filter(({ key }) => !waiting.has(key));
  terminal.say('! the application is back on the old tables; what it wrote in these days is to stay\n');
  return { lost: really.length, onTheirWay: missing.length - really.length };
}

function callsMade({ shell: { signal }, engine }: Pick<Stage, 'shell' | 'engine'>, crm: CrmClient): Promise<void> {
  return awaitCalls(crm, { calls: CALLS_PER_STOP, stuckAfterMs: STUCK_MS, why: () => waitsOf(engine), signal });
}

async function use(engine: OpenEngine, crm: CrmClient, mode: CrmMode): Promise<void> {
  if (await endsWithin(crm.use(mode), STUCK_MS)) return;
  throw new DemoStuckError(stuckSentence(STUCK_MS, crm.underWay(), await waitsOf(engine)));
}

/** What the application's connections wait for, and for whom. */
async function waitsOf({ psqlUrl }: OpenEngine): Promise<string> {
  return withClient(psqlUrl, async (client) => {
    const { rows } = await client.query<{ wait: string }>(
      `select format('%s × %s%s', count(*), coalesce(wait_event_type || ' ' || wait_event, state, 'not to be seen'),
        nullif(' behind backend ' || string_agg(distinct b.pid::text, ', '), ' behind backend ')) as wait
       from pg_stat_activity a left join lateral unnest(pg_blocking_pids(a.pid)) as b (pid) on true
       where a.application_name = 'crm' group by wait_event_type, wait_event, state order by count(*) desc limit 3`,
    );
    return rows.length === 0 ? 'it has no connection left' : `its connections: ${rows.map(({ wait }) => wait).join(', ')}`;
  });
}

/** While a function is at work the engine's clock is real. */
async function passTime({ clock }: OpenEngine, signal: AbortSignal): Promise<void> {
  if (clock === undefined) return;
  const letGo = clock.hold();
  try {
    const later = new Date(clock.now().getTime() + TWO_DAYS_MS);
    await clock.waitUntil(later, AbortSignal.any([signal, AbortSignal.timeout(STUCK_MS)]));
    if (clock.now() < later && !signal.aborted) {
      throw new DemoStuckError(
        `the engine's clock did not jump for ${durationInWords(STUCK_MS)}: something of the engine is still at work; run the demo again`,
      );
    }
  } finally {
    letGo();
  }
}

function lost({ psqlUrl }: OpenEngine, crm: CrmClient, side: Side) {
  return withClient(psqlUrl, (client) => lostWrites(client, crm.contacts, side));
}

/** Keys that the journal holds to be derived again. */
async function pendingKeys({ psqlUrl }: OpenEngine): Promise<ReadonlySet<string>> {
  return withClient(psqlUrl, async (client) => {
    const { rows } = await client.query<{ key: string }>(
      `select distinct key from stepgate.sync_journal where reason <> 'not-carried' and key is not null`,
    );
    return new Set(rows.map(({ key }) => key));
  });
}
