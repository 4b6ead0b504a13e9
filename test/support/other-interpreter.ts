import jsonata from 'jsonata';

/** What happened, in the order of the states. */
export interface Visit {
  readonly states: readonly string[];
  readonly end: 'Succeed' | 'Fail';
  readonly error: string | null;
  readonly output: unknown;
}

type Json = Readonly<Record<string, unknown>>;
interface StatesFailure {
  readonly Error: string;
  readonly Cause: string;
}

/**
 * A second, small reading of the Amazon States Language, which shares no line with the local engine's: what the definition means must not depend on who reads it.
 *
 * `invoke` gives the payload of a function or a failure; `wait` lets seconds pass.
 */
export async function interpret(
  definition: { readonly StartAt: string; readonly States: Readonly<Record<string, Json>> },
  run: {
    readonly context: Json;
    readonly invoke: (functionName: string, payload: unknown) => Promise<{ readonly payload: unknown } | { readonly failure: StatesFailure }>;
    readonly wait: (seconds: number) => Promise<void>;
  },
): Promise<Visit> {
  let variables: Json = {};
  let input: unknown = {};
  let name = definition.StartAt;
  const states: string[] = [];
  for (;;) {
    const state = definition.States[name] ?? {};
    states.push(name);
    const context = { ...run.context, State: { Name: name, EnteredTime: new Date().toISOString(), RetryCount: 0 } };
    const evaluate = (template: unknown, extra: Json = {}) => fill(template, { ...variables, states: { input, context, ...extra } });
    const assign = async (template: unknown, extra: Json = {}) => {
      variables = { ...variables, ...((await evaluate(template ?? {}, extra)) as Json) };
    };
    switch (state.Type) {
      case 'Pass':
        await assign(state.Assign);
        name = String(state.Next);
        break;
      case 'Wait': {
        await run.wait(Number(await evaluate(state.Seconds)));
        await assign(state.Assign);
        name = String(state.Next);
        break;
      }
      case 'Choice': {
        const rules = state.Choices as readonly Json[];
        const holds = await Promise.all(rules.map((rule) => evaluate(rule.Condition)));
        const chosen = rules[holds.indexOf(true)];
        await assign(chosen === undefined ? state.Assign : chosen.Assign);
        name = String(chosen === undefined ? state.Default : chosen.Next);
        break;
      }
      case 'Task': {
        const call = (await evaluate(state.Arguments)) as { FunctionName: string; Payload: unknown };
        const answer = await run.invoke(call.FunctionName, call.Payload);
        if ('failure' in answer) {
          const [catcher] = state.Catch as readonly Json[];
          await assign(catcher?.Assign, { errorOutput: answer.failure });
          name = String(catcher?.Next);
          break;
        }
        const result = { Payload: answer.payload, StatusCode: 200 };
        const output = await evaluate(state.Output, { result });
        await assign(state.Assign, { result });
        input = output;
        name = String(state.Next);
        break;
      }
      case 'Succeed':
        return { states, end: 'Succeed', error: null, output: await evaluate(state.Output) };
      case 'Fail':
        return { states, end: 'Fail', error: String(await evaluate(state.Error)), output: await evaluate(state.Cause) };
      default:
        throw new Error(`state ${name} is of type ${String(state.Type)}`);
    }
  }
}

async function fill(template: unknown, bindings: Json): Promise<unknown> {
  if (typeof template === 'string') {
    const expression = /^\{%([\s\S]*)%\}$/.exec(template)?.[1];
    return expression === undefined ? template : plain(await jsonata(expression).evaluate({}, bindings));
  }
  if (Array.isArray(template)) {
    return Promise.all(template.map((item) => fill(item, bindings)));
  }
  if (typeof template === 'object' && template !== null) {
    const entries = await Promise.all(Object.entries(template).map(async ([key, value]) => [key, await fill(value, bindings)] as const));
    return Object.fromEntries(entries);
  }
  return template;
}

/** As it would travel between services: JSON. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
