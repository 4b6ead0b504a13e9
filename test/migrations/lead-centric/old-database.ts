import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { CompiledPlan } from '../../../core/plan/compiled-plan.ts';
import type { PlanServer } from '../../support/plan-database.ts';
import { runFile, startPlanServer } from '../../support/plan-database.ts';
import { compare, evaluate, migrate, SAME, shippedPlan, transfersOf } from '../../support/plan-run.ts';
import { insertWorkspaces } from './old-rows.ts';

/** A database with the old schema, two workspaces and no contacts; a fresh one for each test. */
export interface OldDatabase {
  readonly db: Client;
  readonly plan: CompiledPlan;
  migrate(): Promise<void>;
  /** Fails unless the target is what the plan's mapping says, and every check passes. */
  expectEverythingThere(): Promise<void>;
}

/** To be called once in a test file; what it returns may be used inside tests only. */
export function oldDatabaseForEachTest(): OldDatabase {
  let server: PlanServer | undefined;
  let plan: CompiledPlan | undefined;
  let db: Client | undefined;
  let databases = 0;

  beforeAll(async () => {
    plan = await shippedPlan('lead-centric');
    server = await startPlanServer();
    await server.createDatabase('old_schema');
    const client = await server.connect('old_schema');
    await runFile(client, 'lead-centric', 'demo/source.sql');
    await insertWorkspaces(client);
    await server.disconnect('old_schema');
  });
  afterAll(() => server?.stop());

  beforeEach(async () => {
    databases += 1;
    const name = `copy_${databases}`;
    await server?.createDatabase(name, 'old_schema');
    db = await server?.connect(name);
    return () => server?.disconnect(name);
  });

  return {
    get db() {
      return made(db);
    },
    get plan() {
      return made(plan);
    },
    migrate: () => migrate(made(db), made(plan)),
    async expectEverythingThere() {
      for (const transfer of transfersOf(made(plan))) expect([transfer.id, await compare(made(db), transfer)]).toEqual([transfer.id, SAME]);
      const results = await evaluate(made(db), made(plan).after);
      expect(results.filter((result) => result.status === 'fail' || result.status === 'warn')).toEqual([]);
    },
  };
}

function made<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the database is made before each test; use it inside one');
  return value;
}
