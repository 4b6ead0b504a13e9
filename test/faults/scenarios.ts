import type { Invoked } from '../../local/faults/fault-desk.ts';
import { LIVE_PLAN, LIVE_SOURCE } from '../support/live-plan.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../support/small-plan.ts';
import type { Site, Start } from './site.ts';

/** A run whose calls meet faults: how the database comes to where the run begins, what starts it, and how it ends without a fault. */
export interface Scenario {
  readonly name: string;
  /** From an empty database; gives invocations that may come through later. */
  prepare(site: Site): Promise<readonly Invoked[]>;
  readonly start: Start;
  /** The execution's error; null where it succeeds. */
  readonly error: 'rolled-back' | null;
  /** In the report. @default - that of the mode, or the error */
  readonly outcome?: string;
  /** Whether a run before it left phases behind: then a refusal undoes them. */
  readonly isInterrupted?: boolean;
  /** What has to work behind a run that ended: until the database is migrated, or, where the run took the way back away, cleaned up. */
  readonly next: Start;
}

/** Without the column that tells the time, which is another one in each run; three rows go to the quarantine. */
const SMALL = {
  ...SMALL_PLAN,
  '1-schema/up.sql': (SMALL_PLAN['1-schema/up.sql'] ?? '').replace(', seen_at timestamptz default now()', ''),
  '2-copy/customers.sql': (SMALL_PLAN['2-copy/customers.sql'] ?? '').replace('--! sync', '--! quarantine when: age = 89 and id < 300\n--! sync'),
};

/** As SMALL, but that its last check says no behind everything that can be undone. */
const FAILING = { ...SMALL, 'after.sql': '--! check: nobody-has-an-address, fail, no rows\nselect id from customers where zip is not null;\n' };

/** With a fence, so that its states are there, too. */
const LIVE = {
  ...LIVE_PLAN,
  'plan.yaml': (LIVE_PLAN['plan.yaml'] ?? '').replace('cutover: flag', 'cutover: flag, fence: true'),
  '4-drop-people/up.sql': `--! allow: DROPPED_IN_USE because nobody reads them any more\n${LIVE_PLAN['4-drop-people/up.sql']}`,
};

export const PLANS = { small: SMALL, failing: FAILING, live: LIVE } as const;

/** A role of the application's that writes, and one that owns a table, which a fence keeps from logging in. */
export const APPLICATION_LOGIN = { user: 'faults_app', password: 'faults' };
const APPLICATION = `
do $$ begin if to_regrole('faults_app') is null then create role faults_app login password 'faults'; create role faults_owner login; grant faults_owner to current_user; end if; end $$;
alter role faults_app login; alter role faults_owner login;
grant usage, create on schema public to faults_owner;
grant select, insert, update, delete on all tables in schema public to faults_app;
alter default privileges in schema public grant select, insert, update, delete on tables to faults_app;
grant usage on all sequences in schema public to faults_app;
create table notes (id bigint primary key, said text); alter table notes owner to faults_owner; insert into notes values (1, 'kept');
`;

const execute = (plan: string): Start => ({ plan, mode: 'execute' });
const afterRuns =
  (source: string, ...starts: readonly Start[]) =>
  async (site: Site): Promise<readonly Invoked[]> => {
    let late: readonly Invoked[] = [];
    await site.begin(source);
    for (const start of starts) {
      const { error, cause, invocations } = await site.run(start, []);
      if (start.stopAfter !== undefined) late = [...new Map(invocations.map((one) => [one.name, one])).values()];
      else if (error !== (start.error ?? null)) throw new Error(`${start.mode} of ${start.plan} without faults ends ${error}: ${cause}`);
    }
    return late;
  };
const live = `${LIVE_SOURCE}${APPLICATION}`;

export const SCENARIOS: readonly Scenario[] = [
  { name: 'execute', prepare: afterRuns(SMALL_SOURCE), start: execute('small'), error: null, next: execute('small') },
  {
    name: 'rollback',
    prepare: afterRuns(SMALL_SOURCE, execute('small')),
    start: { plan: 'small', mode: 'rollback' },
    error: null,
    next: execute('small'),
  },
  {
    name: 'execute behind a run that was stopped',
    prepare: afterRuns(SMALL_SOURCE, { ...execute('small'), stopAfter: 'RunBackfill' }),
    start: execute('small'),
    error: null,
    isInterrupted: true,
    next: execute('small'),
  },
  {
    name: 'execute behind a rollback that was stopped',
    prepare: afterRuns(
      SMALL_SOURCE,
      execute('small'),
      { plan: 'small', mode: 'rollback', stopAfter: 'UndoPhase' },
      { ...execute('small'), error: 'rolled-back' },
    ),
    start: execute('small'),
    error: null,
    next: execute('small'),
  },
  {
    name: 'recover before the first change',
    prepare: afterRuns(SMALL_SOURCE),
    start: { ...execute('small'), stopAfter: 'MeasureBefore', isSettled: true },
    error: null,
    outcome: 'refused',
    next: execute('small'),
  },
  {
    name: 'recover',
    prepare: afterRuns(SMALL_SOURCE),
    start: { ...execute('small'), stopAfter: 'RunLong', isSettled: true },
    error: null,
    outcome: 'rolled-back',
    next: execute('small'),
  },
  {
    name: 'recover behind the point of no return',
    prepare: afterRuns(live),
    start: { ...execute('live'), stopAfter: 'CompleteRun', isSettled: true },
    error: null,
    outcome: 'migrated',
    next: execute('live'),
  },
  { name: 'execute that undoes itself', prepare: afterRuns(SMALL_SOURCE), start: execute('failing'), error: 'rolled-back', next: execute('small') },
  {
    name: 'verify',
    prepare: afterRuns(SMALL_SOURCE, execute('small')),
    start: { plan: 'small', mode: 'verify' },
    error: null,
    next: { plan: 'small', mode: 'verify' },
  },
  { name: 'backup', prepare: afterRuns(SMALL_SOURCE), start: { plan: 'small', mode: 'backup' }, error: null, next: execute('small') },
  { name: 'live execute', prepare: afterRuns(live), start: execute('live'), error: null, next: execute('live') },
  {
    name: 'live rollback',
    prepare: afterRuns(live, execute('live')),
    start: { plan: 'live', mode: 'rollback' },
    error: null,
    next: execute('live'),
  },
  {
    name: 'live cleanup',
    async prepare(site) {
      const late = await afterRuns(live, execute('live'))(site);
      await site.passHours(49);
      return late;
    },
    start: { plan: 'live', mode: 'cleanup' },
    error: null,
    next: { plan: 'live', mode: 'cleanup' },
  },
];
