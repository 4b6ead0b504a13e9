import { expressionNames } from './definition-expressions.ts';
import { type Definition, type DefinitionState, edges, reachable, type Transition, variablesAtEntry } from './definition-graph.ts';

/** What a rule must know of the functions. */
export type KnownFunctions = Readonly<Record<string, { readonly timeoutSeconds: number }>>;

/** A function that runs to its own limit still answers before its Task gives up on it. */
const TASK_MARGIN_SECONDS = 30;

/** A second use of one function adds one of these to its name. */
const SECOND_USE = /(Before|After|Source|Target)$/;

/**
 * Finds what no linter of Amazon States Language finds, and what only this project demands; an empty list is a good definition.
 *
 * Sources: Step Functions Developer Guide, "Transforming data with JSONata" and "Passing data with variables".
 */
export function definitionFaults(definition: Definition, functions: KnownFunctions): readonly string[] {
  return [
    ...(definition.TimeoutSeconds === undefined ? ['the machine has no TimeoutSeconds, so a run could wait for a year; set it'] : []),
    ...graphFaults(definition),
    ...useFaults(definition, functions),
    ...Object.entries(definition.States).flatMap(([name, state]) => (state.Type === 'Task' ? taskFaults(name, state, functions) : [])),
    ...dataFaults(definition),
  ];
}

function graphFaults(definition: Definition): readonly string[] {
  const { States, StartAt } = definition;
  const reached = reachable(definition);
  return [
    ...(StartAt in States ? [] : [`StartAt names "${StartAt}", which is no state`]),
    ...edges(definition).flatMap(({ from, to }) => (to in States ? [] : [`${from}: leads to "${to}", which is no state`])),
    ...Object.entries(States).flatMap(([name, state]) => {
      const ends = ['Succeed', 'Fail'].includes(state.Type) || state.End === true;
      const leads = state.Next !== undefined || state.Type === 'Choice';
      return [
        ...(reached.has(name) ? [] : [`${name}: no way leads here`]),
        ...(ends === leads ? [`${name}: has ${ends ? 'both an end and a Next' : 'neither Next nor End'}`] : []),
      ];
    }),
  ];
}

function useFaults({ States }: Definition, functions: KnownFunctions): readonly string[] {
  const used = new Set(Object.entries(States).flatMap(([name, { Type }]) => (Type === 'Task' ? [functionOf(name, functions)] : [])));
  return Object.keys(functions).flatMap((name) => (used.has(name) ? [] : [`function ${name} is used by no state`]));
}

function functionOf(state: string, functions: KnownFunctions): string {
  return state in functions ? state : state.replace(SECOND_USE, '');
}

function taskFaults(name: string, state: DefinitionState, functions: KnownFunctions): readonly string[] {
  const function_ = functionOf(name, functions);
  const known = functions[function_];
  const { Resource = '', TimeoutSeconds: timeout } = state;
  const invokes = Resource.includes(':lambda:invoke');
  const target = asRecord(state.Arguments).FunctionName;
  const awaitsToken = Resource.endsWith('.waitForTaskToken');
  return [
    ...(known === undefined ? [`${name}: no function has this name; a second use of one adds Before, After, Source or Target`] : []),
    ...(invokes && target === undefined ? [`${name}: lambda:invoke without FunctionName`] : []),
    ...(target !== undefined && known !== undefined && target !== `\${${function_}}`
      ? [`${name}: invokes ${target} instead of the function of its name, \${${function_}}`]
      : []),
    ...(awaitsToken && !sites(state).some(({ field, names }) => field === 'Arguments' && names.states.has('context.Task.Token'))
      ? [`${name}: waits for a task token that it hands to nobody; put $states.context.Task.Token into Arguments`]
      : []),
    ...(typeof timeout !== 'number' ? [`${name}: has no TimeoutSeconds, so a lost answer would hold the run for a year`] : []),
    ...(typeof timeout === 'number' && !awaitsToken && known !== undefined && known.timeoutSeconds >= timeout - TASK_MARGIN_SECONDS
      ? [`${name}: its function may run ${known.timeoutSeconds} s, the Task ends at ${timeout} s; leave over ${TASK_MARGIN_SECONDS} s between`]
      : []),
  ];
}

/** One expression, and what may be read where it stands. */
interface Site {
  readonly field: 'Arguments' | 'Output' | 'Assign' | 'other';
  readonly expression: string;
  readonly names: ReturnType<typeof expressionNames>;
  readonly mayReadResult: boolean;
  readonly mayReadError: boolean;
  /** Variables that are set beside it, and so still have their former value in it. */
  readonly setBeside: readonly string[];
}

function dataFaults(definition: Definition): readonly string[] {
  const known = variablesAtEntry(definition);
  const ever = new Set(edges(definition).flatMap(({ sets }) => sets));
  return Object.entries(definition.States).flatMap(([name, state]) =>
    sites(state).flatMap((site) => [
      ...site.names.faults.map((fault) => `${name}: ${site.field} ${site.expression} ${fault}`),
      ...[...site.names.variables]
        .flatMap((variable) => variableFaults(variable, site, { ever, set: known.get(name) ?? new Set() }))
        .map((fault) => `${name}: ${fault}`),
      ...statesFaults(site).map((fault) => `${name}: ${fault}`),
    ]),
  );
}

function variableFaults(
  variable: string,
  { field, expression, setBeside }: Site,
  { ever, set }: { readonly ever: ReadonlySet<string>; readonly set: ReadonlySet<string> },
): readonly string[] {
  if (!ever.has(variable)) {
    return [`${field} ${expression} reads $${variable}, which no state sets`];
  }
  return [
    ...(set.has(variable) ? [] : [`${field} ${expression} reads $${variable}, which is not set on every way here; set it in the first state`]),
    ...(setBeside.includes(variable) ? [`${field} ${expression} reads $${variable}, which the same state sets: it would get the former value`] : []),
  ];
}

function statesFaults({ field, expression, names, mayReadResult, mayReadError }: Site): readonly string[] {
  const roots = new Set([...names.states].map((path) => path.split('.')[0] ?? ''));
  return [
    ...(roots.has('result') && !mayReadResult ? [`${field} ${expression} reads $states.result before there is a result`] : []),
    ...(roots.has('errorOutput') && !mayReadError ? [`${field} ${expression} reads $states.errorOutput, which only a Catch has`] : []),
    ...[...roots]
      .filter((root) => !['input', 'context', 'result', 'errorOutput'].includes(root))
      .map((root) => `${field} ${expression} reads $states.${root}, which does not exist`),
  ];
}

function sites(state: DefinitionState): readonly Site[] {
  const { Assign, Output, Choices = [], Catch = [], Arguments, ...rest } = state;
  const hasResult = ['Task', 'Parallel', 'Map'].includes(state.Type);
  const nothing = { mayReadResult: false, mayReadError: false };
  const choices = Choices.flatMap(({ Assign: assign, Output: output, ...condition }) => [
    ...sitesIn(condition, 'other', nothing),
    ...transitionSites({ ...(assign && { Assign: assign }), Output: output }, nothing),
  ]);
  return [
    ...sitesIn(Arguments, 'Arguments', nothing),
    ...sitesIn(rest, 'other', nothing),
    ...transitionSites({ ...(Assign && { Assign }), Output }, { mayReadResult: hasResult, mayReadError: false }),
    ...choices,
    ...Catch.flatMap((catcher) => transitionSites(catcher, { mayReadResult: false, mayReadError: true })),
  ];
}

type Readable = Pick<Site, 'mayReadResult' | 'mayReadError'>;

/** A variable may be set from its own former value, as a counter is. */
function transitionSites({ Assign = {}, Output }: Transition, readable: Readable): readonly Site[] {
  const names = Object.keys(Assign);
  return [
    ...sitesIn(Output, 'Output', readable, names),
    ...Object.entries(Assign).flatMap(([name, value]) =>
      sitesIn(
        value,
        'Assign',
        readable,
        names.filter((other) => other !== name),
      ),
    ),
  ];
}

function sitesIn(value: unknown, field: Site['field'], readable: Readable, setBeside: readonly string[] = []): readonly Site[] {
  if (typeof value === 'string') {
    const inner = /^\{%([\s\S]*)%\}$/.exec(value)?.[1];
    return inner === undefined ? [] : [{ field, expression: value, names: expressionNames(inner), setBeside, ...readable }];
  }
  return Object.values(asRecord(value)).flatMap((item) => sitesIn(item, field, readable, setBeside));
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
