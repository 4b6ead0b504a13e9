import * as z from 'zod';
import type { Transfer } from '../core/plan/compiled-plan.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import { parentsFirst, type Reference } from '../core/transfer/parents-first.ts';
import type { Query } from './sql-session.ts';

const ForeignKey = z.object({ from: z.string(), to: z.string() });

/** Transfers whose targets are referred to before those whose targets refer to them; in the plan's order where they refer to one another in a circle. */
export async function inForeignKeyOrder(query: Query, transfers: readonly Transfer[]): Promise<readonly Transfer[]> {
  return parentsFirst(transfers, ({ into }) => quoteName(into), await foreignKeys(query, transfers));
}

/** Transfers whose target refers to itself: a row may refer to any other, so that they cannot be copied in two ranges at once. */
export async function selfReferring(query: Query, transfers: readonly Transfer[]): Promise<readonly string[]> {
  const own = (await foreignKeys(query, transfers)).filter(({ from, to }) => from === to).map(({ from }) => from);
  return transfers.filter(({ into }) => own.includes(quoteName(into))).map(({ id }) => id);
}

async function foreignKeys(query: Query, transfers: readonly Transfer[]): Promise<readonly Reference[]> {
  return query(
    ForeignKey,
    `with target as (select name, to_regclass(name)::oid as id from jsonb_array_elements_text(:names::jsonb) as t (name))
select distinct f.name as from, t.name as to from pg_constraint c join target f on f.id = c.conrelid join target t on t.id = c.confrelid where c.contype = 'f'`,
    { names: JSON.stringify([...new Set(transfers.map(({ into }) => quoteName(into)))]) },
  );
}
