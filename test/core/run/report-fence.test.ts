import { expect, test } from 'vitest';
import { PhaseId } from '../../../core/ids.ts';
import { fenceFindings } from '../../../core/run/fence-findings.ts';
import { JournalEntry } from '../../../core/run/journal.ts';
import { buildReport } from '../../../core/run/report.ts';
import { renderReport } from '../../../core/run/report-markdown.ts';
import { PLAIN_PLACE } from '../../../core/run/run-place.ts';

const at = '2026-01-05T22:00:00.000Z';
const RUN = JournalEntry.parse({
  kind: 'run',
  at,
  run: 'shop-1',
  executionArn: 'arn',
  plan: 'shop',
  digest: 'a'.repeat(64),
  mode: 'execute',
  title: 'Shop',
  phases: ['cutover'],
  notes: [],
  startedAt: at,
});
const UP = JournalEntry.parse({
  kind: 'fence',
  at,
  phase: 'cutover',
  status: 'up',
  objects: 12,
  roles: [{ role: 'crm_owner', why: 'owns table public.contacts' }],
  ended: [{ pid: 17, role: 'crm_app', state: 'idle in transaction', seconds: 31 }],
  passing: ['rdsadmin'],
  probed: 4,
});
const LOWERED = JournalEntry.parse({
  kind: 'fence',
  at,
  status: 'lowered',
  objects: 12,
  roles: 1,
  stoodMs: 12_345,
  notes: ['table public.old is gone'],
  stuck: [],
});

function ended(outcome: string, error: string | null = null) {
  const failure = error === null ? null : { error, sentence: 'it failed' };
  return JournalEntry.parse({ kind: 'outcome', at, outcome, sentence: outcome, failure, laterFailures: [], endedAt: at });
}

test('a halted run that keeps its fence names the command that lifts it; a fence that is lowered is not spoken of again', () => {
  const lifts = (entries: readonly JournalEntry[], place = PLAIN_PLACE) =>
    buildReport(entries, place).next.flatMap(({ command }) => (command.includes('lower_fence') ? [command] : []));
  const kept = JournalEntry.parse({ kind: 'fence', at, status: 'kept', since: at });
  expect(lifts([RUN, kept, ended('halted', 'UndoFailedError')])).toEqual([`psql "$DATABASE_URL" -c "select stepgate.lower_fence('shop')"`]);
  expect(lifts([RUN, UP], { ...PLAIN_PLACE, kind: 'embedded', options: '--data /tmp/x' })).toEqual([
    `psql "$(npx stepgate local psql-url --data /tmp/x)" -c "select stepgate.lower_fence('shop')"`,
  ]);
  expect(lifts([RUN, UP, LOWERED, ended('halted', 'UndoFailedError')])).toEqual([]);
  expect(lifts([RUN, UP, kept, ended('halted', 'StaleTokenError')])).toEqual([]);
});

test('the report tells who was kept out, who lost the login and why, what was ended, and what others did meanwhile', () => {
  const page = renderReport(buildReport([RUN, UP, LOWERED, ended('migrated')]));
  expect(page).toContain('rights to write taken from 12 objects, by 4 real tries nobody could write; not kept out: the migrator, rdsadmin');
  expect(page).toContain('role crm_owner lost its login, since it owns table public.contacts');
  expect(page).toContain('ended, since it could still write: backend 17 of role crm_app (idle in transaction), 31 s old');
  expect(page).toContain('lowered: 12 objects and 1 login as before; applications could not write for 12.3 s');
  expect(page).toContain('table public.old is gone');
});

test('every gate says that nobody but a next run or a person lifts a fence; a role that cannot be kept out refuses', () => {
  const phase = { id: PhaseId.parse('cutover'), fence: true };
  expect(fenceFindings({ phases: [] }, [])).toEqual([]);
  const said = fenceFindings({ phases: [phase] }, [
    { role: 'app', why: 'owns contacts', isOurs: true },
    { role: 'other', why: 'owns calls', isOurs: false },
  ]);
  expect(said.map(({ status }) => status)).toEqual(['warn', 'warn', 'fail']);
  expect(said[0]?.advice).toContain('nothing lifts the fence but the next run of the plan, or a person');
});
