import type { TransferId } from '../../core/ids.ts';
import type { Transfer } from '../../core/plan/compiled-plan.ts';

/** A transfer of two columns, as a plan compiles to it. */
export const TRANSFER: Transfer = {
  id: 'customers' as TransferId,
  file: '2-copy/customers.sql',
  line: 5,
  select: 'select p.id, p.name as "full name" from people p',
  into: { schema: 'public', name: 'customers' },
  from: { schema: 'crm', name: 'people' },
  keys: [{ target: 'id', source: 'id' }],
  columns: ['id', 'full name'],
  sync: 'none',
  deletes: { kind: 'hard' },
  quarantine: [],
  parallel: 1,
  driving: { before: 'select p.id, p.name as "full name" from ', after: ' p' },
  lookups: [],
  plain: [
    { column: 'id', source: 'id' },
    { column: 'full name', source: 'name' },
  ],
  inverses: [],
  isCovering: true,
};

/** What its target has besides: a constant, nothing, and a time as default. */
export const UNMAPPED = [
  { name: 'country', type: 'character varying(2)', default: "'DE'::character varying", isConstant: true, isGenerated: false },
  { name: 'note', type: 'text', default: null, isConstant: true, isGenerated: false },
  { name: 'seen_at', type: 'timestamp with time zone', default: 'now()', isConstant: false, isGenerated: false },
];
