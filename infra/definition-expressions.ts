import jsonata from 'jsonata';

/** What one JSONata expression refers to. */
export interface ExpressionNames {
  /** Variables of the state machine, without `$`. */
  readonly variables: ReadonlySet<string>;
  /** Paths below `$states`: `result.Payload.token`. */
  readonly states: ReadonlySet<string>;
  /** What Step Functions refuses when the machine is created, or cannot evaluate. */
  readonly faults: readonly string[];
}

/** JSONata 2.0.6, and what Step Functions adds to it. */
const FUNCTIONS_OF_JSONATA = new Set(
  (
    'abs append assert average base64decode base64encode boolean ceil clone contains count decodeUrl decodeUrlComponent distinct each encodeUrl ' +
    'encodeUrlComponent error exists filter floor formatBase formatInteger formatNumber fromMillis join keys length lookup lowercase map match max ' +
    'merge millis min not now number pad parseInteger power random reduce replace reverse round shuffle sift single sort split spread sqrt string ' +
    'substring substringAfter substringBefore sum toMillis trim type uppercase zip partition range hash uuid parse'
  ).split(' '),
);

interface Node {
  readonly type?: string;
  readonly value?: unknown;
  readonly steps?: readonly Node[];
  readonly expressions?: readonly Node[];
  readonly arguments?: readonly Node[];
  readonly body?: Node;
  readonly lhs?: Node;
  readonly rhs?: Node;
  readonly focus?: string;
  readonly index?: string;
}

/** Where a node stands: names that the expression itself has bound, and whether a path gives `$` a meaning. */
interface Place {
  readonly bound: ReadonlySet<string>;
  readonly hasContext: boolean;
}

export function expressionNames(expression: string): ExpressionNames {
  const found = { variables: new Set<string>(), states: new Set<string>(), faults: [] as string[] };
  try {
    visit(jsonata(expression).ast() as unknown as Node, { bound: new Set(), hasContext: false }, found);
  } catch (error) {
    found.faults.push(`does not parse: ${(error as { readonly message?: string }).message}`);
  }
  return found;
}

interface Found {
  readonly variables: Set<string>;
  readonly states: Set<string>;
  readonly faults: string[];
}

function visit(node: Node, place: Place, found: Found): void {
  switch (node.type) {
    case 'variable':
      visitVariable(String(node.value), place, found);
      break;
    case 'path':
      visitPath(node.steps ?? [], place, found);
      break;
    case 'block':
      visitBlock(node.expressions ?? [], place, found);
      break;
    case 'lambda':
      visitLambda(node, place, found);
      break;
    default:
      visitAll(node.arguments, place, found);
      visitAll(node.expressions, place, found);
  }
  for (const [field, value] of Object.entries(node)) {
    if (!DONE.has(field)) {
      visitAll(value, PER_ITEM.has(field) ? { ...place, hasContext: true } : place, found);
    }
  }
}

/** Fields that the switch has dealt with, or that hold no expression. */
const DONE: ReadonlySet<string> = new Set(['type', 'value', 'steps', 'body', 'arguments', 'expressions']);

/** Fields whose expressions are evaluated once for each item, which is then `$`. */
const PER_ITEM: ReadonlySet<string> = new Set(['group', 'predicate', 'stages', 'terms']);

/** Arrays of arrays hold the pairs of an object. */
function visitAll(value: unknown, place: Place, found: Found): void {
  if (Array.isArray(value)) {
    for (const item of value) {
      visitAll(item, place, found);
    }
  } else if (typeof value === 'object' && value !== null) {
    visit(value as Node, place, found);
  }
}

function visitLambda({ arguments: parameters = [], body }: Node, place: Place, found: Found): void {
  const bound = new Set([...place.bound, ...parameters.map(({ value }) => String(value))]);
  visitAll(body, { ...place, bound }, found);
}

function visitVariable(name: string, { bound, hasContext }: Place, { variables, faults }: Found): void {
  if (name === '$' || (name === '' && !hasContext)) {
    faults.push(`uses a bare ${name === '' ? '$' : '$$'}; begin with $states.input or a variable`);
  } else if (name === 'eval') {
    faults.push('uses $eval, which Step Functions does not have');
  } else if (name !== '' && name !== 'states' && !bound.has(name) && !FUNCTIONS_OF_JSONATA.has(name)) {
    variables.add(name);
  }
}

function visitPath(steps: readonly Node[], place: Place, found: Found): void {
  const [first, ...rest] = steps;
  if (first?.type === 'name' && !place.hasContext) {
    found.faults.push(`begins with the unqualified name "${first.value}"; begin with $states.input or a variable`);
  }
  if (first?.type === 'variable' && first.value === 'states') {
    found.states.add(rest.map(({ value }) => String(value)).join('.'));
  }
  let bound = place.bound;
  for (const [position, step] of steps.entries()) {
    visit(step, { bound, hasContext: place.hasContext || position > 0 }, found);
    bound = new Set([...bound, ...[step.focus, step.index].filter((name) => name !== undefined)]);
  }
}

/** A name is bound from the expression after its own on; a function may call itself. */
function visitBlock(expressions: readonly Node[], place: Place, found: Found): void {
  let bound = place.bound;
  for (const expression of expressions) {
    const name = expression.type === 'bind' ? String(expression.lhs?.value) : undefined;
    if (name === undefined || expression.rhs === undefined) {
      visit(expression, { ...place, bound }, found);
    } else {
      const after = new Set([...bound, name]);
      visit(expression.rhs, { ...place, bound: expression.rhs.type === 'lambda' ? after : bound }, found);
      bound = after;
    }
  }
}
