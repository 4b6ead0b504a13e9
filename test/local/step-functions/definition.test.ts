import { expect, test } from 'vitest';
import { stateMachine } from '../../../infra/state-machine.asl.ts';
import { definition, machine, task } from './machine-under-test.ts';

const end = { Type: 'Pass', End: true };

test.each([
  { name: 'a state type that is not built', states: { M: { Type: 'Map', End: true } }, says: 'States.M.Type' },
  { name: 'a field that is not built', states: { P: { ...end, ResultPath: '$.x' } }, says: 'ResultPath' },
  { name: 'a resource that is not built', states: { T: task('F', { Resource: 'arn:aws:states:::sns:publish' }) }, says: 'States.T.Resource' },
  { name: 'lambda:invoke without FunctionName', states: { T: task('F', { Arguments: { Payload: 1 } }) }, says: 'FunctionName' },
  { name: 'a dangling Next', states: { P: { Type: 'Pass', Next: 'Gone' } }, says: 'P: there is no state "Gone"' },
  {
    name: 'a dangling Next of a Catch',
    states: { T: task('F', { Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Gone' }] }) },
    says: 'there is no state "Gone"',
  },
  {
    name: 'a dangling Default',
    states: { C: { Type: 'Choice', Choices: [{ Condition: '{% true %}', Next: 'C' }], Default: 'Gone' } },
    says: 'there is no state "Gone"',
  },
  { name: 'neither Next nor End', states: { P: { Type: 'Pass' } }, says: 'P: has neither Next nor End' },
  { name: 'both Next and End', states: { P: { Type: 'Pass', End: true, Next: 'P' } }, says: 'P: has both Next and End' },
  { name: 'a Wait without a time', states: { W: { Type: 'Wait', End: true } }, says: 'W: needs Seconds or Timestamp' },
  { name: 'a bare $', states: { P: { ...end, Output: '{% $ %}' } }, says: 'P/Output' },
  { name: '$$', states: { P: { ...end, Output: '{% $$.a %}' } }, says: 'P/Output' },
  { name: '$eval', states: { P: { ...end, Output: '{% $eval("1") %}' } }, says: '$eval' },
  { name: 'a name at top level', states: { P: { ...end, Output: '{% a.b %}' } }, says: 'P/Output' },
  { name: 'a variable that no state assigns', states: { P: { ...end, Output: '{% $a %}' } }, says: 'reads $a, which no state assigns' },
  {
    name: '$states.result in Arguments',
    states: { T: task('F', { Arguments: { FunctionName: 'F', Payload: '{% $states.result %}' } }) },
    says: 'reads $states.result',
  },
  { name: '$states.errorOutput outside Catch', states: { P: { ...end, Output: '{% $states.errorOutput %}' } }, says: 'reads $states.errorOutput' },
  { name: 'an expression that is not JSONata', states: { P: { ...end, Output: '{% 1 + %}' } }, says: 'P/Output' },
  { name: 'an Assign of $states', states: { P: { ...end, Assign: { states: 1 } } }, says: '$states is reserved' },
  {
    name: 'a condition without braces',
    states: { C: { Type: 'Choice', Choices: [{ Condition: 'true', Next: 'C' }] } },
    says: 'an expression in {% %}',
  },
  {
    name: 'waitForTaskToken without passing the token on',
    states: { T: task('F', { Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken' }) },
    says: 'T: waits for a task token',
  },
])('$name is refused', ({ states, says }) => {
  expect(() => machine(definition(states))).toThrow(says);
});

test('JSONPath is refused', () => {
  expect(() => machine(definition({ P: end }, { QueryLanguage: 'JSONPath' }))).toThrow('QueryLanguage');
});

test('all faults are told together', () => {
  expect(() => machine(definition({ P: { Type: 'Pass', Next: 'Gone', Output: '{% $a %}' } }))).toThrow(/there is no state "Gone"\nP\/Output: .*\$a/);
});

test.each([
  '{% $states.input.items[price > 3].name %}',
  '{% $map($states.input.items, function($v, $i) { $v.price * $i }) %}',
  '{% ($x := 1; $x + 1) %}',
  '{% $states.input.items.($.price * 2) %}',
  '{% $states.input.items^(>price).name %}',
])('%s is accepted', (expression) => {
  expect(() => machine(definition({ P: { ...end, Output: expression } }))).not.toThrow();
});

test('the definition of this project is accepted', () => {
  expect(Object.keys(machine(JSON.stringify(stateMachine)).states)).toContain('LoadPlan');
});
