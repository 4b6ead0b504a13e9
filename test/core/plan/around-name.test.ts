import fc from 'fast-check';
import { loadModule, parseSync } from 'libpg-query';
import { beforeAll, expect, test } from 'vitest';
import type { AroundName, Transfer } from '../../../core/plan/compiled-plan.ts';
import { quoteName } from '../../../core/transfer/identifier.ts';
import { compileSmall } from './small-plan.ts';

beforeAll(async () => loadModule());

async function transferOf(header: string, select: string, sync = 'forward'): Promise<Transfer> {
  const result = await compileSmall({ '2-copy/books.sql': `--! into: shop.books\n--! from: ${header}\n--! key: id\n--! sync: ${sync}\n${select};` });
  expect(result.ok ? [] : result.faults.map(({ message }) => message)).toEqual([]);
  const phase = result.ok ? result.plan.phases[1] : undefined;
  if (phase?.kind !== 'transfer' || phase.transfers[0] === undefined) throw new Error('no transfer');
  return phase.transfers[0];
}

/** A SELECT's tree without what may differ: where things stand, the schema that was left out, and the alias that repeats a table's name. */
function treeOf(sql: string): unknown {
  return JSON.parse(JSON.stringify(parseSync(sql).stmts?.[0]?.stmt), (key, value: unknown) => {
    if (key === 'location' || key === 'stmt_len') return undefined;
    if (key !== 'RangeVar' || typeof value !== 'object' || value === null) return value;
    const range = value as { relname: string; schemaname?: string; alias?: { aliasname: string } };
    return { ...range, schemaname: range.schemaname ?? 'public', alias: range.alias ?? { aliasname: range.relname } };
  });
}

function withName({ before, after }: AroundName, name: string): string {
  return before + name + after;
}

const gaps = fc.constantFrom(' ', '\n', '\t ', ' /* ä "x" from old_books */ ', ' -- größer ≥ 𝒙, old_books\n', '\n  /* a /* nested */ one */\n');
const names = fc.constantFrom(
  { header: 'old_books', written: 'old_books', bare: 'old_books' },
  { header: 'old_books', written: 'OLD_BOOKS', bare: 'Old_Books' },
  { header: 'old_books', written: 'public.old_books', bare: 'old_books' },
  { header: 'old_books', written: '"public" . old_books', bare: 'old_books' },
  { header: '"Bücher"', written: '"Bücher"', bare: '"Bücher"' },
  { header: 'alt."Ünï ""x"""', written: 'alt /* 𝒙 */ . "Ünï ""x"""', bare: '"Ünï ""x"""' },
);
const aliases = fc.constantFrom('', 'b', 'as b', '"ß"', 'as "ß" (id, no, label)');
const texts = fc.constantFrom("'a from old_books'", "$$ old_books 'ä' $$", "E'\\u00e4'", "'𝒙'", '1');
const lookups = fc.constantFrom(
  '',
  'left join archive a on a.id = REF.no',
  'join shop."Ä" as a on REF.no = a.id',
  'left join archive on archive.id = REF.no',
);

test('a name put back between before and after gives the same SELECT', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ name: names, alias: aliases, gap: gaps, gap2: gaps, text: texts, lookup: lookups, star: fc.constantFrom('', '*', ' *') }),
      async ({ name, alias, gap, gap2, text, lookup, star }) => {
        const reference = alias === '' ? name.bare : (/^(?:as )?("[^"]+"|\w+)/.exec(alias)?.[1] ?? '');
        const from = `from${gap}${name.written}${star}${alias === '' ? '' : gap2 + alias}${gap}${lookup.replaceAll('REF', reference)}`;
        const transfer = await transferOf(name.header, `select ${reference}.id,${gap}${text} as label ${from}`);
        expect(treeOf(withName(transfer.driving, quoteName(transfer.from)))).toEqual(treeOf(transfer.select));
        expect(treeOf(withName(transfer.driving, '"stepgate_old"'))).not.toEqual(treeOf(transfer.select));
        for (const one of transfer.lookups) expect(treeOf(withName(one, quoteName(one.table)))).toEqual(treeOf(transfer.select));
      },
    ),
    { numRuns: 200 },
  );
});

test('a table without an alias keeps its own name as one', async () => {
  const { driving } = await transferOf('old_books', 'select old_books.id from old_books');
  expect(driving).toEqual({ before: 'select old_books.id from ', after: ' as "old_books"' });
});

test('a star goes with the name, and so do the brackets of ONLY', async () => {
  expect((await transferOf('old_books', 'select b.id from public.old_books * b')).driving).toEqual({ before: 'select b.id from ', after: ' b' });
  const only = await transferOf('old_books', 'select b.id from only (public.old_books)b where b.id > 0', 'none');
  expect(only.driving).toEqual({ before: 'select b.id from only ', after: ' b where b.id > 0' });
});

test('a table whose columns are named with its schema gets no alias', async () => {
  const { driving, select } = await transferOf('old_books', 'select public.old_books.id from public.old_books', 'none');
  expect(treeOf(withName(driving, 'public.old_books'))).toEqual(treeOf(select));
  expect(driving).toEqual({ before: 'select public.old_books.id from ', after: '' });
});
