import { join } from 'node:path';
import type { Client } from 'pg';
import { escapeIdentifier } from 'pg';
import { readPlanFolder } from '../../adapters/plan-folder.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import type { Check, CompiledPlan, Phase, Statement, Transfer } from '../../core/plan/compiled-plan.ts';
import { describeFault } from '../../core/plan/plan-fault.ts';
import { checkResult, EvaluationRow, evaluationSql } from '../../core/run/check-evaluation.ts';
import type { CheckResult } from '../../core/run/journal.ts';

// A plan's SQL run straight on a database, without workflow, ledger or batches: what is tested is the plan.

export async function shippedPlan(id: string): Promise<CompiledPlan> {
  const compiled = await compilePlan(await readPlanFolder(join(import.meta.dirname, '../../migrations', id)));
  if (!compiled.ok) throw new Error(compiled.faults.map(describeFault).join('\n'));
  return compiled.plan;
}

/** Every phase of a run, in order. */
export async function migrate(client: Client, plan: CompiledPlan): Promise<void> {
  for (const phase of plan.phases.filter(({ when }) => when === 'run')) await runPhase(client, phase);
}

/** Every phase's undo, newest first. */
export async function undo(client: Client, plan: CompiledPlan): Promise<void> {
  for (const phase of plan.phases.toReversed()) await undoPhase(client, phase);
}

async function runPhase(client: Client, phase: Phase): Promise<void> {
  if (phase.kind === 'transfer') return copyAll(client, phase.transfers);
  if (phase.kind === 'long') return runStatements(client, phase.up);
  await client.query('begin');
  await runStatements(client, phase.up);
  const failed = (await evaluate(client, phase.verify)).filter((result) => result.status !== 'pass');
  if (failed.length > 0) throw new Error(`phase ${phase.id}: ${failed.map((result) => result.name).join(', ')}`);
  await client.query('commit');
}

async function undoPhase(client: Client, phase: Phase): Promise<void> {
  if (phase.kind === 'transfer') {
    for (const transfer of phase.transfers.toReversed()) await client.query(`delete from ${tableOf(transfer)}`);
  } else {
    await runStatements(client, phase.undo ?? []);
  }
}

async function copyAll(client: Client, transfers: readonly Transfer[]): Promise<void> {
  for (const transfer of transfers) {
    await client.query(`insert into ${tableOf(transfer)} (${transfer.columns.join(', ')}) ${transfer.select}`);
  }
}

async function runStatements(client: Client, statements: readonly Statement[]): Promise<void> {
  for (const { sql } of statements) await client.query(sql);
}

/** Results in the order of the checks, as a run would have them. */
export async function evaluate(client: Client, checks: readonly Check[]): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    const started = performance.now();
    const { rows } = await client.query(evaluationSql(check));
    const durationMs = performance.now() - started;
    results.push(checkResult(check, EvaluationRow.parse(rows[0]), { quality: { numerator: 99, denominator: 100 }, durationMs }));
  }
  return results;
}

/** Rows of the source that the target lacks, rows that only the target has, and rows that differ in a column. */
export interface Difference {
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
}

/** Every row and column of a transfer, source against target, by binary value, both ways. */
export async function compare(client: Client, transfer: Transfer): Promise<Difference> {
  const key = transfer.keys[0].target;
  const values = (side: string): string => `row(${transfer.columns.map((column) => `${side}.${column}`).join(', ')})::record`;
  const { rows } = await client.query<Difference>(`
    select
      count(*) filter (where t.${key} is null)::integer as missing,
      count(*) filter (where s.${key} is null)::integer as extra,
      count(*) filter (where s.${key} = t.${key} and ${values('s')} *<> ${values('t')})::integer as different
    from (${transfer.select}) s
    full join ${tableOf(transfer)} t on t.${key} = s.${key}`);
  const [difference] = rows;
  if (difference === undefined) throw new Error('a count gave no row');
  return difference;
}

export const SAME: Difference = { missing: 0, extra: 0, different: 0 };

export function transfersOf(plan: CompiledPlan): readonly Transfer[] {
  return plan.phases.flatMap((phase) => (phase.kind === 'transfer' ? phase.transfers : []));
}

function tableOf({ into }: Transfer): string {
  return `${escapeIdentifier(into.schema)}.${escapeIdentifier(into.name)}`;
}
