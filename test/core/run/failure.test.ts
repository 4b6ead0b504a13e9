import { expect, test } from 'vitest';
import { failureOf } from '../../../core/run/failure.ts';
import { isAboutOneOf } from '../../../core/run/preflight.ts';

test.each([
  { cause: '{"errorType":"GateRefusedError","errorMessage":"no","trace":[]}', sentence: 'no' },
  { cause: 'no', sentence: 'no' },
  { cause: '', sentence: 'X' },
  { cause: '{"other":1}', sentence: 'X: {"other":1}' },
  { cause: '{"errorMessage":7}', sentence: 'X: {"errorMessage":7}' },
])('a cause of $cause is said as "$sentence"', ({ cause, sentence }) => {
  expect(failureOf({ Error: 'X', Cause: cause })).toEqual({ error: 'X', sentence });
});

test('no error is no failure', () => {
  expect(failureOf(null)).toBeNull();
});

test.each([
  { message: 'ERROR: relation "public.townz" does not exist', missing: 'townz' },
  { message: 'ERROR: relation "townz" does not exist', missing: 'townz' },
  { message: 'ERROR: column p.agee does not exist', missing: 'agee' },
  { message: 'ERROR: column "agee" does not exist', missing: 'agee' },
  { message: 'ERROR: function slow(integer, text) does not exist', missing: 'slow' },
  { message: 'ERROR: type "mood" does not exist', missing: 'mood' },
])('"$message" is about $missing only', ({ message, missing }) => {
  const table = (name: string) => ({ kind: 'table', schema: 'public', name }) as const;
  expect(isAboutOneOf(message, [table(missing)])).toBe(true);
  expect(isAboutOneOf(`select ${missing.slice(1)}: ${message}`, [table(missing.slice(1)), table('p'), table('exist'), table('')])).toBe(false);
});
