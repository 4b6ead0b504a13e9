import type { Node, TypeCast, TypeName } from 'libpg-query';
import { functionName, nodesIn, stringsOf } from '../sql-tree.ts';
import type { Finder, FoundHazard } from './hazard.ts';
import { startOf } from './table-parts.ts';

/** Bits of the whole numbers that a value of a type may need; numeric and double precision have no end that a bigint could hold. */
const WIDTHS: Readonly<Record<string, number>> = { int2: 16, int4: 32, int8: 64, numeric: 1000, float8: 1000 };

/** Casts that lose something of a value. */
export const findCasts: Finder = ({ node }) => {
  const nodes = nodesIn(node);
  // `text::timestamp at time zone 'UTC'` names the zone at once.
  const zoned = new Set(
    nodes.flatMap((part) => ('FuncCall' in part && functionName(part.FuncCall) === 'timezone' ? (part.FuncCall.args ?? []) : [])),
  );
  return nodes.flatMap((part): readonly FoundHazard[] => {
    if (!('TypeCast' in part)) return [];
    const at = startOf(part.TypeCast.typeName);
    const type = typeOf(part.TypeCast.typeName);
    if (type === 'timestamp' && !zoned.has(part)) {
      return [{ name: 'TIMESTAMP_WITHOUT_ZONE', subject: 'the cast to timestamp', table: null, at }];
    }
    if (!isNarrowing(part.TypeCast)) return [];
    return [{ name: 'NARROWING_CAST', subject: `the cast to ${describeType(part.TypeCast.typeName)}`, table: null, at }];
  });
};

function isNarrowing({ arg, typeName }: TypeCast): boolean {
  const type = typeOf(typeName);
  const [limit] = limitsOf(typeName);
  const text = arg !== undefined && 'A_Const' in arg ? arg.A_Const.sval?.sval : undefined;
  if (type === 'varchar' || type === 'bpchar') {
    if (limit === undefined) return false;
    return text === undefined ? !isNull(arg) : [...text].length > limit;
  }
  const isWritten = arg !== undefined && 'A_Const' in arg;
  if (type === 'numeric') return limit !== undefined && !isWritten;
  if (type === 'float4') return !isWritten;
  if (type === 'int2' || type === 'int4') return widthOf(arg) > (WIDTHS[type] ?? 0);
  return false;
}

/** How wide a value visibly is; 0 where its text does not tell. */
function widthOf(value: Node | undefined): number {
  if (value === undefined) return 0;
  if ('TypeCast' in value) return WIDTHS[typeOf(value.TypeCast.typeName)] ?? 0;
  if ('FuncCall' in value) return ['count', 'row_number', 'rank', 'dense_rank'].includes(functionName(value.FuncCall)) ? 64 : 0;
  return 0;
}

function isNull(value: Node | undefined): boolean {
  return value !== undefined && 'A_Const' in value && value.A_Const.isnull === true;
}

export function typeOf(type: TypeName | undefined): string {
  return stringsOf(type?.names).at(-1) ?? '';
}

/** The numbers in `numeric(5, 2)`. */
export function limitsOf(type: TypeName | undefined): readonly number[] {
  return (type?.typmods ?? []).flatMap((one) => ('A_Const' in one && one.A_Const.ival !== undefined ? [one.A_Const.ival.ival ?? 0] : []));
}

function describeType(type: TypeName | undefined): string {
  const limits = limitsOf(type);
  const name = typeOf(type).replace('bpchar', 'char').replace('float4', 'real');
  return limits.length === 0 ? name : `${name}(${limits.join(', ')})`;
}
