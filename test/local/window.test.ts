import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeExecutionCommand, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sfnOf } from '../../bin/open-engine.ts';
import { PlanId } from '../../core/ids.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import { describeFault } from '../../core/plan/plan-fault.ts';
import { type Engine, startEngine } from '../../local/engine.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../support/small-plan.ts';

// A plan's window through the whole definition, in the engine's own time.

const folder = mkdtempSync(join(tmpdir(), 'stepgate-window-'));
const PLAN = { ...SMALL_PLAN, 'plan.yaml': (SMALL_PLAN['plan.yaml'] ?? '').replace('phases:', 'window: 5m\nphases:') };

let engine: Engine;
let client: Client;
let sfn: SFNClient;
let digest: string;
beforeAll(async () => {
  const id = PlanId.parse('small');
  const plan = await compilePlan({ id, files: new Map(Object.entries(PLAN)) });
  if (!plan.ok) throw new Error(plan.faults.map(describeFault).join('\n'));
  digest = plan.digest;
  engine = await startEngine({ folder, plans: new Map([[id, plan.json]]), assemblyFolder: join(tmpdir(), 'stepgate-assemblies') });
  client = new Client({ connectionString: engine.psqlUrl });
  await client.connect();
  await client.query(SMALL_SOURCE);
  sfn = sfnOf(engine);
}, 60_000);
afterAll(async () => {
  await client?.end();
  await engine?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A run that was to start so many seconds ago. */
async function startedLate(seconds: number): Promise<{ readonly outcome: string; readonly said: string }> {
  const start = new Date(engine.clock.now().getTime() - seconds * 1_000).toISOString();
  const { executionArn } = await sfn.send(
    new StartExecutionCommand({
      stateMachineArn: engine.stack.stateMachineArn,
      name: `late-${seconds}`,
      input: JSON.stringify({ plan: 'small', mode: 'execute', digest, start }),
    }),
  );
  for (;;) {
    const { status, error, cause = '', output = '{}' } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status === 'SUCCEEDED') return { outcome: JSON.parse(output).outcome, said: JSON.parse(output).sentence };
    if (status !== 'RUNNING') return { outcome: error ?? String(status), said: cause };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a run that a schedule starts too late is refused before anything', async () => {
  const late = await startedLate(700);
  expect(late).toMatchObject({
    outcome: 'refused',
    said: expect.stringMatching(/the run was to start at .* and starts 11 min 4\d s late; schedule it again/),
  });
  expect((await client.query("select to_regnamespace('stepgate')::text as ledger")).rows).toEqual([{ ledger: null }]);
});

test('a run whose window is over before its snapshot is ready is refused or goes back, and leaves nothing', async () => {
  const late = await startedLate(270);
  expect(late).toMatchObject({ outcome: 'rolled-back', said: expect.stringContaining('the window ended at') });
  expect((await client.query("select to_regclass('customers')::text as made")).rows).toEqual([{ made: null }]);
});

test('a run that its window holds is migrated', async () => {
  expect(await startedLate(0)).toMatchObject({ outcome: 'migrated' });
});
