import type { FuncCall, Node } from 'libpg-query';
import type { QualifiedName } from './compiled-plan.ts';

/** A node's kind, such as `SelectStmt`: the one key of its object. */
export function kindOf(node: Node): string {
  return Object.keys(node)[0] ?? '';
}

/** Every node in and below `tree`, in reading order; what lies in a node of a kind in `closed` is passed over. */
export function nodesIn(tree: unknown, closed: ReadonlySet<string> = new Set()): readonly Node[] {
  const found: Node[] = [];
  // A stack of its own: a sum of some thousand terms is a tree of that depth.
  const open: unknown[] = [tree];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    const children = Object.entries(next).filter(([key]) => !closed.has(key));
    if (children.some(([key]) => /^[A-Z]/.test(key))) found.push(next as Node);
    // The arms of a UNION are the only nodes of interest that stand without their kind.
    for (const [key, child] of children.toReversed())
      open.push((key === 'larg' || key === 'rarg') && isBareSelect(child) ? { SelectStmt: child } : child);
  }
  return found;
}

function isBareSelect(tree: unknown): boolean {
  return typeof tree === 'object' && tree !== null && 'op' in tree;
}

/** The byte at which a node starts, where the parser tells. */
export function locationOf(node: Node): number | null {
  const [value]: readonly { readonly location?: number }[] = Object.values(node);
  return value?.location !== undefined && value.location > 0 ? value.location : null;
}

/** The name of the function that a call names, without its schema. */
export function functionName(call: FuncCall): string {
  return stringsOf(call.funcname).at(-1) ?? '';
}

/** The texts of a list of String nodes, as names with dots are parsed. */
export function stringsOf(nodes: readonly Node[] | undefined): readonly string[] {
  return (nodes ?? []).flatMap((node) => ('String' in node ? [node.String.sval ?? ''] : []));
}

/** What does not name its schema is in schema public: a run never depends on a search path. */
export function qualified(parts: readonly string[]): QualifiedName {
  return { schema: parts.at(-2) ?? 'public', name: parts.at(-1) ?? '' };
}

export function qualifiedRelation(relation: { readonly schemaname?: string; readonly relname?: string } | undefined): QualifiedName {
  return { schema: relation?.schemaname ?? 'public', name: relation?.relname ?? '' };
}

export function isSameName(a: QualifiedName, b: QualifiedName): boolean {
  return a.schema === b.schema && a.name === b.name;
}

export function describeName(name: QualifiedName): string {
  return name.schema === 'public' ? name.name : `${name.schema}.${name.name}`;
}

const NAME_PART = /(?:"((?:[^"]|"")+)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*))/.source;

/** A name with or without its schema, as SQL writes it. */
export const NAME_PATTERN = new RegExp(`^${NAME_PART}(?:\\.${NAME_PART})?$`);

/** Reads `customers`, `sales.orders` or `"Sales".orders` as PostgreSQL would; null when it is not a name. */
export function parseName(text: string): readonly string[] | null {
  if (!NAME_PATTERN.test(text)) return null;
  const parts = [...text.matchAll(new RegExp(NAME_PART, 'g'))];
  return parts.map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain.toLowerCase());
}

/** Whether an option such as `full` or `concurrently off` is on; PostgreSQL's defGetBoolean. */
export function isOn(options: readonly Node[] | undefined, name: string): boolean {
  const option = (options ?? []).find((node) => 'DefElem' in node && node.DefElem.defname === name);
  if (option === undefined || !('DefElem' in option)) return false;
  const value = option.DefElem.arg;
  if (value === undefined) return true;
  if ('String' in value) return ['true', 'on'].includes(value.String.sval?.toLowerCase() ?? '');
  return 'Integer' in value ? (value.Integer.ival ?? 0) !== 0 : true;
}
