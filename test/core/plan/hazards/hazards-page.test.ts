import { expect, test } from 'vitest';
import { HAZARD_NAMES, HAZARDS } from '../../../../core/plan/hazards/hazard.ts';
import { WAITS } from '../../../../core/plan/hazards/lock.ts';
import { compileExample, faultsIn } from './example-plan.ts';
import { shownHazards, squawkRules } from './hazards-page.ts';

const shown = shownHazards();

test('docs/hazards.md shows each hazard of the list, once and in its order', () => {
  expect(shown.map(({ name }) => name)).toEqual(HAZARD_NAMES);
});

test.each(HAZARD_NAMES)('docs/hazards.md says of %s what the compiler says', (name) => {
  const { what, lock, safe } = HAZARDS[name];
  const text = shown.find((one) => one.name === name)?.text ?? '';
  expect(text).toContain(`It ${what}. ${lock === null ? 'No lock makes others wait.' : `Lock: ${lock}; ${WAITS[lock]}.`}`);
  expect(text).toContain(`Safe way: ${safe}.`);
});

test.each(shown)('the bad example of $name has that hazard alone', async ({ name, bad }) => {
  const faults = await faultsIn(bad);
  expect(faults.map((fault) => fault.hazard ?? fault.message)).toEqual([name]);
  expect(faults[0]?.message).toContain(`${name}: `);
});

test.each(shown)('the good example of $name compiles', async ({ good }) => {
  expect(await faultsIn(good)).toEqual([]);
});

test.each(shown)('the bad example of $name compiles when a header accepts it', async ({ name, bad }) => {
  const first = (await faultsIn(bad))[0]?.file ?? '';
  const result = await compileExample({ ...bad, [first]: `--! allow: ${name} because it is an example\n${bad[first]}` });
  expect(result.ok && result.plan.accepted.filter(({ hazard }) => hazard === name)).toMatchObject([{ because: 'it is an example', file: first }]);
});

test("the table of Squawk's rules names hazards of the list", () => {
  const named = [...squawkRules().values()].flatMap((said) => [...said.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name));
  expect(named.filter((name) => !HAZARD_NAMES.some((known) => known === name))).toEqual([]);
});
