import { expect, test } from 'vitest';
import { awaitCalls } from '../../../bin/live-crm/await-calls.ts';
import { endsWithin } from '../../../bin/live-crm/ends-within.ts';
import { DemoStuckError } from '../../../bin/no-run-error.ts';

const { signal } = new AbortController();

test('calls that never begin end the wait with a sentence that says what the application waits for', async () => {
  const waiting = awaitCalls({ begun: () => 64 }, { calls: 150, stuckAfterMs: 120, why: async () => 'its connections: 8 × Lock tuple', signal });
  await expect(waiting).rejects.toThrow(DemoStuckError);
  await expect(waiting).rejects.toThrow(/150 calls of it have not ended or begun for 120 ms; its connections: 8 × Lock tuple; run the demo again/);
});

test('calls that begin slowly are waited for', async () => {
  let begun = 0;
  const slow = {
    begun: () => {
      begun += 1;
      return begun;
    },
  };
  await awaitCalls(slow, { calls: 5, stuckAfterMs: 10_000, why: () => Promise.reject(new Error('was asked')), signal });
  expect(begun).toBeGreaterThan(5);
});

test('work that does not end is not waited for longer than it is given', async () => {
  expect(await endsWithin(new Promise(() => undefined), 20)).toBe(false);
  expect(await endsWithin(Promise.resolve(), 20)).toBe(true);
  await expect(endsWithin(Promise.reject(new Error('failed')), 20)).rejects.toThrow('failed');
});
