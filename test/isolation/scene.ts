import type { Client } from 'pg';
import { syncLedger } from '../../adapters/sync-ledger.ts';
import type { CompiledPlan, Transfer } from '../../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../../core/run/envelope.ts';
import { type CopySql, copySql } from '../../core/transfer/batch-sql.ts';
import { deploy, emptyPlanDatabase } from '../support/run-driver.ts';
import { changing, openWorkbench, type Workbench } from '../support/workbench.ts';

const PHASE = 'copy';

/** A round may do nothing but leave a child to the next one, until its parent is there. */
const ROUNDS = 20;

/** One driving table, a lookup, and two targets of it: one takes every row, the other those of a condition. */
const TABLES = `
create table towns (code text primary key, zip text);
create table households (id bigint primary key);
create table people (id bigint primary key, name text not null, email text, status int, town text, is_active boolean not null default true,
  household bigint references households on delete cascade);
create index people_household on people (household);
create table customers (id bigint primary key, full_name text not null, email text, level text, zip text, note text default 'native');
create table actives (id bigint primary key, title text, email text);`;

const PLAN = {
  'plan.yaml': 'title: People become customers\nphases:\n  - { id: copy, transfers: [customers, actives] }\n  - { id: switch, cutover: flag }\n',
  '2-switch/up.sql': "comment on table customers is 'in use';\n",
  '2-switch/undo.sql': 'comment on table customers is null;\n',
  '1-copy/customers.sql': `--! into: customers
--! from: people
--! key: id
--! sync: both
select p.id, p.name as full_name, p.email, case when p.status = 1 then 'low' else 'high' end as level, t.zip
from people as p left join towns as t on t.code = p.town;
`,
  '1-copy/actives.sql': `--! into: actives
--! from: people
--! key: id
--! sync: both
select p.id, p.name as title, p.email from people as p where p.is_active;
`,
};

/** Both sides in one statement; written here and not generated, so that it shares no mistake with what it judges. */
export const DIFFERENCES = `
select 'customers' as target, coalesce(s.id, c.id)::text as key, row_to_json(s.*)::text as mapped, row_to_json(c.*)::text as found
from (select p.id, p.name, p.email, case when p.status = 1 then 'low' else 'high' end as level, (select t.zip from towns t where t.code = p.town) as zip from people p) s
full join customers c on c.id = s.id
where s.id is null or c.id is null or s.name is distinct from c.full_name or s.email is distinct from c.email
  or s.level is distinct from c.level or s.zip is distinct from c.zip
union all
select 'actives', coalesce(s.id, a.id)::text, row_to_json(s.*)::text, row_to_json(a.*)::text
from (select p.id, p.name, p.email from people p where p.is_active) s full join actives a on a.id = s.id
where s.id is null or a.id is null or s.name is distinct from a.title or s.email is distinct from a.email`;

export interface Difference {
  readonly target: string;
  readonly key: string;
  readonly mapped: string | null;
  readonly found: string | null;
}

/** A database with the triggers of a plan's sync, in which cases are played one after another. */
export interface Scene {
  readonly bench: Workbench;
  readonly plan: CompiledPlan;
  readonly run: ChangingRun;
  /** As the migrator; the scene ends it. */
  connect(): Promise<Client>;
  /** As the application: it may write to the tables and knows nothing of the ledger. */
  application(): Promise<Client>;
  transfer(id: string): Transfer;
  install(side: 'source' | 'target'): Promise<void>;
  /** Empties tables and ledger, makes the rows of the driving table, and puts the cursors at the beginning. */
  reset(rows: string): Promise<void>;
  /** One batch as a statement and its parameters; `change` plants a defect. */
  batch(transfer: string, rows: number, change?: (sql: CopySql) => CopySql): { readonly sql: string; readonly values: readonly unknown[] };
  /** Repairs every transfer until nothing of what the journal held is left; says how many entries cannot be repaired. */
  repairAll(): Promise<number>;
  /** One round of each transfer; how many keys were derived again. */
  repairOnce(): Promise<number>;
  /** The round of one transfer as a statement, as the port calls it. */
  repair(transfer: string): { readonly sql: string; readonly values: readonly unknown[] };
  close(): Promise<void>;
}

export async function openScene(): Promise<Scene> {
  const bench = await openWorkbench();
  await emptyPlanDatabase(bench, TABLES);
  await bench.sql(`drop role if exists application; create role application; grant application to current_user;
grant usage on schema public to application; grant all on all tables in schema public to application`);
  const deployed = await deploy(bench, PLAN);
  const { plan } = deployed;
  const { run } = changing(deployed, { token: 1, id: 'isolation' });
  await bench.sql(`update stepgate.lock set token = 1, run_id = 'isolation', execution_arn = 'arn', taken_at = now();
insert into stepgate.run (run_id, plan, digest, mode, execution_arn, token, started_at) values ('isolation', 'small', 'd', 'execute', 'arn', 1, now());
insert into stepgate.plan (plan, digest) values ('small', 'd');
insert into stepgate.phase (plan, phase, ordinal, digest, run_id) values ('small', '${PHASE}', 1, 'd', 'isolation')`);
  const sync = syncLedger(bench.ports.session);
  const repairs = new Map<string, string>();
  const transfers = plan.phases.flatMap((phase) => (phase.kind === 'transfer' ? phase.transfers : []));
  const transfer = (id: string): Transfer => {
    const found = transfers.find((one) => one.id === id);
    if (found === undefined) throw new Error(`no transfer ${id}`);
    return found;
  };
  const repairOnce = async (): Promise<{ repaired: number; left: number }> => {
    const upto = await sync.newestEntry(plan.id);
    const rounds = { repaired: 0, left: 0 };
    for (const one of transfers) {
      const { repaired, left } = await sync.repair(run, { plan, transfer: one, upto }, 500);
      rounds.repaired += repaired;
      rounds.left += left;
    }
    return rounds;
  };
  /** The texts that the port hands to the ledger. */
  const rememberRepairs = async (): Promise<void> => {
    const listening = syncLedger({
      ...bench.ports.session,
      query: (row, sql, parameters = {}, options) => {
        if (sql.includes('repair_keys')) repairs.set(String(parameters.transfer), String(parameters.texts));
        return bench.ports.session.query(row, sql, parameters, options);
      },
    });
    for (const one of transfers) await listening.repair(run, { plan, transfer: one, upto: '0' }, 1);
  };
  const repair = (id: string): ReturnType<Scene['repair']> => {
    const texts = repairs.get(id);
    if (texts === undefined) throw new Error(`no sync of ${id} is installed`);
    return { sql: 'select stepgate.repair_keys($1, $2, $3, $4, 9223372036854775807, 500, $5)', values: [run.id, run.token, plan.id, id, texts] };
  };
  const clients: Client[] = [];
  const connect = async (): Promise<Client> => {
    const client = await bench.connect();
    clients.push(client);
    return client;
  };
  const worker = await connect();
  return {
    bench,
    plan,
    run,
    transfer,
    connect,
    application: async () => {
      const client = await connect();
      await client.query('set role application');
      return client;
    },
    install: async (side) => {
      await sync.install(run, plan, { phase: PHASE, side });
      await rememberRepairs();
    },
    reset: async (rows) => {
      await bench.sql(`begin; set local stepgate.guard = '*';
delete from actives; delete from customers; delete from people; delete from towns; delete from households; insert into towns values ('B', '53111'), ('K', '50667'); ${rows};
delete from stepgate.sync_journal; delete from stepgate.conflict; delete from stepgate.quarantine; delete from stepgate.transfer; commit`);
    },
    batch: (id, rows, change = (sql) => sql) => {
      const sql = { ...change(copySql(transfer(id), { plan: plan.id })), isLive: false };
      return {
        sql: 'select stepgate.run_batch($1, $2, $3, $4, $5, $6, $7, $8, $9)',
        values: [run.id, run.token, plan.id, PHASE, id, 'up', 0, rows, JSON.stringify(sql)],
      };
    },
    repairAll: async () => {
      for (let idle = 0; idle < ROUNDS; ) {
        const pending = await bench.sql<{ transfer: string }>(
          "select transfer from stepgate.sync_journal where reason <> 'not-carried' group by 1 order by min(id)",
        );
        if (pending.length === 0) return 0;
        let repaired = 0;
        for (const { transfer: id } of pending) {
          const { sql, values } = repair(id);
          const { rows } = await worker.query<{ repair_keys: string }>(sql, [...values]);
          repaired += JSON.parse(rows[0]?.repair_keys ?? '{}').repaired;
        }
        idle = repaired === 0 ? idle + 1 : 0;
      }
      const [left] = await bench.sql<{ entries: number }>("select count(*)::int as entries from stepgate.sync_journal where reason <> 'not-carried'");
      return left?.entries ?? 0;
    },
    repairOnce: async () => (await repairOnce()).repaired,
    repair,
    close: async () => {
      await Promise.all(clients.map((client) => client.end()));
      await bench.close();
    },
  };
}
