import type { State } from '../../infra/asl.ts';
import { stateMachine } from '../../infra/state-machine.asl.ts';
import type { Case } from './cases.ts';
import { differences, type World } from './look.ts';
import type { Scenario } from './scenarios.ts';
import type { Ended, Site } from './site.ts';

/** What a scenario's run ends like, and makes of the database, when nothing fails. */
export interface Reference {
  readonly before: World;
  readonly after: World;
  /** Behind the run that has to work afterwards. */
  readonly next: World;
}

/** What is wrong when a run that met faults, all of which it has to outlive, has ended. */
export async function faultsOfAbsorbed(site: Site, ended: Ended, { scenario, reference }: Checked): Promise<readonly string[]> {
  const said = saidOf(ended);
  return [
    ...(ended.error === scenario.error ? [] : [`${said}, and without the faults it ends ${scenario.error ?? 'well'}`]),
    ...differences(said, await site.look(), reference.after),
    ...(await left(site)),
    ...(await faultsOfReport(site, ended, outcomeOf(ended, scenario))),
  ];
}

/** What is wrong when a run that met a fault of its end has ended, in whichever of the outcomes. */
export async function faultsOfEnded(
  site: Site,
  ended: Ended,
  { scenario, reference, case: one }: Checked & { readonly case: Case },
): Promise<readonly string[]> {
  const said = saidOf(ended);
  const outcome = outcomeOf(ended, scenario);
  const usual = scenario.error ?? successOf(scenario);
  const due = endAfter(one.function, scenario);
  const faults = [
    ...(outcome === due || (one.isOutlived && outcome === usual) ? [] : [`${said}, and should end ${due}`]),
    ...(await faultsOfReport(site, ended, outcome)),
  ];
  if (outcome === 'halted') return faults;
  // The second door would hide what a run that said its outcome has left behind.
  if (ended.recoveries > 0 && one.function !== 'CloseRun') faults.push(`${said}, and the second door had to let go of what it left`);
  const expected = outcome === usual ? reference.after : outcome === 'rolled-back' ? site.source() : reference.before;
  // A run that could not be closed says so, and leaves its lock to be taken over.
  return [...faults, ...differences(said, await site.look(), expected), ...(one.function === 'CloseRun' ? [] : await left(site))];
}

/** How the definition lets a run end in which a function fails for good. */
function endAfter(function_: string, scenario: Scenario): string {
  const usual = scenario.error ?? successOf(scenario);
  const state = Object.values<State<string>>(stateMachine.States).find(
    (one) => one.Type === 'Task' && one.Arguments.FunctionName === `\${${function_}}`,
  );
  const [catcher] = state?.Type === 'Task' ? state.Catch : [];
  const { mode } = scenario.start;
  switch (catcher?.Next) {
    case 'GateSaidNo':
      return scenario.isInterrupted === true && function_ !== 'LoadPlan' && function_ !== 'AcquireLock' ? 'rolled-back' : 'refused';
    case 'DecideRecovery':
      return mode === 'cleanup' ? 'halted' : 'rolled-back';
    case 'DoesVerifyingUndo':
      return mode === 'execute' ? 'rolled-back' : 'refused';
    default:
      return catcher?.Assign.outcome === 'halted' ? 'halted' : usual;
  }
}

export interface Checked {
  readonly scenario: Scenario;
  readonly reference: Reference;
}

/** What is wrong with the run behind it. */
export async function faultsOfNext(site: Site, { scenario, reference }: Checked): Promise<readonly string[]> {
  const { start } = scenario;
  // What a halted run has left of one plan is in another one's way until it is undone; where nothing is left, that is refused.
  if (scenario.next.plan !== start.plan) await site.run({ plan: start.plan, mode: 'rollback' }, []);
  const first = await site.run(scenario.next, []);
  const last = first.error === 'rolled-back' ? await site.run(scenario.next, []) : first;
  return [
    ...(last.error === null ? [] : [`the next ${scenario.next.mode} ends ${last.error}: ${last.cause.slice(0, 400)}`]),
    ...differences(`the next ${scenario.next.mode}`, await site.look(), reference.next),
  ];
}

function saidOf(ended: Ended): string {
  return `ended ${ended.error ?? 'well'}${ended.cause === '' ? '' : ` (${ended.cause.slice(0, 300)})`}`;
}

function successOf({ start: { mode }, outcome }: Scenario): string {
  if (outcome !== undefined) return outcome;
  if (mode === 'execute') return 'migrated';
  return mode === 'rollback' ? 'rolled-back' : 'passed';
}

function outcomeOf({ error }: Ended, scenario: Scenario): string {
  return error ?? successOf(scenario);
}

async function left(site: Site): Promise<readonly string[]> {
  // A database without a ledger has nothing of a run.
  return site.leftOver().catch(() => []);
}

interface Told {
  readonly outcome: { readonly outcome: string } | null;
  readonly run: { readonly id: string; readonly mode: string } | null;
  readonly phases: readonly { readonly phase: string; readonly direction: string }[];
  readonly transfers: readonly { readonly transfer: string; readonly direction: string; readonly into: string; readonly rows: number }[];
  readonly comparison: readonly { readonly into?: string; readonly rows?: number }[] | null;
  readonly snapshot: { readonly id?: string; readonly status: string } | null;
  readonly fence: readonly { readonly status: string }[];
  readonly next: readonly { readonly command: string }[];
}

/** Holds what the report says against the execution, the database, and RDS. */
async function faultsOfReport(site: Site, ended: Ended, outcome: string): Promise<readonly string[]> {
  // WriteReport itself may have met the fault: then the outcome stands without one.
  if (ended.report === null) return !ended.cause.includes('report: ') ? [] : ['there is no report'];
  const told: Told = JSON.parse(ended.report);
  const faults: string[] = [];
  const expect = (what: string, found: unknown, expected: unknown) => {
    if (JSON.stringify(found) !== JSON.stringify(expected))
      faults.push(`the report: ${what} is ${JSON.stringify(found)} and should be ${JSON.stringify(expected)}`);
  };
  expect('outcome', told.outcome?.outcome ?? null, outcome);
  expect('run', told.run?.id ?? ended.run, ended.run);
  const inForce = await site
    .sql<{ phase: string }>(`select phase from stepgate.phase where run_id = '${ended.run}' and applied_at is not null order by ordinal`)
    .catch(() => []);
  const applied = told.phases.filter(({ direction }) => direction === 'up').map(({ phase }) => phase);
  if (outcome === 'migrated' || outcome === 'passed') {
    for (const { phase } of inForce) if (!applied.includes(phase)) faults.push(`the report: phase ${phase} is applied, and not told`);
  }
  if (outcome === 'migrated') {
    for (const { transfer, direction, into, rows } of told.transfers) {
      if (direction !== 'up') continue;
      const [found] = await site.sql<{ rows: number }>(`select count(*)::int as rows from ${into}`);
      expect(`rows of ${transfer}`, rows, found?.rows);
    }
  }
  if (outcome === 'rolled-back') expect('phases in force', inForce, []);
  const snapshots = await site.snapshots();
  if (told.snapshot?.id !== undefined && !snapshots.has(told.snapshot.id) && told.snapshot.status === 'available')
    faults.push(`the report: snapshot ${told.snapshot.id} is not there`);
  const mine = [...snapshots.keys()].filter((id) => id.includes(ended.run.toLowerCase()));
  for (const id of mine) if (!ended.report.includes(id)) faults.push(`snapshot ${id} is there, and the report does not name it`);
  const fences = await site.sql<{ run_id: string }>('select run_id from stepgate.fence').catch(() => []);
  if (fences.length > 0 && !told.fence.some(({ status }) => status === 'kept')) faults.push('a fence stands, and the report does not tell of it');
  return faults;
}
