import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DescribeExecutionCommand, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { Client } from 'pg';
import { sfnOf } from '../../bin/open-engine.ts';
import { PlanId } from '../../core/ids.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import { describeFault } from '../../core/plan/plan-fault.ts';
import { startEngine } from '../../local/engine.ts';
import { type Call, type Fault, faultDesk } from '../../local/faults/fault-desk.ts';

export type Mode = 'execute' | 'rollback' | 'verify';

/** How an execution ended, as Step Functions tells it: `refused`, `rolled-back`, `halted`, or nothing where it succeeded. */
export interface Ended {
  readonly error: string | null;
  readonly cause: string;
  readonly calls: readonly Call[];
  readonly met: number;
}

/** An engine with a plan, whose database can be put back, and looked at past everything that is under test. */
export interface Site {
  run(mode: Mode, faults: readonly Fault[]): Promise<Ended>;
  /** The source as it was before any run, no ledger, nobody at work. */
  reset(): Promise<void>;
  /** Tables, their columns, constraints, indexes, policies and rows outside the ledger, as one text each. */
  look(): Promise<Readonly<Record<string, string>>>;
  /** What a run that ended has no right to leave behind. */
  leftOver(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Longer than any run takes, and shorter than a person waits. */
const PATIENCE_MS = 120_000;
const LOOK_MS = 5;

export async function openSite(options: {
  readonly plan: Readonly<Record<string, string>>;
  readonly source: string;
  readonly assemblyFolder: string;
}): Promise<Site> {
  const root = await mkdtemp(join(tmpdir(), 'stepgate-faults-'));
  const id = PlanId.parse('small');
  const compiled = await compilePlan({ id, files: new Map(Object.entries(options.plan)) });
  if (!compiled.ok) throw new Error(compiled.faults.map(describeFault).join('\n'));
  const desk = faultDesk();
  const engine = await startEngine({
    folder: join(root, 'engine'),
    assemblyFolder: options.assemblyFolder,
    plans: new Map([[id, compiled.json]]),
    faults: desk,
    // A function that is killed leaves its transaction open; three minutes of it would pass for each case.
    limits: { idleTransactionMs: 500 },
  });
  const client = new Client({ connectionString: engine.psqlUrl });
  await client.connect();
  const sfn = sfnOf(engine);
  return {
    async run(mode, faults) {
      desk.plan(faults);
      const input = JSON.stringify({ plan: id, mode, ...(mode === 'execute' ? { digest: compiled.digest } : {}) });
      const { executionArn } = await sfn.send(
        new StartExecutionCommand({ stateMachineArn: engine.stack.stateMachineArn, name: `faults-${randomUUID()}`, input }),
      );
      for (const begun = performance.now(); performance.now() - begun < PATIENCE_MS; ) {
        const { status, error = null, cause = '' } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
        if (status !== 'RUNNING')
          return { error: status === 'SUCCEEDED' ? null : (error ?? status ?? ''), cause, calls: desk.calls(), met: desk.met() };
        await delay(LOOK_MS);
      }
      return { error: 'never ended', cause: executionArn ?? '', calls: desk.calls(), met: desk.met() };
    },
    async reset() {
      await client.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'stepgate/%'`);
      await client.query(`drop schema if exists stepgate cascade; drop schema if exists stepgate_archive cascade; drop schema public cascade;
create schema public; grant usage on schema public to public; ${options.source}`);
    },
    look: () => look(client),
    async leftOver() {
      const { rows } = await client.query<{ what: string }>(LEFT_OVER);
      return rows.map(({ what }) => what);
    },
    async close() {
      await client.end();
      await engine.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function look(client: Client): Promise<Readonly<Record<string, string>>> {
  const { rows } = await client.query<{ name: string; shape: string }>(SHAPES);
  const found: Record<string, string> = {};
  for (const { name, shape } of rows) {
    const { rows: digests } = await client.query<{ digest: string }>(
      `select count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' order by t::text collate "C")), '') as digest from ${name} as t`,
    );
    found[name] = `${shape}\n${digests[0]?.digest}`;
  }
  return found;
}

/** From PostgreSQL's own words, and nothing of the product's. */
const SHAPES = `select c.oid::regclass::text as name, concat_ws(E'\\n',
(select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)), ', ' order by a.attnum)
  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
(select string_agg(pg_get_constraintdef(k.oid), ', ' order by k.conname) from pg_constraint k where k.conrelid = c.oid),
(select string_agg(pg_get_indexdef(i.indexrelid) || ' ' || i.indisvalid, ', ' order by i.indexrelid::regclass::text) from pg_index i where i.indrelid = c.oid),
(select string_agg(concat_ws(' ', p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid)), ', ' order by p.polname) from pg_policy p where p.polrelid = c.oid),
(select string_agg(pg_get_triggerdef(t.oid), ', ' order by t.tgname) from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal),
c.relrowsecurity) as shape
from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm') order by 1`;

const LEFT_OVER = `select 'a backend at work: ' || left(query, 60) as what from pg_stat_activity where application_name like 'stepgate/%' and state <> 'idle'
union all select 'a trigger: ' || tgname from pg_trigger where tgname like 'stepgate%' and not tgisinternal
union all select 'an invalid index: ' || indexrelid::regclass from pg_index where not indisvalid
union all select 'a lock that is held: ' || run_id from stepgate.lock where run_id is not null`;
