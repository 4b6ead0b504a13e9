import type { ErrorName } from '../core/errors.ts';
import { FUNCTIONS, type FunctionName } from './functions.ts';
import { RETRIES } from './retries.ts';

/** A JSONata expression in its braces: `{% … %}`. */
export type Expression = `{% ${string} %}`;

/** What a state may be given: literals, expressions, and objects of them. */
export type Template = string | number | boolean | null | { readonly [key: string]: Template };

/** Errors that Step Functions and Lambda raise by themselves (Step Functions, error handling). */
type PlatformError =
  | 'States.ALL'
  | 'States.Timeout'
  | 'Sandbox.Timedout'
  | 'Lambda.Unknown'
  | 'Lambda.ServiceException'
  | 'Lambda.AWSLambdaException'
  | 'Lambda.SdkClientException'
  | 'Lambda.ClientExecutionTimeoutException'
  | 'Lambda.TooManyRequestsException';

export interface Retrier {
  readonly ErrorEquals: readonly (ErrorName | PlatformError)[];
  readonly IntervalSeconds: number;
  readonly MaxAttempts: number;
  readonly BackoffRate: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: 'FULL' | 'NONE';
}

export interface Catcher<Next extends string> {
  readonly ErrorEquals: readonly (ErrorName | PlatformError)[];
  readonly Assign: Readonly<Record<string, Template>>;
  readonly Next: Next;
}

export interface PassState<Next extends string> {
  readonly Type: 'Pass';
  readonly Assign?: Readonly<Record<string, Template>>;
  readonly Output?: Template;
  readonly Next: Next;
}

export interface TaskState<Next extends string> {
  readonly Type: 'Task';
  readonly Resource: 'arn:aws:states:::lambda:invoke';
  readonly Arguments: { readonly FunctionName: string; readonly Payload: Readonly<Record<string, Template>> };
  readonly TimeoutSeconds: number;
  readonly Assign?: Readonly<Record<string, Template>>;
  readonly Output: Expression;
  readonly Retry: readonly Retrier[];
  readonly Catch: readonly Catcher<Next>[];
  readonly Next: Next;
}

export interface ChoiceState<Next extends string> {
  readonly Type: 'Choice';
  readonly Choices: readonly { readonly Condition: Expression; readonly Assign?: Readonly<Record<string, Template>>; readonly Next: Next }[];
  readonly Assign?: Readonly<Record<string, Template>>;
  readonly Default: Next;
}

export interface WaitState<Next extends string> {
  readonly Type: 'Wait';
  readonly Seconds: number | Expression;
  readonly Assign?: Readonly<Record<string, Template>>;
  readonly Next: Next;
}

export interface SucceedState {
  readonly Type: 'Succeed';
  readonly Output?: Template;
}

export interface FailState {
  readonly Type: 'Fail';
  readonly Error: string;
  readonly Cause: Expression;
}

export type State<Next extends string> = PassState<Next> | TaskState<Next> | ChoiceState<Next> | WaitState<Next> | SucceedState | FailState;

export interface Machine<Name extends string = string> {
  readonly Comment: string;
  readonly QueryLanguage: 'JSONata';
  readonly TimeoutSeconds: number;
  readonly StartAt: Name;
  readonly States: Readonly<Record<Name, State<Name>>>;
}

/** A definition in which a transition to a state that does not exist does not compile. */
export function machine<Name extends string>(definition: {
  readonly Comment: string;
  readonly TimeoutSeconds: number;
  readonly StartAt: NoInfer<Name>;
  readonly States: Readonly<Record<Name, State<NoInfer<Name>>>>;
}): Machine<Name> {
  return { QueryLanguage: 'JSONata', ...definition };
}

/** 60 s more than the Lambda's own limit, so that a function always ends before its Task gives up on it. */
const TASK_MARGIN_SECONDS = 60;

/** What every function is told: whose run this is, and what time it is. */
const ENVELOPE = {
  run: '{% {"id": $runId, "executionArn": $executionArn, "startedAt": $startedAt, "plan": $plan, "digest": $digest, "mode": $mode, "token": $token} %}',
  now: '{% $states.context.State.EnteredTime %}',
  deadline: '{% $deadline %}',
} as const;

/**
 * A Task that invokes the function of its name with the run's envelope.
 *
 * `${Name}` stands for the function's versioned ARN until it is deployed.
 */
export function task<const Next extends string>(
  functionName: FunctionName,
  options: {
    readonly payload?: Readonly<Record<string, Template>>;
    readonly assign?: Readonly<Record<string, Template>>;
    readonly catch: readonly Catcher<Next>[];
    readonly next: Next;
  },
): TaskState<Next> {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Arguments: { FunctionName: `\${${functionName}}`, Payload: { ...ENVELOPE, ...options.payload } },
    TimeoutSeconds: FUNCTIONS[functionName].timeoutSeconds + TASK_MARGIN_SECONDS,
    ...(options.assign === undefined ? {} : { Assign: options.assign }),
    Output: '{% $states.result.Payload %}',
    Retry: RETRIES,
    Catch: options.catch,
    Next: options.next,
  };
}
