import { expect, test } from 'vitest';
import { writtenMeanwhile } from '../../../core/run/written-meanwhile.ts';

test('tables are told with their rows, objects of the schema by their number', () => {
  const digest = 'd41d8cd98f00b204e9800998ecf8427e';
  const found = [
    { what: 'column public.notes 1 id type integer', before: 'not there', after: 'there' },
    { what: 'relation public.notes kind r', before: 'not there', after: 'there' },
    { what: 'public.notes', before: 'not there', after: `1 rows ${digest}` },
    { what: 'public.contacts', before: `45230 rows ${digest}`, after: `45230 rows ${digest.replace('d', 'e')}` },
  ];
  expect(writtenMeanwhile(found)).toBe(
    'written meanwhile by others, and kept: public.notes: not there before, 1 row now, public.contacts: 45,230 rows before and now, other values, 2 lines of the schema',
  );
});
