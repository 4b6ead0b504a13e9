import { readdirSync } from 'node:fs';
import path from 'node:path';
import validator from 'asl-validator';
import { expect, test } from 'vitest';
import { historyEvents } from '../../infra/definition-history.ts';
import { definitionFaults } from '../../infra/definition-rules.ts';
import { ALL_FUNCTIONS, FUNCTIONS, functionFile } from '../../infra/functions.ts';
import { stateMachine } from '../../infra/state-machine.asl.ts';
import { interpret } from '../support/other-interpreter.ts';

test('the definition keeps every rule', () => {
  expect(definitionFaults(stateMachine, FUNCTIONS)).toEqual([]);
});

test('the definition is valid Amazon States Language', () => {
  // The linter's schema takes no empty text, which Step Functions does.
  const filled = JSON.stringify(stateMachine, (_, value) => (value === '' ? '-' : value));
  const deployed = filled.replaceAll(/\$\{(\w+)\}/g, 'arn:aws:lambda:eu-central-1:111122223333:function:$1:1');
  const { errors } = validator(JSON.parse(deployed));
  expect(errors).toEqual([]);
});

test("each function's file is there, and each file is a function", () => {
  const lambdas = path.resolve(import.meta.dirname, '../../lambdas');
  const files = readdirSync(lambdas, { recursive: true, encoding: 'utf8' }).filter((file) => /^(?!middleware)\w+\/.*\.ts$/.test(file));
  const named = (Object.keys(ALL_FUNCTIONS) as (keyof typeof ALL_FUNCTIONS)[]).map((name) => functionFile(name).replace('lambdas/', ''));
  expect(files.toSorted()).toEqual(named.toSorted());
});

test('there are at most 28 functions', () => {
  expect(Object.keys(ALL_FUNCTIONS).length).toBeLessThanOrEqual(28);
});

/** The definition's back-off ends at a poll a minute. */
const POLLS_A_DAY = 24 * 60;

/** A working state works for up to ten minutes. */
const VISITS_A_DAY = 24 * 6;

/** A day's poll of everything that polls or goes round, a hundred phases, and an undo of all of it. */
const DAYS = {
  WaitForLong: POLLS_A_DAY,
  AwaitLong: POLLS_A_DAY,
  IsLongDone: POLLS_A_DAY,
  RunBackfill: VISITS_A_DAY,
  IsBackfillDone: VISITS_A_DAY,
  ...{ AwaitSnapshot: 60, IsSnapshotReady: 60, WaitForSnapshot: 60, NextStep: 100, WhichStep: 100, RunPhase: 100, IsPhaseDone: 100 },
  ...{ DecideRecovery: 100, WhichUndo: 100, UndoPhase: 100, IsUndoDone: 100 },
};

test('a day of index build and a day of copying 10⁹ rows fill less than 18,000 of the 25,000 events', () => {
  expect(historyEvents(stateMachine, DAYS)).toBeLessThan(18_000);
});

test('a restore of eight hours behind them leaves a sixth of the history free', () => {
  const polls = 8 * 60;
  expect(historyEvents(stateMachine, { ...DAYS, RestoreCluster: polls, IsItRestored: polls, WaitForRestore: polls })).toBeLessThan(22_000);
});

/** The definition with functions that fail, but for WriteReport; design.md, "The promise": a cause is one sentence and the report's address. */
async function causeOf(failing: Readonly<Record<string, { readonly Error: string; readonly Cause: string }>>): Promise<unknown> {
  const execution = { Name: 'run', Id: 'arn', StartTime: '2026-11-21T00:00:00.000Z', Input: {} };
  const payloads: Readonly<Record<string, unknown>> = {
    CloseRun: { outcome: 'refused', sentence: 'small is refused: no such plan' },
    WriteReport: { page: 's3://reports/runs/run/report.md' },
    Notify: {},
  };
  const { output } = await interpret(stateMachine as unknown as Parameters<typeof interpret>[0], {
    context: { Execution: execution },
    invoke: async (arn) => {
      const name = /\$\{(\w+)\}/.exec(arn)?.[1] ?? '';
      const failure = failing[name];
      return failure === undefined ? { payload: payloads[name] } : { failure };
    },
    wait: async () => undefined,
  });
  return output;
}

const REFUSED = { Error: 'PlanNotFoundError', Cause: '{"errorMessage":"no such plan"}' };

test('a failed execution’s cause is its sentence and the address of the report', async () => {
  expect(await causeOf({ LoadPlan: REFUSED })).toBe('small is refused: no such plan; report: s3://reports/runs/run/report.md');
  expect(await causeOf({ LoadPlan: REFUSED, WriteReport: { Error: 'X', Cause: '' } })).toBe('small is refused: no such plan');
});

test('what stopped a run is told though it cannot be closed', async () => {
  const cause = await causeOf({ LoadPlan: REFUSED, CloseRun: { Error: 'DatabaseUnreachableError', Cause: '' } });
  expect(cause).toMatch(
    /^the run could not be closed in the ledger; .*\. Before that: PlanNotFoundError \{"errorMessage":"no such plan"\}; report: s3:/,
  );
});
