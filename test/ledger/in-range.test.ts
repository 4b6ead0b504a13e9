import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installLedger } from '../../adapters/ledger-install.ts';
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
