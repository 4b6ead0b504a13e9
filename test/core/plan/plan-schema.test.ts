import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { planSchema } from '../../../core/plan/plan-schema.ts';

test('migrations/plan.schema.json is what npm run plan-schema writes', async () => {
  const path = join(import.meta.dirname, '../../../migrations/plan.schema.json');
  expect(await readFile(path, 'utf8')).toBe(planSchema());
});

test('the JSON Schema asks for title and phases, and knows no other keys than the compiler', () => {
  const schema: unknown = JSON.parse(planSchema());
  expect(schema).toMatchObject({ required: ['title', 'phases'], additionalProperties: false });
  expect(Object.keys((schema as { properties: object }).properties)).toEqual([
    'title',
    'quality',
    'onFailure',
    'window',
    'rollbackFor',
    'notes',
    'phases',
  ]);
});
