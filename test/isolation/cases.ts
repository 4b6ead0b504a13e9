import type { Step } from './driver.ts';
import { interleavings } from './driver.ts';

/** Even ids are in the driving table; the first batch, which is over when a case begins, has copied up to 4, the second one takes the others. */
export const ROWS = `insert into households select i from generate_series(2, 12, 2) i; insert into people select i, 'Person ' || i, 'p' || i || '@x', i % 3, case i % 4 when 0 then 'B' else 'K' end, i % 10 <> 8, i
from generate_series(2, 12, 2) i`;
export const FIRST_BATCH = 2;

export interface Change {
  readonly name: string;
  readonly side: 'old' | 'new';
  readonly sql: string;
}

/** On the old side what the racing batch copies; on the new side what is there already, since a row that nobody sees cannot be changed. */
export const CHANGES: readonly Change[] = [
  { name: 'an insert', side: 'old', sql: "insert into people values (7, 'New', 'new@x', 1, 'B', true, null)" },
  { name: 'an update', side: 'old', sql: "update people set name = 'Changed', status = 1, town = 'B' where id = 6" },
  { name: 'an update of many rows', side: 'old', sql: "update people set email = 'all@x'" },
  { name: 'an update that drops out of the mapping', side: 'old', sql: 'update people set is_active = false where id in (6, 10)' },
  { name: 'an update that comes into the mapping', side: 'old', sql: 'update people set is_active = true where id = 8' },
  { name: 'a key update', side: 'old', sql: 'update people set id = 7 where id = 6' },
  { name: 'a delete', side: 'old', sql: 'delete from people where id = 6' },
  {
    name: 'a delete and an insert of the same key',
    side: 'old',
    sql: "delete from people where id = 6; insert into people values (6, 'Again', null, 0, null, true, null)",
  },
  { name: 'a delete that cascades', side: 'old', sql: 'delete from households where id = 6' },
  { name: 'an update of a lookup', side: 'old', sql: "update towns set zip = '99999'" },
  { name: 'an insert', side: 'new', sql: "insert into customers (id, full_name, email, level, zip) values (7, 'New', 'new@x', 'high', null)" },
  { name: 'an update', side: 'new', sql: "update customers set full_name = 'Changed' where id = 4" },
  { name: 'an update of the other target', side: 'new', sql: "update actives set title = 'Changed', email = null where id = 4" },
  { name: 'a key update', side: 'new', sql: 'update customers set id = 3 where id = 4' },
  { name: 'a delete', side: 'new', sql: 'delete from customers where id = 4' },
];

export const LEVELS = ['read committed', 'repeatable read', 'serializable'] as const;

export interface Case {
  readonly change: Change;
  readonly level: (typeof LEVELS)[number];
  readonly order: readonly string[];
}

/** Every order of a worker's steps and the application's, with every change at every level. */
export function casesOf(workerSteps: number, changes: readonly Change[] = CHANGES): readonly Case[] {
  const orders = interleavings({ worker: workerSteps, application: 3 });
  return changes.flatMap((change) => LEVELS.flatMap((level) => orders.map((order) => ({ change, level, order }))));
}

/** Beginning takes the snapshot, where the level has one for the whole transaction. */
export function applicationSteps({ change, level }: Pick<Case, 'change' | 'level'>): readonly Step[] {
  return [`begin isolation level ${level}; select from people limit 1`, change.sql, 'commit'].map((sql) => ({ session: 'application', sql }));
}

/** A case in words. */
export function described({ change, level, order }: Case): string {
  return `${change.name} on the ${change.side} side at ${level}: ${order.map((name) => name.slice(0, 1)).join('')}`;
}

/** A part of the cases, the same for the same seed; all of them with STEPGATE_ALL_ORDERS. */
export function sample<Item>(items: readonly Item[], size: number, seed: number): readonly Item[] {
  if (process.env.STEPGATE_ALL_ORDERS !== undefined) return items;
  const random = randomOf(seed);
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, size)
    .map(({ item }) => item);
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
