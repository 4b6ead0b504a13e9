import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installLedger } from '../../adapters/ledger-install.ts';
import { columnOf, keysMark, keyText, rangeMark } from '../../core/transfer/key-text.ts';
import { emptyDatabase } from '../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  await emptyDatabase(bench);
  await installLedger(bench.ports.session);
});
afterAll(() => bench?.close());

const literal = (text: string | null) => (text === null ? 'null' : Client.prototype.escapeLiteral(text));

const keys = fc.oneof(
  fc.string({ maxLength: 8 }).filter((text) => !text.includes('\0')),
  fc.constantFrom("'", '\\', '\\1', '\\&', '[[', '[[open]]', '[[range k]]', '[[[', ']]', 'E', "E'", '$1', '%', ''),
);

test('a range holds the keys after its beginning, up to its end, whatever the keys hold', async () => {
  await fc.assert(
    fc.asyncProperty(keys, fc.option(keys), fc.option(keys), async (key, after, upto) => {
      const [made] = await bench.sql<{ text: string }>(`select stepgate.in_range('[[range x.k]]', ${literal(after)}, ${literal(upto)}) as text`);
      const [row] = await bench.sql<{ inside: boolean }>(`select ${made?.text} as inside from (select ${literal(key)}::text collate "C" as k) x`);
      const isAfter = after === null || Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0;
      const isUpTo = upto === null || Buffer.compare(Buffer.from(key), Buffer.from(upto)) <= 0;
      expect(row?.inside).toBe(isAfter && isUpTo);
    }),
    { numRuns: 150, seed: 7 },
  );
});

test('text beside the ranges comes back as it was, and each range is filled', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(keys, { maxLength: 4 }), keys, async (parts, key) => {
      const text = parts.map((part) => part.replaceAll('[[', '[[open]]')).join('[[range k]]');
      const [made] = await bench.sql<{ text: string }>(`select stepgate.in_range(${literal(text)}, ${literal(key)}, null) as text`);
      const [condition] = await bench.sql<{ text: string }>(`select 'k > ' || quote_literal(${literal(key)}) || ' and true' as text`);
      expect(made?.text).toBe(parts.join(condition?.text));
    }),
    { numRuns: 100, seed: 7 },
  );
});

/** Names that would end a mark, or look like two. */
const COLUMNS = ['a, [[b]]', 'c"\\d]'];

/** What a condition says of one row of two texts. */
async function holds(mark: string, values: readonly string[], range: string): Promise<boolean | undefined> {
  const row = values.map((value, index) => `${literal(value)}::text collate "C" as ${columnOf(null, COLUMNS[index] ?? '')}`).join(', ');
  const [made] = await bench.sql<{ text: string }>(`select stepgate.in_range(${literal(mark)}, ${range}) as text`);
  const [found] = await bench.sql<{ inside: boolean }>(`select ${made?.text} as inside from (select ${row}) as x`);
  return found?.inside;
}

async function asKey(values: readonly string[]): Promise<string> {
  const row = values.map((value, index) => `${literal(value)}::text as ${columnOf(null, COLUMNS[index] ?? '')}`).join(', ');
  const [made] = await bench.sql<{ key: string }>(`select ${keyText('x', COLUMNS.slice(0, values.length))} as key from (select ${row}) as x`);
  return made?.key ?? '';
}

const byBytes = (one: readonly string[], other: readonly string[]) =>
  one.reduce((order, text, index) => order || Buffer.compare(Buffer.from(text), Buffer.from(other[index] ?? '')), 0);

test('keys of several columns are in a range as their columns say one after another, whatever they hold', async () => {
  const pairs = fc.tuple(keys, keys);
  await fc.assert(
    fc.asyncProperty(pairs, fc.option(pairs), fc.option(pairs), async (pair, after, upto) => {
      const bounds: string[] = [];
      for (const bound of [after, upto]) bounds.push(literal(bound === null ? null : await asKey(bound)));
      const inside = await holds(rangeMark('x', COLUMNS), pair, bounds.join(', '));
      expect(inside).toBe((after === null || byBytes(pair, after) > 0) && (upto === null || byBytes(pair, upto) <= 0));
    }),
    { numRuns: 60, seed: 7 },
  );
});

test.each([1, 2])('a condition on keys of %i columns holds for those keys and for no other', async (width) => {
  const rows = fc.array(keys, { minLength: width, maxLength: width });
  await fc.assert(
    fc.asyncProperty(rows, fc.array(rows, { maxLength: 3 }), fc.boolean(), async (row, others, isAmong) => {
      const listed = isAmong ? [...others, row] : others.filter((other) => byBytes(row, other) !== 0);
      const texts: string[] = [];
      for (const one of listed) texts.push(literal(await asKey(one)));
      expect(await holds(keysMark('x', COLUMNS.slice(0, width)), row, `null, null, array[${texts.join(', ')}]::text[]`)).toBe(isAmong);
    }),
    { numRuns: 60, seed: 7 },
  );
});
