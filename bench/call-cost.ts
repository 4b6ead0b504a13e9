import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecuteStatementCommand } from '@aws-sdk/client-rds-data';
import { rdsDataOf } from '../bin/open-engine.ts';
import { compileMachine } from '../local/step-functions/definition.ts';
import { openExecutions } from '../local/step-functions/executions.ts';
import { virtualClock } from '../local/virtual-clock.ts';
import { figure, median, type Result, ratios, type Size, timeMs } from './figure.ts';
import type { Stage } from './stage.ts';

const CALLS = 200;
const STATES = 100;
const MACHINE_ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Chain';

/** What the local engine itself adds to each call and each state. */
export async function measureCalls(stage: Stage, { rounds }: Pick<Size, 'rounds'>): Promise<Result> {
  const ask = callers(stage);
  await medianMs(ask.face);
  const face: number[] = [];
  const direct: number[] = [];
  const pass: number[] = [];
  const task: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    face.push(await medianMs(ask.face));
    direct.push(await medianMs(ask.direct));
    pass.push(await stateMs('Pass'));
    task.push(await stateMs('Task'));
  }
  const inMicroseconds = (samples: readonly number[]) => samples.map((ms) => ms * 1_000);
  return {
    name: 'calls',
    about: `What the local engine adds: \`select 1\` by ExecuteStatement with the AWS SDK through the Data API face, beside the same by pg on an open \
connection (each the median of ${CALLS} calls); and the interpreter's time per state, in chains of ${STATES} states whose functions answer at once.`,
    figures: [
      figure({ name: 'ExecuteStatement', unit: 'µs' }, inMicroseconds(face)),
      figure({ name: 'pg', unit: 'µs' }, inMicroseconds(direct)),
      figure({ name: 'ExecuteStatement to pg', unit: 'ratio' }, ratios(face, direct)),
      figure({ name: 'interpreter, a Pass state', unit: 'µs' }, inMicroseconds(pass)),
      figure({ name: 'interpreter, a Task state', unit: 'µs' }, inMicroseconds(task)),
    ],
    skipped: [],
  };
}

function callers(stage: Stage) {
  const client = rdsDataOf(stage.engine);
  const { clusterArn, secretArn, database } = stage.engine.stack;
  return {
    face: () => client.send(new ExecuteStatementCommand({ resourceArn: clusterArn, secretArn, database, sql: 'select 1' })),
    direct: () => stage.sql('select 1'),
  };
}

async function medianMs(call: () => Promise<unknown>): Promise<number> {
  const samples: number[] = [];
  for (let done = 0; done < CALLS; done += 1) samples.push(await timeMs(call));
  return median(samples);
}

/** Time per state of a chain of one kind, with an expression each, as the real definition has. */
async function stateMs(kind: 'Pass' | 'Task'): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'stepgate-chain-'));
  const clock = virtualClock();
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const last = `S${STATES - 1}`;
  const executions = openExecutions({
    ...{ folder, clock, region: 'us-east-1' },
    machine: compileMachine({ name: 'Chain', arn: MACHINE_ARN, roleArn: MACHINE_ARN, createdAt: clock.now(), definition: chain(kind) }),
    functions: { invoke: async () => ({ ok: true, payload: '{"step":1}' }) },
    onStateExited: async ({ state }) => {
      if (state === last) resolve();
    },
  });
  try {
    const wholeMs = await timeMs(async () => {
      executions.start({ input: '{"step":0}' });
      await ended;
    });
    return wholeMs / STATES;
  } finally {
    executions.close();
    clock.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function chain(kind: 'Pass' | 'Task'): string {
  const bodies = {
    Pass: { Type: 'Pass', Output: { step: '{% $states.input.step + 1 %}' } },
    Task: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Arguments: { FunctionName: 'Answer', Payload: '{% $states.input %}' },
      Output: '{% $states.result.Payload %}',
    },
  };
  const states = Array.from({ length: STATES }, (_, index) => {
    const next = index === STATES - 1 ? { End: true } : { Next: `S${index + 1}` };
    return [`S${index}`, { ...bodies[kind], ...next }] as const;
  });
  return JSON.stringify({ QueryLanguage: 'JSONata', StartAt: 'S0', States: Object.fromEntries(states) });
}
