import * as z from 'zod';
import { compileExpression, type Evaluate, expressionText, type StatesMember } from './expressions.ts';

const common = { Comment: z.string().optional(), QueryLanguage: z.literal('JSONata').optional() };
const transition = { Next: z.string().optional(), End: z.literal(true).optional() };
const assign = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,79}$/), z.json());
const shaped = { Output: z.json().optional(), Assign: assign.optional() };
const expression = z.string().refine((text) => expressionText(text) !== undefined, 'an expression in {% %}');
/** AWS's bound on every time in a definition: 99,999,999 s. */
const seconds = z.int().min(1).max(99_999_999);
const errorEquals = z.array(z.string()).min(1);

const Retrier = z.strictObject({
  ErrorEquals: errorEquals,
  IntervalSeconds: seconds.default(1),
  MaxAttempts: z.int().min(0).max(99_999_999).default(3),
  BackoffRate: z.number().min(1).default(2),
  MaxDelaySeconds: z.int().min(1).max(31_622_400).optional(),
  JitterStrategy: z.enum(['FULL', 'NONE']).default('NONE'),
  Comment: z.string().optional(),
});
export type Retrier = z.infer<typeof Retrier>;

const Catcher = z.strictObject({ ErrorEquals: errorEquals, Next: z.string(), Comment: z.string().optional(), ...shaped });
export type Catcher = z.infer<typeof Catcher>;

const Task = z.strictObject({
  Type: z.literal('Task'),
  Resource: z.enum(['arn:aws:states:::lambda:invoke', 'arn:aws:states:::lambda:invoke.waitForTaskToken']),
  Arguments: z.strictObject({ FunctionName: z.string(), Payload: z.json().optional() }),
  TimeoutSeconds: z.union([seconds, expression]).optional(),
  HeartbeatSeconds: z.union([seconds, expression]).optional(),
  Retry: z.array(Retrier).default([]),
  Catch: z.array(Catcher).default([]),
  ...common,
  ...shaped,
  ...transition,
});
export type Task = z.infer<typeof Task>;

const Choice = z.strictObject({
  Type: z.literal('Choice'),
  Choices: z.array(z.strictObject({ Condition: expression, Next: z.string(), Comment: z.string().optional(), ...shaped })).min(1),
  Default: z.string().optional(),
  ...common,
  ...shaped,
});
export type Choice = z.infer<typeof Choice>;

const Wait = z.strictObject({
  Type: z.literal('Wait'),
  Seconds: z.union([z.int().min(0).max(99_999_999), expression]).optional(),
  Timestamp: z.string().optional(),
  ...common,
  ...shaped,
  ...transition,
});
export type Wait = z.infer<typeof Wait>;

const Fail = z.strictObject({ Type: z.literal('Fail'), Error: z.string().optional(), Cause: z.string().optional(), ...common });
export type Fail = z.infer<typeof Fail>;

const State = z.discriminatedUnion('Type', [
  z.strictObject({ Type: z.literal('Pass'), ...common, ...shaped, ...transition }),
  Task,
  Choice,
  Wait,
  z.strictObject({ Type: z.literal('Succeed'), Output: z.json().optional(), ...common }),
  Fail,
]);
export type State = z.infer<typeof State>;

const Definition = z.strictObject({
  Comment: z.string().optional(),
  Version: z.literal('1.0').optional(),
  QueryLanguage: z.literal('JSONata'),
  TimeoutSeconds: seconds.optional(),
  StartAt: z.string(),
  States: z.record(z.string().min(1).max(80), State),
});

/** A definition that this engine can run: every field known, every transition and expression checked. */
export interface Machine {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly definition: string;
  readonly createdAt: Date;
  readonly startAt: string;
  readonly timeoutSeconds: number | undefined;
  readonly states: Readonly<Record<string, State>>;
  /** By the expression's text with its braces. */
  readonly expressions: ReadonlyMap<string, Evaluate>;
}

/**
 * Checks a definition as CreateStateMachine does, and refuses what this engine does not implement.
 *
 * @throws {Error} that lists every fault.
 */
export function compileMachine(machine: Pick<Machine, 'name' | 'arn' | 'roleArn' | 'definition' | 'createdAt'>): Machine {
  const parsed = Definition.safeParse(JSON.parse(machine.definition));
  if (!parsed.success) throw new Error(`the state machine is refused:\n${z.prettifyError(parsed.error)}`);
  const { StartAt, States, TimeoutSeconds } = parsed.data;
  const fields = Object.entries(States).flatMap(([name, state]) => fieldsOf(state).map((field) => ({ ...field, name: `${name}/${field.name}` })));
  const variables = new Set(fields.filter(({ name }) => name.endsWith('Assign')).flatMap(({ value }) => Object.keys(value as object)));
  const faults = [...transitionFaults(StartAt, States), ...(variables.has('states') ? ['$states is reserved and cannot be assigned'] : [])];
  const expressions = new Map<string, Evaluate>();
  for (const field of fields) {
    for (const text of expressionsIn(field.value)) {
      try {
        expressions.set(text, compileExpression(expressionText(text) ?? '', field.members, variables));
      } catch (error) {
        faults.push(`${field.name}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  if (faults.length > 0) throw new Error(`the state machine is refused:\n${faults.join('\n')}`);
  return { ...machine, startAt: StartAt, states: States, timeoutSeconds: TimeoutSeconds, expressions };
}

interface Field {
  readonly name: string;
  readonly value: unknown;
  readonly members: readonly StatesMember[];
}

/** The fields of a state that may hold expressions, with what `$states` has there. */
function fieldsOf(state: State): Field[] {
  const after: StatesMember[] = state.Type === 'Task' ? ['input', 'context', 'result'] : ['input', 'context'];
  const own = ['Arguments', 'Seconds', 'Timestamp', 'TimeoutSeconds', 'HeartbeatSeconds', 'Error', 'Cause', 'Output', 'Assign'].map((name) => ({
    name,
    value: (state as Readonly<Record<string, unknown>>)[name],
    members: name === 'Output' || name === 'Assign' ? after : (['input', 'context'] as const),
  }));
  const nested = [
    ...(state.Type === 'Task' ? state.Catch.map((catcher, index) => ({ at: `Catch[${index}]`, part: catcher, errorOutput: true })) : []),
    ...(state.Type === 'Choice' ? state.Choices.map((rule, index) => ({ at: `Choices[${index}]`, part: rule, errorOutput: false })) : []),
  ].flatMap(({ at, part, errorOutput }) =>
    Object.entries(part)
      .filter(([name]) => name === 'Condition' || name === 'Output' || name === 'Assign')
      .map(
        ([name, value]): Field => ({
          name: `${at}/${name}`,
          value,
          members: errorOutput ? ['input', 'context', 'errorOutput'] : ['input', 'context'],
        }),
      ),
  );
  return [...own, ...nested].filter(({ value }) => value !== undefined);
}

function expressionsIn(value: unknown): string[] {
  if (typeof value === 'string') return expressionText(value) === undefined ? [] : [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(expressionsIn) : [];
}

function transitionFaults(startAt: string, states: Readonly<Record<string, State>>): string[] {
  const dangling = (from: string, to: string) => (Object.hasOwn(states, to) ? [] : [`${from}: there is no state "${to}"`]);
  return [
    ...dangling('StartAt', startAt),
    ...Object.entries(states).flatMap(([name, state]) => [
      ...targetsOf(state).flatMap((to) => dangling(name, to)),
      ...('End' in state || 'Next' in state || ['Choice', 'Succeed', 'Fail'].includes(state.Type) ? [] : [`${name}: has neither Next nor End`]),
      ...('End' in state && 'Next' in state ? [`${name}: has both Next and End`] : []),
      ...(state.Type === 'Wait' && (state.Seconds === undefined) === (state.Timestamp === undefined) ? [`${name}: needs Seconds or Timestamp`] : []),
      ...(state.Type === 'Task' && state.Resource.endsWith('Token') && !JSON.stringify(state.Arguments).includes('$states.context.Task.Token')
        ? [`${name}: waits for a task token that its Arguments do not pass on`]
        : []),
    ]),
  ];
}

function targetsOf(state: State): string[] {
  const next = 'Next' in state && state.Next !== undefined ? [state.Next] : [];
  if (state.Type === 'Task') return [...next, ...state.Catch.map((catcher) => catcher.Next)];
  if (state.Type === 'Choice') return [...state.Choices.map((rule) => rule.Next), ...(state.Default === undefined ? [] : [state.Default])];
  return next;
}
