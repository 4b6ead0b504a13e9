import { expect, test } from 'vitest';
import { definition, ended, task, underTest } from './machine-under-test.ts';

const succeed = { Type: 'Succeed' };

test.each([
  { name: 'Pass gives its input on', states: { P: { Type: 'Pass', End: true } }, output: { n: 3 } },
  {
    name: 'Output shapes literals and expressions',
    states: { P: { Type: 'Pass', Output: { a: 'x', b: ['{% $states.input.n + 1 %}'] }, End: true } },
    output: { a: 'x', b: [4] },
  },
  {
    name: 'a variable is read by a later state',
    states: { A: { Type: 'Pass', Assign: { v: '{% $states.input.n * 2 %}' }, Next: 'B' }, B: { Type: 'Pass', Output: '{% $v %}', End: true } },
    output: 6,
  },
  {
    name: 'every expression of a state sees variables as on entry',
    states: {
      A: { Type: 'Pass', Assign: { v: 1, w: 5 }, Next: 'B' },
      B: { Type: 'Pass', Assign: { v: '{% $w %}', w: '{% $v %}' }, Output: '{% $v %}', Next: 'C' },
      C: { Type: 'Succeed', Output: ['{% $states.input %}', '{% $v %}', '{% $w %}'] },
    },
    output: [1, 5, 1],
  },
  {
    name: 'a Choice takes the first rule that is true, with its Assign',
    states: {
      C: {
        Type: 'Choice',
        Choices: [
          { Condition: '{% $states.input.n > 5 %}', Next: 'No' },
          { Condition: '{% $states.input.n > 2 %}', Assign: { way: 'rule' }, Next: 'S' },
        ],
        Assign: { way: 'default' },
        Default: 'No',
      },
      No: { Type: 'Fail' },
      S: { Type: 'Succeed', Output: '{% $way %}' },
    },
    output: 'rule',
  },
  {
    name: 'a Choice without a true rule takes its Default, with its own Assign',
    states: {
      C: { Type: 'Choice', Choices: [{ Condition: '{% false %}', Assign: { way: 'rule' }, Next: 'S' }], Assign: { way: 'default' }, Default: 'S' },
      S: { Type: 'Succeed', Output: '{% $way %}' },
    },
    output: 'default',
  },
  {
    name: 'the context tells execution, state and machine',
    states: {
      P: {
        Type: 'Pass',
        Output:
          '{% [$states.context.Execution.Name, $states.context.Execution.Input.n, $states.context.State.Name, $states.context.StateMachine.Name] %}',
        End: true,
      },
    },
    output: ['run-1', 3, 'P', 'test'],
  },
  {
    name: '$partition, $range, $hash, $parse and $uuid are there',
    states: {
      P: {
        Type: 'Pass',
        Output: {
          p: '{% $partition([1,2,3], 2) %}',
          r: '{% $range(0, 10, 5) %}',
          h: "{% $hash('a', 'MD5') %}",
          j: `{% $parse('{"a":1}').a %}`,
          u: '{% $length($uuid()) %}',
          s: '{% $random(7) = $random(7) %}',
        },
        End: true,
      },
    },
    output: { p: [[1, 2], [3]], r: [0, 5, 10], h: '0cc175b9c0f1b6a831c399e269772661', j: 1, u: 36, s: true },
  },
  {
    name: 'a sequence of one becomes its value and an empty one nothing',
    states: { P: { Type: 'Pass', Output: { one: '{% [1,2,3][$ > 2] %}', none: '{% $count([1,2][$ > 2]) %}' }, End: true } },
    output: { one: 3, none: 0 },
  },
])('$name', async ({ states, output }) => {
  const result = await underTest(definition(states)).run({ n: 3 }, 'run-1');
  expect(result.execution).toMatchObject({ status: 'SUCCEEDED' });
  expect(result.output).toEqual(output);
});

test.each([
  {
    name: 'an expression that gives nothing',
    states: { P: { Type: 'Pass', Output: { r: '{% $states.input.missing %}' }, End: true } },
    cause:
      "An error occurred while executing the state 'P' (entered at the event id #2). The JSONata expression '$states.input.missing' specified for the field 'Output/r' returned nothing (undefined).",
  },
  {
    name: 'a condition that is no boolean',
    states: { C: { Type: 'Choice', Choices: [{ Condition: '{% 1 %}', Next: 'S' }], Default: 'S' }, S: succeed },
    cause:
      "An error occurred while executing the state 'C' (entered at the event id #2). The JSONata expression '1' specified for the field 'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean', but was 'number' for value: 1",
  },
  {
    name: 'an expression that throws',
    states: { P: { Type: 'Pass', Output: "{% 'a' + 1 %}", End: true } },
    cause: expect.stringContaining("specified for the field 'Output' threw an error during evaluation. T2001: "),
  },
])('$name fails with States.QueryEvaluationError and an EvaluationFailed event', async ({ states, cause }) => {
  const { execution, events } = await underTest(definition(states)).run({});
  expect(execution).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError', cause });
  expect(events.map(({ type }) => type).slice(-2)).toEqual(['EvaluationFailed', 'ExecutionFailed']);
});

test('Fail gives its error and cause, which may be expressions', async () => {
  const { execution, events } = await underTest(
    definition({ F: { Type: 'Fail', Error: 'refused', Cause: '{% "because " & $states.input.why %}' } }),
  ).run({ why: 'x' });
  expect(execution).toMatchObject({ status: 'FAILED', error: 'refused', cause: 'because x' });
  expect(events.map(({ type }) => type)).toEqual(['ExecutionStarted', 'FailStateEntered', 'ExecutionFailed']);
});

test('a Choice without a true rule and without Default fails with States.Runtime', async () => {
  const { execution } = await underTest(definition({ C: { Type: 'Choice', Choices: [{ Condition: '{% false %}', Next: 'S' }] }, S: succeed })).run();
  expect(execution).toMatchObject({ error: 'States.Runtime', cause: expect.stringContaining('The state does not point to a next state.') });
});

test('a Task gives the payload, the variables and a history in the words of AWS', async () => {
  const states = {
    T: task('Double', {
      Assign: { d: '{% $states.result.Payload.d %}' },
      Output: '{% $states.result.Payload %}',
      TimeoutSeconds: 60,
      End: undefined,
      Next: 'S',
    }),
    S: { Type: 'Succeed', Output: '{% $d %}' },
  };
  const { output, events } = await underTest(definition(states), {
    functions: { Double: async (input) => ({ d: (input as { n: number }).n * 2 }) },
  }).run({ n: 4 });
  expect(output).toBe(8);
  expect(events.map(({ id, previousEventId, type }) => [id, previousEventId, type])).toEqual([
    [1, 0, 'ExecutionStarted'],
    [2, 0, 'TaskStateEntered'],
    [3, 2, 'TaskScheduled'],
    [4, 3, 'TaskStarted'],
    [5, 4, 'TaskSucceeded'],
    [6, 5, 'TaskStateExited'],
    [7, 6, 'SucceedStateEntered'],
    [8, 7, 'SucceedStateExited'],
    [9, 8, 'ExecutionSucceeded'],
  ]);
  expect(events[2]).toMatchObject({
    taskScheduledEventDetails: {
      resourceType: 'lambda',
      resource: 'invoke',
      region: 'eu-west-1',
      timeoutInSeconds: 60,
      parameters: '{"FunctionName":"Double","Payload":{"n":4}}',
    },
  });
  expect(events[5]).toMatchObject({ stateExitedEventDetails: { name: 'T', output: '{"d":8}', assignedVariables: { d: '8' } } });
});

class BusyError extends Error {
  override readonly name = 'BusyError';
}

const busy = async () => {
  throw new BusyError('locked');
};

test('an error that nobody catches fails the execution with its name and the JSON of the error as cause', async () => {
  const { execution, events } = await underTest(definition({ T: task('F') }), { functions: { F: busy } }).run();
  expect(execution.error).toBe('BusyError');
  expect(JSON.parse(execution.cause ?? '')).toEqual({ errorMessage: 'locked', errorType: 'BusyError', trace: [] });
  expect(events.at(-2)).toMatchObject({
    type: 'TaskFailed',
    taskFailedEventDetails: { error: 'BusyError', resource: 'invoke', resourceType: 'lambda' },
  });
});

test('Catch gives the error as output, and its Assign sees $states.errorOutput', async () => {
  const states = {
    T: task('F', {
      Catch: [
        { ErrorEquals: ['OtherError'], Next: 'No' },
        { ErrorEquals: ['States.ALL'], Assign: { why: '{% $states.errorOutput.Error %}' }, Next: 'S' },
      ],
    }),
    No: { Type: 'Fail' },
    S: { Type: 'Succeed', Output: ['{% $why %}', '{% $states.input.Error %}'] },
  };
  expect((await underTest(definition(states), { functions: { F: busy } }).run()).output).toEqual(['BusyError', 'BusyError']);
});

test.each([
  { errorEquals: ['States.ALL'], error: 'States.DataLimitExceeded', caught: false },
  { errorEquals: ['States.DataLimitExceeded'], error: 'States.DataLimitExceeded', caught: true },
  { errorEquals: ['States.TaskFailed'], error: 'States.Runtime', caught: false },
  { errorEquals: ['States.TaskFailed'], error: 'BusyError', caught: true },
  { errorEquals: ['States.TaskFailed'], error: 'States.Timeout', caught: false },
  { errorEquals: ['States.ALL'], error: 'States.Timeout', caught: true },
])('$errorEquals catches $error: $caught', async ({ errorEquals, error, caught }) => {
  const states = { T: task('F', { Catch: [{ ErrorEquals: errorEquals, Next: 'S' }] }), S: succeed };
  const F = async () => {
    throw Object.assign(new Error('x'), { name: error });
  };
  const { execution } = await underTest(definition(states), { functions: { F } }).run();
  expect(execution.status).toBe(caught ? 'SUCCEEDED' : 'FAILED');
});

test.each([
  {
    name: 'doubles from IntervalSeconds up to MaxDelaySeconds',
    retry: { IntervalSeconds: 2, BackoffRate: 3, MaxDelaySeconds: 10, MaxAttempts: 4 },
    waits: [2, 6, 10, 10],
  },
  { name: 'has AWS defaults: 1 s, doubled, 3 attempts', retry: {}, waits: [1, 2, 4] },
  { name: 'with full jitter takes a random part', retry: { IntervalSeconds: 4, MaxAttempts: 1, JitterStrategy: 'FULL' }, waits: [2] },
  { name: 'with MaxAttempts 0 does nothing', retry: { MaxAttempts: 0 }, waits: [] },
])('a retrier $name', async ({ retry, waits }) => {
  const states = { T: task('F', { Retry: [{ ErrorEquals: ['BusyError'], ...retry }] }) };
  const { execution, events } = await underTest(definition(states), { functions: { F: busy } }).run();
  expect(execution.status).toBe('FAILED');
  const failed = events.filter(({ type }) => type === 'TaskFailed').map(({ timestamp }) => timestamp);
  const scheduled = events.filter(({ type }) => type === 'TaskScheduled').map(({ timestamp }) => timestamp);
  const measured = scheduled.slice(1).map((at, index) => Math.round(at - (failed[index] ?? 0)));
  expect(measured).toEqual(waits);
});

test.each([
  { error: 'DatabaseBusyError', seconds: 1, realMs: { least: 950, most: 1_900 } },
  { error: 'DatabaseUnreachableError', seconds: 600, realMs: { least: 1_950, most: 4_000 } },
  { error: 'StatementFailedError', seconds: 600, realMs: { least: 0, most: 900 } },
])('the pause of $seconds s after $error is $realMs of real time', async ({ error, seconds, realMs }) => {
  const F = async () => {
    throw Object.assign(new Error('x'), { name: error });
  };
  const states = { T: task('F', { Retry: [{ ErrorEquals: ['States.ALL'], IntervalSeconds: seconds, MaxAttempts: 1 }] }) };
  const begin = performance.now();
  const { execution } = await underTest(definition(states), { functions: { F } }).run();
  expect(execution.status).toBe('FAILED');
  expect(performance.now() - begin).toBeGreaterThan(realMs.least);
  expect(performance.now() - begin).toBeLessThan(realMs.most);
  const virtualMs = Date.parse(execution.stoppedAt ?? '') - Date.parse(execution.startedAt);
  expect(Math.round(virtualMs / 1000)).toBe(seconds);
});

test('attempts are one state entry and count up in the context, each retrier by itself', async () => {
  const errors = ['AError', 'BError', 'AError'];
  const seen: unknown[] = [];
  const F = async (payload: unknown) => {
    seen.push(payload);
    const name = errors.shift();
    if (name !== undefined) throw Object.assign(new Error('x'), { name });
    return 'done';
  };
  const states = {
    T: task('F', {
      Arguments: { FunctionName: 'F', Payload: '{% $states.context.State.RetryCount %}' },
      Retry: [
        { ErrorEquals: ['AError'], MaxAttempts: 2 },
        { ErrorEquals: ['BError'], MaxAttempts: 1 },
      ],
    }),
  };
  const { execution, events } = await underTest(definition(states), { functions: { F } }).run();
  expect(execution.status).toBe('SUCCEEDED');
  expect(seen).toEqual([0, 1, 2, 3]);
  expect(events.filter(({ type }) => type === 'TaskStateEntered')).toHaveLength(1);
});

test('a Task that hangs times out in real time, and what the function gives later is dropped', async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const clock = underTest(definition({ T: task('F', { TimeoutSeconds: 1 }) }), { functions: { F: () => promise } });
  const begin = performance.now();
  const { execution, events } = await clock.run();
  expect(performance.now() - begin).toBeGreaterThan(900);
  resolve('late');
  expect(execution).toMatchObject({ status: 'FAILED', error: 'States.Timeout' });
  expect(events.at(-2)).toMatchObject({
    type: 'TaskTimedOut',
    taskTimedOutEventDetails: { error: 'States.Timeout', resource: 'invoke', resourceType: 'lambda' },
  });
});

test('Wait passes virtual time at once: Seconds, Timestamp and an expression', async () => {
  const states = {
    A: { Type: 'Wait', Seconds: 172_800, Next: 'B' },
    B: { Type: 'Wait', Seconds: '{% $states.input.n * 3600 %}', Next: 'C' },
    C: { Type: 'Wait', Timestamp: '{% $fromMillis($toMillis($states.context.State.EnteredTime) + 1000) %}', End: true },
  };
  const begin = performance.now();
  const { execution } = await underTest(definition(states)).run({ n: 2 });
  expect(performance.now() - begin).toBeLessThan(1000);
  const passedMs = Date.parse(execution.stoppedAt ?? '') - Date.parse(execution.startedAt);
  expect(passedMs).toBeGreaterThanOrEqual((172_800 + 7200 + 1) * 1000);
  expect(passedMs).toBeLessThan((172_800 + 7200 + 3) * 1000);
});

test('$now, $millis and the context tell virtual time', async () => {
  const states = {
    A: { Type: 'Wait', Seconds: 86_400, Next: 'B' },
    B: { Type: 'Pass', Output: '{% [$toMillis($now()), $millis(), $toMillis($states.context.State.EnteredTime)] %}', End: true },
  };
  const { output, execution } = await underTest(definition(states)).run();
  for (const millis of output as number[]) expect(millis - Date.parse(execution.startedAt)).toBeGreaterThanOrEqual(86_400_000);
});

test('the machine times out, in the middle of a Wait', async () => {
  const { execution, events } = await underTest(definition({ W: { Type: 'Wait', Seconds: 100, End: true } }, { TimeoutSeconds: 50 })).run();
  expect(execution).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout' });
  expect(Date.parse(execution.stoppedAt ?? '') - Date.parse(execution.startedAt)).toBeLessThan(51_000);
  expect(events.at(-1)?.type).toBe('ExecutionTimedOut');
});

test.each([
  { name: 'an Output', states: { P: { Type: 'Pass', Output: '{% $pad("x", 262144) %}', End: true } } },
  { name: 'an Assign', states: { P: { Type: 'Pass', Assign: { v: '{% $pad("x", 262144) %}' }, End: true } } },
  { name: "a function's answer", states: { T: task('Big', { Catch: [{ ErrorEquals: ['States.ALL'], Next: 'S' }] }), S: succeed } },
])('$name over 256 KiB fails with States.DataLimitExceeded', async ({ states }) => {
  const { execution } = await underTest(definition(states), { functions: { Big: async () => 'x'.repeat(262_144) } }).run();
  expect(execution).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' });
});

test('the history ends at 25,000 events', async () => {
  const { execution, events } = await underTest(definition({ A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Pass', Next: 'A' } })).run();
  expect(execution).toMatchObject({
    status: 'FAILED',
    error: 'States.Runtime',
    cause: 'The execution reached the maximum number of history events (25000).',
  });
  expect(events).toHaveLength(25_000);
});

test('the observer is awaited between two states', async () => {
  const order: string[] = [];
  const states = { A: { Type: 'Pass', Output: 7, Next: 'B' }, B: task('F') };
  const F = async () => void order.push('B runs');
  await underTest(definition(states), {
    functions: { F },
    async onStateExited({ executionName, state, output }) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push(`${executionName} left ${state} with ${JSON.stringify(output)?.slice(0, 20)}`);
    },
  }).run({}, 'run-1');
  expect(order.slice(0, 2)).toEqual(['run-1 left A with 7', 'B runs']);
});

test('a stopped execution is ABORTED at once, and what its function gives later is dropped', async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const { executions, clock } = underTest(definition({ T: task('F') }), { functions: { F: () => promise } });
  const started = executions.start({ name: 'a', input: '{}' });
  if (started === undefined) throw new Error('not started');
  await new Promise((done) => setTimeout(done, 20));
  const stopped = executions.stop(started, 'Because', 'a person');
  resolve('late');
  await ended(executions, started.arn);
  await new Promise((done) => setTimeout(done, 20));
  expect(stopped).toMatchObject({ status: 'ABORTED', error: 'Because', cause: 'a person' });
  expect(executions.history(stopped).at(-1)).toMatchObject({ type: 'ExecutionAborted', executionAbortedEventDetails: { error: 'Because' } });
  clock.stop();
});
