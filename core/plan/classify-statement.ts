import type { DropStmt, IndexStmt, Node, VacuumStmt } from 'libpg-query';
import type { LongProof } from './compiled-plan.ts';
import { qualified, qualifiedRelation, stringsOf } from './sql-tree.ts';

/** Whether a transaction can hold a statement, and what proves the effect of one that none can hold. */
export type Classification =
  | { readonly kind: 'transactional' }
  | { readonly kind: 'long'; readonly proof: LongProof }
  | { readonly kind: 'refused'; readonly reason: string };

const TRANSACTIONAL: Classification = { kind: 'transactional' };

export function classifyStatement(node: Node): Classification {
  if ('IndexStmt' in node && node.IndexStmt.concurrent === true) return classifyCreateIndex(node.IndexStmt);
  if ('DropStmt' in node && node.DropStmt.concurrent === true) return classifyDropIndex(node.DropStmt);
  if ('VacuumStmt' in node && node.VacuumStmt.is_vacuumcmd === true) return classifyVacuum(node.VacuumStmt);
  return TRANSACTIONAL;
}

function classifyCreateIndex({ idxname, relation }: IndexStmt): Classification {
  if (idxname === undefined) return refused('the index has no name, so that nothing can prove that it is there and valid; name it');
  const { schema, name } = qualifiedRelation(relation);
  return { kind: 'long', proof: { kind: 'index-valid', schema, index: idxname, table: name } };
}

function classifyDropIndex({ objects = [], behavior }: DropStmt): Classification {
  const [object] = objects;
  if (objects.length !== 1 || object === undefined || !('List' in object))
    return refused('CONCURRENTLY takes one index; write one statement for each');
  if (behavior === 'DROP_CASCADE') return refused('CONCURRENTLY does not cascade; drop what depends on the index first');
  const { schema, name } = qualified(stringsOf(object.List.items));
  return { kind: 'long', proof: { kind: 'index-gone', schema, index: name } };
}

function classifyVacuum({ rels = [] }: VacuumStmt): Classification {
  const [table] = rels;
  if (table === undefined || !('VacuumRelation' in table)) return refused('without a table it takes the whole database; name one table');
  if (rels.length > 1) return refused('one statement over several tables cannot be proven for each of them; write one for each table');
  const { schema, name } = qualifiedRelation(table.VacuumRelation.relation);
  return { kind: 'long', proof: { kind: 'vacuumed', schema, table: name } };
}

function refused(reason: string): Classification {
  return { kind: 'refused', reason };
}
