import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeExecutionCommand, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { sfnOf } from '../../bin/open-engine.ts';
import { localArchive } from '../../bin/run-archive.ts';
import { PlanId } from '../../core/ids.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import { describeFault } from '../../core/plan/plan-fault.ts';
import { type Engine, startEngine } from '../../local/engine.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../support/small-plan.ts';

// What stays of a plan, by `onFailure: keep-verified` and by a rollback to a phase, through the whole definition.

const folder = mkdtempSync(join(tmpdir(), 'stepgate-kept-'));
const PLAN = {
  ...SMALL_PLAN,
  'plan.yaml': (SMALL_PLAN['plan.yaml'] ?? '').replace('phases:', 'onFailure: keep-verified\nphases:'),
  '4-owners/verify.sql': '--! check: no-brake, fail, no rows\nselect id from brakes where id = 1;\n',
  'after.sql': '--! check: no-brake-at-the-end, fail, no rows\nselect id from brakes where id = 2;\n',
};
const SOURCE = `${SMALL_SOURCE}\ncreate table brakes (id int primary key);`;

let engine: Engine;
let client: Client;
let sfn: SFNClient;
beforeAll(async () => {
  const id = PlanId.parse('small');
  const plan = await compilePlan({ id, files: new Map(Object.entries(PLAN)) });
  if (!plan.ok) throw new Error(plan.faults.map(describeFault).join('\n'));
  engine = await startEngine({ folder, plans: new Map([[id, plan.json]]), assemblyFolder: join(tmpdir(), 'stepgate-assemblies') });
  client = new Client({ connectionString: engine.psqlUrl });
  await client.connect();
  sfn = sfnOf(engine);
}, 60_000);
afterAll(async () => {
  await client?.end();
  await engine?.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await client.query(`drop schema if exists stepgate cascade; drop schema if exists stepgate_archive cascade; drop schema public cascade;
create schema public; grant usage on schema public to public; ${SOURCE}`);
});

let number = 0;
async function run(input: Readonly<Record<string, string>>): Promise<{ readonly outcome: string; readonly said: string; readonly name: string }> {
  number += 1;
  const name = `kept-${number}`;
  const start = new StartExecutionCommand({
    stateMachineArn: engine.stack.stateMachineArn,
    name,
    input: JSON.stringify({ plan: 'small', ...input }),
  });
  const { executionArn } = await sfn.send(start);
  for (;;) {
    const { status, error, cause = '', output = '{}' } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status === 'SUCCEEDED') return { outcome: JSON.parse(output).outcome, said: JSON.parse(output).sentence, name };
    if (status !== 'RUNNING') return { outcome: error ?? String(status), said: cause, name };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function phases(): Promise<readonly string[]> {
  const { rows } = await client.query<{ phase: string }>('select phase from stepgate.phase where applied_at is not null order by ordinal');
  return rows.map(({ phase }) => phase);
}

const brake = (id: number) => client.query('insert into brakes values ($1)', [id]);
const release = () => client.query('delete from brakes');
const execute = () => run({ mode: 'execute' });

test('a phase that fails goes, those before it stay, and the next execute goes on with it', async () => {
  await brake(1);
  const failed = await execute();
  expect(failed).toMatchObject({
    outcome: 'rolled-back',
    said: expect.stringContaining('small is rolled back to phase indexes, which stays with those before it'),
  });
  expect(await phases()).toEqual(['schema', 'copy', 'indexes']);
  const begun = (await client.query('select begun_at from stepgate.phase order by ordinal')).rows;
  const report = JSON.parse((await localArchive(folder).page(failed.name, 'report.json')) ?? '{}');
  expect(report.outcome).toMatchObject({ outcome: 'rolled-back', exitCode: 3, kept: 'indexes' });
  expect(report.next.map(({ command }: { command: string }) => command)).toEqual(['npx stepgate execute small', 'npx stepgate rollback small']);

  await release();
  expect(await execute()).toMatchObject({ outcome: 'migrated' });
  expect((await client.query('select begun_at from stepgate.phase order by ordinal limit 3')).rows).toEqual(begun);
  expect((await client.query('select count(*)::int as rows from customers')).rows).toEqual([{ rows: 1000 }]);
  expect(await run({ mode: 'rollback' })).toMatchObject({ outcome: 'rolled-back', said: expect.stringContaining('the database is as before') });
});

test('a gate that refuses to go on leaves what an earlier run verified', async () => {
  await brake(1);
  await execute();
  await client.query(
    "insert into people (id, name) select null, 'x' where false; alter table people drop constraint people_pkey cascade; alter table people alter id drop not null; insert into people (name) values ('nobody')",
  );
  expect(await execute()).toMatchObject({
    outcome: 'refused',
    said: expect.stringContaining('phase indexes and those before it stay as an earlier run left them'),
  });
  expect(await phases()).toEqual(['schema', 'copy', 'indexes']);
});

test('what does not hold as a whole is undone whole', async () => {
  await brake(2);
  expect(await execute()).toMatchObject({ outcome: 'rolled-back', said: expect.stringContaining('the database is as before the run') });
  expect(await phases()).toEqual([]);
});

test('a rollback to a phase undoes what came after it, proves nothing that it cannot, and execute goes on from there', async () => {
  expect(await execute()).toMatchObject({ outcome: 'migrated' });
  expect(await run({ mode: 'rollback', to: 'nowhere' })).toMatchObject({
    outcome: 'refused',
    said: expect.stringContaining('its phases are schema, copy, indexes, owners'),
  });
  expect(await run({ mode: 'rollback', to: 'owners' })).toMatchObject({
    outcome: 'refused',
    said: expect.stringContaining('there is nothing to roll back'),
  });
  expect(await run({ mode: 'rollback', to: 'copy' })).toMatchObject({
    outcome: 'rolled-back',
    said: 'small is rolled back to phase copy, which stays with those before it',
  });
  expect(await phases()).toEqual(['schema', 'copy']);
  expect((await client.query("select indexname::text from pg_indexes where tablename = 'customers' order by 1")).rows).toEqual([
    { indexname: 'customers_pkey' },
  ]);
  expect(await execute()).toMatchObject({ outcome: 'migrated', said: expect.stringContaining('every phase done') });
  expect(await phases()).toEqual(['schema', 'copy', 'indexes', 'owners']);
});
