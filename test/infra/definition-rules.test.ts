import { expect, test } from 'vitest';
import type { Definition, DefinitionState } from '../../infra/definition-graph.ts';
import { definitionFaults } from '../../infra/definition-rules.ts';

const FUNCTIONS = { Load: { timeoutSeconds: 60 }, Check: { timeoutSeconds: 60 } };

function invoke(name: string, rest: Partial<DefinitionState> = {}): DefinitionState {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Arguments: { FunctionName: `\${${name}}`, Payload: { plan: '{% $plan %}' } },
    TimeoutSeconds: 120,
    ...rest,
  };
}

/** Begin → Load → Check → Decide → Done | Failed; each test spoils one thing. */
function definition(states: Readonly<Record<string, DefinitionState>> = {}, machine: Partial<Definition> = {}): Definition {
  return {
    StartAt: 'Begin',
    TimeoutSeconds: 3600,
    ...machine,
    States: {
      Begin: { Type: 'Pass', Assign: { plan: '{% $states.input.plan %}', polls: 0, failure: null }, Next: 'Load' },
      Load: invoke('Load', { Assign: { plan: '{% $states.result.Payload.plan %}' }, Next: 'Check' }),
      Check: invoke('Check', {
        Output: '{% $states.result.Payload %}',
        Next: 'Decide',
        Catch: [{ Assign: { failure: '{% $states.errorOutput %}' }, Next: 'Failed' }],
      }),
      Decide: { Type: 'Choice', Choices: [{ ...{ Condition: '{% $polls > 3 %}' }, Next: 'Done' }], Default: 'Pause' },
      Pause: { Type: 'Wait', ...{ Seconds: '{% $min([60, 5 * $power(2, $polls)]) %}' }, Assign: { polls: '{% $polls + 1 %}' }, Next: 'Load' },
      Done: { Type: 'Succeed', Output: { plan: '{% $plan %}' } },
      Failed: { Type: 'Fail', ...{ Cause: '{% $failure.Cause %}' } },
      ...states,
    },
  };
}

test('a definition that keeps every rule has no fault', () => {
  expect(definitionFaults(definition(), FUNCTIONS)).toEqual([]);
});

const succeed = { Type: 'Succeed' } as const;
const done = (output: string): Definition => definition({ Done: { ...succeed, Output: output } });

test.each([
  { name: 'a variable that no state sets', wrong: done('{% $token %}'), fault: 'reads $token, which no state sets' },
  {
    name: 'a variable that is not set on every way',
    wrong: definition({
      Check: invoke('Check', { Assign: { rows: 1 }, Next: 'Decide', Catch: [{ Next: 'Done' }] }),
      Done: { ...succeed, Output: '{% $rows %}' },
      Decide: { Type: 'Choice', Choices: [{ ...{ Condition: '{% $polls > 3 and $failure = null %}' }, Next: 'Done' }], Default: 'Failed' },
    }),
    fault: 'reads $rows, which is not set on every way here',
  },
  {
    name: "a variable of a catcher's own state, which a caught error leaves unset",
    wrong: definition({
      Load: invoke('Load', { Assign: { token: 1 }, Next: 'Check', Catch: [{ Next: 'Failed' }] }),
      Failed: { Type: 'Fail', ...{ Cause: '{% $token %}' } },
    }),
    fault: 'Failed: other {% $token %} reads $token, which is not set on every way here',
  },
  {
    name: 'a result in Arguments',
    wrong: definition({
      Load: invoke('Load', { Arguments: { FunctionName: '${Load}', Payload: { deep: [{ a: '{% $states.result.x %}' }] } }, Next: 'Check' }),
    }),
    fault: 'Load: Arguments {% $states.result.x %} reads $states.result before there is a result',
  },
  { name: 'a result in a state that has none', wrong: done('{% $states.result %}'), fault: 'reads $states.result before there is a result' },
  { name: 'an error outside a catcher', wrong: done('{% $states.errorOutput %}'), fault: 'reads $states.errorOutput, which only a Catch has' },
  { name: 'a part of $states that does not exist', wrong: done('{% $states.inptu %}'), fault: 'reads $states.inptu, which does not exist' },
  { name: 'a bare $', wrong: done('{% $ %}'), fault: 'uses a bare $;' },
  { name: 'a bare $ inside a function body', wrong: done('{% $map([1], function($v) { $ }) %}'), fault: 'uses a bare $;' },
  { name: 'a bare $$', wrong: done('{% $$.plan %}'), fault: 'uses a bare $$' },
  { name: 'an unqualified name', wrong: done('{% plan.id %}'), fault: 'begins with the unqualified name "plan"' },
  { name: '$eval', wrong: done("{% $eval('1') %}"), fault: 'uses $eval' },
  { name: 'an expression that does not parse', wrong: done('{% $plan. %}'), fault: 'does not parse' },
  {
    name: 'an Output that reads what the same state sets',
    wrong: definition({ Load: invoke('Load', { Assign: { plan: 1 }, Output: '{% $plan %}', Next: 'Check' }) }),
    fault: 'Load: Output {% $plan %} reads $plan, which the same state sets',
  },
  {
    name: 'an Assign that reads what it sets beside',
    wrong: definition({ Load: invoke('Load', { Assign: { plan: 1, polls: '{% $plan %}' }, Next: 'Check' }) }),
    fault: 'Load: Assign {% $plan %} reads $plan, which the same state sets',
  },
  {
    name: 'a choice whose Output reads what the choice sets',
    wrong: definition({
      Decide: {
        Type: 'Choice',
        Choices: [{ ...{ Condition: '{% true %}' }, Assign: { polls: 1 }, Output: '{% $polls %}', Next: 'Done' }],
        Default: 'Pause',
      },
    }),
    fault: 'Decide: Output {% $polls %} reads $polls, which the same state sets',
  },
  {
    name: 'a wait for a token that nobody gets',
    wrong: definition({ Load: invoke('Load', { Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken', Next: 'Check' }) }),
    fault: 'Load: waits for a task token that it hands to nobody',
  },
  {
    name: 'an invocation of nothing',
    wrong: definition({ Load: invoke('Load', { Arguments: { Payload: {} }, Next: 'Check' }) }),
    fault: 'Load: lambda:invoke without FunctionName',
  },
  {
    name: "an invocation of another state's function",
    wrong: definition({ Load: invoke('Check', { Next: 'Check' }) }),
    fault: 'Load: invokes ${Check} instead of the function of its name, ${Load}',
  },
  {
    name: 'a Task without an end',
    wrong: definition({ Load: { ...invoke('Load', { Next: 'Check' }), TimeoutSeconds: undefined } }),
    fault: 'Load: has no TimeoutSeconds',
  },
  {
    name: 'a function that may outlive its Task',
    wrong: definition({ Load: invoke('Load', { TimeoutSeconds: 90, Next: 'Check' }) }),
    fault: 'Load: its function may run 60 s, the Task ends at 90 s',
  },
  { name: 'a machine without an end', wrong: { ...definition(), TimeoutSeconds: undefined }, fault: 'the machine has no TimeoutSeconds' },
  { name: 'a state that nothing leads to', wrong: definition({ Alone: succeed }), fault: 'Alone: no way leads here' },
  { name: 'a way to nowhere', wrong: definition({ Load: invoke('Load', { Next: 'Chekc' }) }), fault: 'Load: leads to "Chekc", which is no state' },
  {
    name: 'a catcher that leads to nowhere',
    wrong: definition({ Load: invoke('Load', { Next: 'Check', Catch: [{ Next: 'Lost' }] }) }),
    fault: 'Load: leads to "Lost", which is no state',
  },
  { name: 'a start that is no state', wrong: definition({}, { StartAt: 'Bgin' }), fault: 'StartAt names "Bgin", which is no state' },
  { name: 'a state that neither leads on nor ends', wrong: definition({ Load: invoke('Load') }), fault: 'Load: has neither Next nor End' },
  {
    name: 'a state that both leads on and ends',
    wrong: definition({ Load: invoke('Load', { Next: 'Check', End: true }) }),
    fault: 'Load: has both an end and a Next',
  },
  {
    name: 'a Task whose name is no function',
    wrong: definition({ Load: invoke('Load', { Next: 'Other' }), Other: invoke('Other', { Next: 'Check' }) }),
    fault: 'Other: no function has this name',
  },
] as { name: string; wrong: Definition; fault: string }[])('$name is found', ({ wrong, fault }) => {
  expect(definitionFaults(wrong, FUNCTIONS).join('\n')).toContain(fault);
});

test('a function that no state uses is found', () => {
  expect(definitionFaults(definition(), { ...FUNCTIONS, Spare: { timeoutSeconds: 1 } })).toEqual(['function Spare is used by no state']);
});

test.each(['LoadBefore', 'LoadAfter', 'LoadSource', 'LoadTarget'])('%s is a second use of Load', (name) => {
  const twice = definition({ Load: invoke('Load', { Next: name }), [name]: invoke('Load', { Next: 'Check' }) });
  expect(definitionFaults(twice, FUNCTIONS)).toEqual([]);
});

test('a Task that waits for a token may outlive its function, and hands the token on', () => {
  const waiting = invoke('Load', {
    Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
    Arguments: { FunctionName: '${Load}', Payload: { token: '{% $states.context.Task.Token %}' } },
    TimeoutSeconds: 60,
    Next: 'Check',
  });
  expect(definitionFaults(definition({ Load: waiting }), FUNCTIONS)).toEqual([]);
});

test.each([
  '{% ($n := 1; $f := function($x) { $x = 0 ? 0 : $f($x - 1) + $n }; $f(3)) %}',
  '{% $plan[name = "a" and $ != null].id %}',
  '{% $map([1..3], function($v, $i) { $v + $i }) ~> $sum %}',
  '{% $plan.rows@$r.phases#$i.{ "row": $r.id, "at": $i, "own": name } %}',
  '{% $plan.rows{ id: $sum(size) } %}',
  '{% $plan.rows^(>size) %}',
  '{% $uuid() & $partition([1], 2) & $string($parse("1")) %}',
])('%s reads nothing but $plan', (expression) => {
  expect(definitionFaults(done(expression), FUNCTIONS)).toEqual([]);
});
