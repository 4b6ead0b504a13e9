import type { Document, ParsedNode, YAMLError } from 'yaml';
import { isMap, isScalar, parseDocument, visit } from 'yaml';
import type { core } from 'zod';
import type { Report } from './plan-fault.ts';
import { fileFault } from './plan-fault.ts';
import { ID_RULE, NOT_ENFORCED, PhaseEntry, PlanFile } from './plan-file.ts';
import type { SourceText } from './source-text.ts';
import { faultAt, offsetOfUnit } from './source-text.ts';
import { explainUnknown } from './unknown-key.ts';

/** What plan.yaml says, as far as it can be understood: a fault in one place does not hide those in another. */
export interface PlanOutline {
  /** Null when plan.yaml has a fault. */
  readonly file: PlanFile | null;
  /** In order; null where the phase has a fault. Null when there are none. */
  readonly phases: readonly (PhaseEntry | null)[] | null;
  /** A fault at phase `index`, or at one of its transfers. */
  readonly faultAtPhase: (index: number, message: string, transfer?: number) => ReturnType<typeof faultAt>;
  /** A fault at the value of one of the plan's own keys. */
  readonly faultAtKey: (key: string, message: string) => ReturnType<typeof faultAt>;
}

type Path = readonly PropertyKey[];

/** Parses plan.yaml; null when it is not one YAML document. */
export function parsePlanFile(source: SourceText, report: Report): PlanOutline | null {
  const document = parseDocument(source.text, { prettyErrors: false, stringKeys: true });
  if (!isPlainYaml(document, source, report)) return null;
  if (document.contents === null) {
    report(fileFault(source.file, 'the file is empty; write at least a title and one phase'));
    return null;
  }
  const data: unknown = document.toJS();
  const parsed = PlanFile.safeParse(data, { reportInput: true });
  const faults = [...(parsed.error?.issues ?? []).flatMap((issue) => explain(issue, document)), ...repeatedIds(data)];
  for (const { path, key, message } of faults) report(faultAt(source, offsetOf(document, source, path, key), message));
  const phases = listOf(data, 'phases')?.map((entry) => PhaseEntry.safeParse(entry).data ?? null) ?? [];
  return {
    file: parsed.success && faults.length === 0 ? parsed.data : null,
    phases: phases.length === 0 ? null : phases,
    faultAtPhase: (index, message, transfer) =>
      faultAt(source, offsetOf(document, source, ['phases', index, ...(transfer === undefined ? ['id'] : ['transfers', transfer])], null), message),
    faultAtKey: (key, message) => faultAt(source, offsetOf(document, source, [key], null), message),
  };
}

/** Syntax, repeated keys, and what a plan has no use for: tags and aliases. */
function isPlainYaml(document: Document.Parsed, source: SourceText, report: Report): boolean {
  const problems = [...document.errors, ...document.warnings].map((error) => ({ at: error.pos[0], message: explainYaml(error, source) }));
  visit(document, {
    Alias: (_key, node) => {
      problems.push({ at: node.range?.[0] ?? 0, message: `the alias *${node.source}, which a plan may not hold; write the value out` });
    },
  });
  for (const { at, message } of problems) report(faultAt(source, offsetOfUnit(source, at), message));
  return problems.length === 0;
}

function explainYaml(error: YAMLError, source: SourceText): string {
  if (error.code === 'DUPLICATE_KEY') {
    const [key] = source.text.slice(error.pos[0]).split(/[\s:]/, 1);
    return `the key "${key}" is given twice; keep one of them`;
  }
  if (error.code === 'MULTIPLE_DOCS') return 'a second YAML document; a plan is one document, so remove the line ---';
  return `this is not YAML that can be read: ${lowerFirst(error.message)}; correct it here or on the line before`;
}

interface Found {
  readonly path: Path;
  /** The key itself, where the key and not its value is wrong. */
  readonly key: string | null;
  readonly message: string;
}

function explain(issue: core.$ZodIssue, document: Document.Parsed): readonly Found[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path,
      key,
      message: `${where(path)}${explainUnknown('key', key, Object.keys(path.length === 0 ? PlanFile.shape : PhaseEntry.shape))}`,
    }));
  if (issue.code === 'custom') return [{ path, key: null, message: `${where(path.slice(0, -1))}${issue.message}` }];
  const name = String(path.findLast((part) => typeof part === 'string') ?? 'plan.yaml');
  const notYet = NOT_ENFORCED.get(`${name}: ${String(issue.input)}`);
  const subject = `${where(path.slice(0, -1))}${describePlace(path)}`;
  if (notYet !== undefined)
    return [{ path, key: null, message: `${subject}: ${String(issue.input)} is not enforced by this version yet: ${notYet}` }];
  const allowed = name === 'id' || (name === 'transfers' && path.length === 4) ? ID_RULE : issue.message;
  if (path.length > 0 && !document.hasIn(path))
    return [{ path: path.slice(0, -1), key: null, message: `${subject} is missing; it must be ${allowed}` }];
  return [{ path, key: null, message: `${subject} must be ${allowed}; got ${describeValue(issue.input)}` }];
}

/** "phase 2: " for what lies in the second phase. */
function where(path: Path): string {
  return path[0] === 'phases' && typeof path[1] === 'number' ? `phase ${path[1] + 1}: ` : '';
}

function describePlace(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return 'the plan';
  if (typeof last !== 'number') return `"${String(last)}"`;
  return path.length === 2 && path[0] === 'phases' ? `phase ${last + 1}` : `entry ${last + 1} of "${String(path.at(-2))}"`;
}

function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? JSON.stringify(value) : `the ${typeof value} ${String(value)}`;
}

function repeatedIds(data: unknown): readonly Found[] {
  const phases = listOf(data, 'phases') ?? [];
  const ids = phases.map((phase, index) => ({ id: property(phase, 'id'), path: ['phases', index, 'id'] }));
  const transfers = phases.flatMap((phase, index) =>
    (listOf(phase, 'transfers') ?? []).map((id, entry) => ({ id, path: ['phases', index, 'transfers', entry] })),
  );
  return [...repeated('phase', ids), ...repeated('transfer', transfers)];
}

function repeated(what: string, ids: readonly { readonly id: unknown; readonly path: Path }[]): readonly Found[] {
  const isRepeated = (id: unknown, index: number): boolean => typeof id === 'string' && ids.findIndex((other) => other.id === id) < index;
  return ids
    .filter(({ id }, index) => isRepeated(id, index))
    .map(({ id, path }) => ({ path, key: null, message: `the ${what} id "${String(id)}" is used twice; give each ${what} of the plan its own id` }));
}

function offsetOf(document: Document.Parsed, source: SourceText, path: Path, key: string | null): number {
  const parent: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = key !== null && isMap<ParsedNode>(parent) ? parent.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
  const node = pair?.key ?? (parent as ParsedNode | undefined);
  if (node?.range !== undefined && node.range !== null) return offsetOfUnit(source, node.range[0]);
  return path.length === 0 ? 0 : offsetOf(document, source, path.slice(0, -1), null);
}

function listOf(data: unknown, key: string): readonly unknown[] | null {
  const value = property(data, key);
  return Array.isArray(value) ? value : null;
}

function property(data: unknown, key: string): unknown {
  return typeof data === 'object' && data !== null ? Object.entries(data).find(([name]) => name === key)?.[1] : undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
