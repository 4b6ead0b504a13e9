import type { Client, FieldDef } from 'pg';
import { Fault } from './fault.ts';

/** Which member of the Field union holds a value. */
export type Kind = 'boolean' | 'long' | 'bigint' | 'double' | 'decimal' | 'string' | 'compact-json' | 'utc' | 'blob';

export interface ColumnType {
  readonly name: string;
  readonly kind: Kind;
  readonly isArray: boolean;
  /** A constant of java.sql.Types, which is what ColumnMetadata.type holds. */
  readonly sqlType: number;
}

const VARCHAR = 12;
const OTHER = 1111;
const ARRAY = 2003;

type Row = readonly [oid: number, name: string, kind: Kind, sqlType: number, arrayOid?: number];

/** What the service returns, as a value and as a one-dimensional array (Aurora User Guide, data-api.differences). */
const TYPES: readonly Row[] = [
  [16, 'bool', 'boolean', -7, 1000],
  [21, 'int2', 'long', 5, 1005],
  [23, 'int4', 'long', 4, 1007],
  [20, 'int8', 'bigint', -5, 1016],
  [700, 'float4', 'double', 7, 1021],
  [701, 'float8', 'double', 8, 1022],
  [1700, 'numeric', 'decimal', 2, 1231],
  [25, 'text', 'string', VARCHAR, 1009],
  [1043, 'varchar', 'string', VARCHAR, 1015],
  [1042, 'bpchar', 'string', 1, 1014],
  [19, 'name', 'string', VARCHAR],
  [17, 'bytea', 'blob', -2],
  [2950, 'uuid', 'string', OTHER, 2951],
  [114, 'json', 'string', OTHER, 199],
  [3802, 'jsonb', 'compact-json', OTHER],
  [1082, 'date', 'string', 91, 1182],
  [1083, 'time', 'string', 92, 1183],
  [1114, 'timestamp', 'string', 93, 1115],
  [1184, 'timestamptz', 'utc', 93],
  [650, 'cidr', 'string', OTHER],
  [869, 'inet', 'string', OTHER],
];
/** Bit strings are returned in arrays only. */
const BIT_ARRAY: ColumnType = { name: '_bit', kind: 'string', isArray: true, sqlType: ARRAY };

/** Types with smaller OIDs come with PostgreSQL. */
const FIRST_USER_OID = 16_384;

/**
 * The types of a result's columns.
 *
 * @throws {Fault} UnsupportedResultException for a type that the service does not return; the statement has been executed by then.
 */
export async function columnTypes(client: Client, columns: readonly FieldDef[]): Promise<readonly ColumnType[]> {
  const custom = await customTypes(client, columns);
  return columns.map(({ name, dataTypeID }) => {
    const type = builtIn(dataTypeID) ?? custom.get(dataTypeID);
    if (type) return type;
    throw new Fault(
      'UnsupportedResultException',
      `The result contains the unsupported data type of column ${name} (type OID ${dataTypeID}); cast it to text`,
    );
  });
}

function builtIn(oid: number): ColumnType | undefined {
  if (oid === 1561) return BIT_ARRAY;
  for (const [own, name, kind, sqlType, array] of TYPES) {
    if (own === oid) return { name, kind, sqlType, isArray: false };
    if (array === oid) return { name: `_${name}`, kind, sqlType: ARRAY, isArray: true };
  }
  return undefined;
}

/** Enums and pgvector's vectors; on the statement's own connection, since its transaction may have made the type. */
async function customTypes(client: Client, columns: readonly FieldDef[]): Promise<ReadonlyMap<number, ColumnType>> {
  const oids = columns.map(({ dataTypeID }) => dataTypeID).filter((oid) => oid >= FIRST_USER_OID);
  if (oids.length === 0) return new Map();
  const query = `select oid::int8::text as oid, typname as name from pg_catalog.pg_type where oid = any ($1::int8[]::oid[]) and (typtype = 'e' or typname = 'vector')`;
  const { rows } = await client.query<{ oid: string; name: string }>(query, [oids]);
  return new Map(rows.map(({ oid, name }) => [Number(oid), { name, kind: 'string', isArray: false, sqlType: VARCHAR }]));
}

/** ColumnMetadata; names of tables and schemas are left empty. */
export function columnMetadata({ name, dataTypeModifier }: FieldDef, type: ColumnType): object {
  const numeric = type.kind === 'decimal' && dataTypeModifier >= 4 ? dataTypeModifier - 4 : 0;
  return {
    name,
    label: name,
    typeName: type.name,
    type: type.sqlType,
    arrayBaseColumnType: type.isArray ? (TYPES.find(([, base]) => `_${base}` === type.name)?.[3] ?? OTHER) : 0,
    isAutoIncrement: false,
    isCaseSensitive: type.kind === 'string',
    isCurrency: false,
    isSigned: ['long', 'bigint', 'double', 'decimal'].includes(type.kind),
    // 2 is java.sql.ResultSetMetaData.columnNullableUnknown.
    nullable: 2,
    precision: type.kind === 'decimal' ? numeric >> 16 : Math.max(dataTypeModifier - 4, 0),
    scale: numeric & 0x7ff,
    schemaName: '',
    tableName: '',
  };
}
