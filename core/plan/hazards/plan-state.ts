import type { AlterTableCmd, Node } from 'libpg-query';
import type { ObjectName, QualifiedName } from '../compiled-plan.ts';
import { createdNames, freedNames, isFreed, namesAfter, renamedTo } from '../created-names.ts';
import { qualified, qualifiedRelation, stringsOf } from '../sql-tree.ts';
import { createdOther, isSameOther, type OtherObject } from './other-objects.ts';
import { constraintsIn, tableCommands } from './table-parts.ts';

/** What the plan has made so far, at one statement of it. Phases count from 0. */
export interface PlanState {
  /** Whether the plan made the table, and nobody's rows are in it or nobody else can see it yet. */
  isNew(table: QualifiedName): boolean;
  /** Whether the plan itself made what has this name. */
  isOwn(name: ObjectName): boolean;
  /** The same for a trigger, an extension and the like. */
  isOwnOther(object: OtherObject): boolean;
  /** Whether the plan itself gave a name, by making or renaming: nobody else goes by it. */
  isNamed(name: ObjectName): boolean;
  /** Whether the plan added the constraint. */
  isOwnConstraint(table: QualifiedName, constraint: string): boolean;
  /** Whether this phase added the constraint NOT VALID. */
  isJustAdded(table: QualifiedName, constraint: string): boolean;
  /** Whether a valid CHECK of this plan says that the column holds no NULL. */
  isProvenNotNull(table: QualifiedName, column: string): boolean;
  /** The values that this phase added to enums that were there before. */
  addedValues(): readonly string[];
  note(node: Node): void;
  noteFilled(table: QualifiedName): void;
  enterPhase(): void;
  /** A copy to go on with, such as for an undo, that leaves this one as it is. */
  fork(): PlanState;
}

interface Memory {
  readonly phase: number;
  readonly tables: ReadonlyMap<string, { readonly phase: number; readonly isFilled: boolean }>;
  readonly own: readonly ObjectName[];
  /** Names that the plan gave to what was there before. */
  readonly given: readonly ObjectName[];
  readonly others: readonly OtherObject[];
  readonly constraints: ReadonlyMap<string, { readonly phase: number; readonly isValid: boolean; readonly column: string | null }>;
  readonly values: readonly { readonly phase: number; readonly value: string }[];
}

const EMPTY: Memory = { phase: -1, tables: new Map(), own: [], given: [], others: [], constraints: new Map(), values: [] };

/** A constraint that came with its column, valid from the start. */
const OF_A_COLUMN = { phase: -1, isValid: true, column: null } as const;

export function planState(start: Memory = EMPTY): PlanState {
  let phase = start.phase;
  const tables = new Map(start.tables);
  let own = [...start.own];
  const given = [...start.given];
  const others = [...start.others];
  const constraints = new Map(start.constraints);
  const values = [...start.values];
  const fill = (table: QualifiedName): void => {
    const known = tables.get(keyOf(table));
    if (known !== undefined) tables.set(keyOf(table), { ...known, isFilled: true });
  };
  return {
    isNew: (table) => {
      const known = tables.get(keyOf(table));
      return known !== undefined && (known.phase === phase || !known.isFilled);
    },
    isOwn: (name) => isFreed(name, own),
    isNamed: (name) => isFreed(name, [...own, ...given]),
    isOwnOther: (object) => others.some((other) => isSameOther(other, object)),
    isOwnConstraint: (table, name) => constraints.has(keyOf(table, name)),
    isJustAdded: (table, name) => constraints.get(keyOf(table, name))?.phase === phase,
    isProvenNotNull: (table, column) =>
      [...constraints].some(([key, one]) => one.isValid && one.column === column && key.startsWith(`${keyOf(table)}\0`)),
    addedValues: () => values.filter((one) => one.phase === phase).map(({ value }) => value),
    note: (node) => {
      const [old] = freedNames(node);
      for (const name of renamedTo(node)) {
        given.push(name);
        if (old?.kind !== 'table') continue;
        const before = tables.get(keyOf(old));
        tables.delete(keyOf(old));
        tables.delete(keyOf(name));
        if (before !== undefined) tables.set(keyOf(name), before);
      }
      own = [...namesAfter(own, node)];
      for (const name of createdNames(node)) {
        if (name.kind === 'table') tables.set(keyOf(name), { phase, isFilled: 'CreateTableAsStmt' in node });
        own.push(name);
      }
      others.push(...createdOther(node));
      for (const { table, constraint, column } of constraintsIn(node)) {
        if (column !== null && constraint.conname !== undefined) constraints.set(keyOf(table, constraint.conname), OF_A_COLUMN);
      }
      for (const { table, command } of tableCommands(node)) noteConstraint(constraints, { table, command, phase });
      if ('InsertStmt' in node && isQuery(node.InsertStmt.selectStmt)) fill(qualifiedRelation(node.InsertStmt.relation));
      const added = addedValue(node);
      if (added !== null && !isFreed(added.type, own)) values.push({ phase, value: added.value });
    },
    noteFilled: fill,
    enterPhase: () => {
      phase += 1;
    },
    fork: () => planState({ phase, tables, own, given, others, constraints, values }),
  };
}

function noteConstraint(
  constraints: Map<string, { readonly phase: number; readonly isValid: boolean; readonly column: string | null }>,
  { table, command, phase }: { readonly table: QualifiedName; readonly command: AlterTableCmd; readonly phase: number },
): void {
  if (command.subtype === 'AT_ValidateConstraint') {
    const known = constraints.get(keyOf(table, command.name ?? ''));
    if (known !== undefined) constraints.set(keyOf(table, command.name ?? ''), { ...known, isValid: true });
  }
  if (command.subtype === 'AT_SetNotNull') {
    const column = command.name ?? '';
    constraints.set(keyOf(table, `not null ${column}`), { phase: -1, isValid: true, column });
  }
  if (command.subtype !== 'AT_AddConstraint' || command.def === undefined || !('Constraint' in command.def)) return;
  const { conname, skip_validation, raw_expr } = command.def.Constraint;
  const column = raw_expr === undefined ? null : checkedColumn(raw_expr);
  const name = conname ?? `unnamed ${constraints.size}`;
  constraints.set(keyOf(table, name), { phase: skip_validation === true ? phase : -1, isValid: skip_validation !== true, column });
}

/** The column of `check (COLUMN is not null)`. */
function checkedColumn(expression: Node): string | null {
  if (!('NullTest' in expression) || expression.NullTest.nulltesttype !== 'IS_NOT_NULL') return null;
  const { arg } = expression.NullTest;
  return arg !== undefined && 'ColumnRef' in arg ? (stringsOf(arg.ColumnRef.fields).at(-1) ?? null) : null;
}

/** A few written rows fill no table. */
function isQuery(select: Node | undefined): boolean {
  return select !== undefined && 'SelectStmt' in select && select.SelectStmt.valuesLists === undefined;
}

function addedValue(node: Node): { readonly type: ObjectName; readonly value: string } | null {
  if (!('AlterEnumStmt' in node) || node.AlterEnumStmt.oldVal !== undefined) return null;
  return { type: { kind: 'type', ...qualified(stringsOf(node.AlterEnumStmt.typeName)) }, value: node.AlterEnumStmt.newVal ?? '' };
}

function keyOf({ schema, name }: { readonly schema: string; readonly name: string }, part?: string): string {
  return [schema, name, ...(part === undefined ? [] : [part])].join('\0');
}
