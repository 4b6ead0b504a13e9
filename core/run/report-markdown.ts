import { bytesInWords, counted, countInWords, durationInWords } from './in-words.ts';
import { codeBlock, list, section, table } from './markdown.ts';
import type { Report } from './report.ts';
import { CHECK_HEADINGS, checkRow, checkTable, findingTable, type Source, scopeTable } from './report-checks.ts';
import { comparisonTable, targetTable } from './report-comparison.ts';
import { fenceText } from './report-fence.ts';
import { hazardTable } from './report-hazards.ts';
import { restoreText } from './report-restored.ts';
import { conflictTable, keptRows, keptValues, notCarriedTable, undoProof } from './report-undo.ts';

/** The report as a page: outcome first, then what was checked, each line with the number of the query or call that gave it. */
export function renderReport(report: Report): string {
  const sources: string[] = [];
  const source: Source = (text) => {
    if (!sources.includes(text)) sources.push(text);
    return `[${sources.indexOf(text) + 1}](#s${sources.indexOf(text) + 1})`;
  };
  const parts = [
    headline(report),
    section(
      '## Status',
      table(
        ['step', 'status', 'what was found'],
        report.stages.map(({ stage, status, detail }) => [stage, status, detail]),
      ),
    ),
    section('## What to do next', ...nextSteps(report)),
    section('## Pre-flight', preflight(report, source)),
    section('## Assessment', ...assessment(report, source)),
    section('## Snapshot', snapshot(report)),
    section('## Before the first change', checkTable(report.before, source), baseline(report)),
    section('## Phases', phases(report), phaseChecks(report, source)),
    section('## Transfers', transfers(report)),
    section('## Comparison of every row', comparisonTable(report, source), targetTable(report, source)),
    section('## After the last phase', checkTable(report.after, source)),
    section('## Fence', fenceText(report)),
    section('## Proof of the undo', undoProof(report)),
    section('## Restore', restoreText(report)),
    section('## Conflicts', conflictTable(report)),
    section('## Not carried back', notCarriedTable(report)),
    section('## Kept rows', keptRows(report)),
    section('## Kept values', keptValues(report)),
    section('## Accepted hazards', hazardTable(report)),
    section('## Not checked: for people to judge', report.notChecked.length === 0 ? null : list(report.notChecked.map((note) => `[ ] ${note}`))),
    section('## Queries and calls', ...sources.map((text, index) => `<a id="s${index + 1}"></a>${index + 1}.\n\n${codeBlock(text, 'sql')}`)),
  ];
  return `${parts.filter((part) => part !== null).join('\n\n')}\n`;
}

/** What became of each execution that went on for a dead run. */
const RECOVERY_WORDS = { begun: 'recovered by', left: 'left alone by', 'given-up': 'not recovered by' } as const;

function headline({ place, run, outcome, totals, lock, recoveries }: Report): string {
  const word = outcome === null ? 'no outcome yet' : outcome.outcome;
  const counts = `${totals.checks.pass} PASS, ${totals.checks.fail} FAIL, ${totals.checks.warn} WARN, ${totals.checks.info} INFO`;
  const facts: (readonly [string, string])[] = [
    ...(run === null ? [] : [['plan', `${run.plan}: ${run.title}`] as const, ['mode', run.mode] as const, ['run', run.id] as const]),
    ...(run === null ? [] : [['plan digest', run.digest] as const, ['execution', run.executionArn] as const]),
    ...(run === null ? [] : [['started', run.startedAt] as const, ['ended', run.endedAt ?? 'not yet'] as const]),
    ...(run === null || run.durationMs === null ? [] : [['duration', duration(run.durationMs, place)] as const]),
    ...(run === null || run.deadline === null ? [] : [['window ends', run.deadline] as const]),
    ...(run === null || run.to === null ? [] : [['back to', `phase ${run.to}, which stays`] as const]),
    ...(run === null || run.accept === null ? [] : [['accepts', `the differences ${run.accept}`] as const]),
    ...(outcome === null ? [] : [['exit code', String(outcome.exitCode)] as const]),
    ['checks', counts],
    ['rows moved', countInWords(totals.rowsMoved)],
    ['differences', totals.differences === null ? 'not compared' : countInWords(totals.differences)],
    ...(lock === null || lock.takenOverFrom === null ? [] : [['goes on from', lock.takenOverFrom] as const]),
    ...recoveries.map((recovery) => [RECOVERY_WORDS[recovery.status], `${recovery.by}: ${recovery.because}`] as const),
  ];
  const failures = [outcome?.failure ?? null, ...(outcome?.laterFailures ?? [])].filter((failure) => failure !== null);
  const told = failures.map(({ error, sentence }, index) => `${index === 0 ? 'first' : 'then'}: ${error}: ${sentence}`);
  return [`# ${run?.plan ?? 'Run'}: ${word}`, outcome?.sentence ?? '', told.length === 0 ? '' : list(told), table(['', ''], facts)]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** Where waits are jumped over, a clock on the wall saw less of it, and may be behind. */
function duration(ms: number, place: Report['place']): string {
  return `${durationInWords(ms)}${place === 'embedded' ? " by the workflow's clock, waits included; the local engine jumps over waits, so these times are ahead of the wall's" : ''}`;
}

const PASSWORD_NOTE = 'The password is left out of these commands: give it in `PGPASSWORD` or `~/.pgpass`, or write it into the URL.';

function nextSteps({ next, place }: Report): readonly string[] {
  const steps = next.map(({ what, command, input }) => {
    // The local engine has no console.
    const fromConsole = input === null || place !== 'stack' ? '' : `\n\nor, from the console, with the input\n\n${codeBlock(input, 'json')}`;
    return `**${what}**\n\n${codeBlock(command, 'sh')}${fromConsole}`;
  });
  return place === 'external' && next.length > 0 ? [PASSWORD_NOTE, ...steps] : steps;
}

function preflight({ preflight: found }: Report, source: Source): string | null {
  return found === null ? null : findingTable(found.findings, source);
}

function assessment({ assessment: found }: Report, source: Source): readonly (string | null)[] {
  if (found === null) return [];
  const volumes = found.tables.map((one) => [
    one.table,
    `${one.estimated ? 'about ' : ''}${countInWords(one.rows)}`,
    bytesInWords(one.bytes),
    bytesInWords(one.indexBytes),
    one.rows === 0 ? '' : bytesInWords(Math.round(one.bytes / one.rows)),
  ]);
  return [
    table(['table', '>rows', '>size', '>indexes', '>average row'], volumes),
    checkTable(found.checks, source),
    ...found.checks.map(scopeTable),
    fromJournal('Assess'),
  ];
}

function snapshot({ snapshot: taken }: Report): string | null {
  if (taken === null) return null;
  if (taken.status === 'none') return `**None**: ${taken.because}. Source: the setting STEPGATE_SNAPSHOT of the functions.`;
  const { id, status, requestedAt, availableAt, keepUntil, adoptedFrom, restoreCommand } = taken;
  const from = adoptedFrom === null ? '' : `, taken by run ${adoptedFrom}`;
  const times = `requested ${requestedAt}, available ${availableAt ?? 'not yet'}, kept until ${keepUntil}`;
  const restored = restoreCommand === undefined ? null : `Restored by\n\n${codeBlock(restoreCommand, 'sh')}`;
  return [`\`${id}\`: ${status}${from}; ${times}. Source: rds:DescribeDBClusterSnapshots.`, ...(restored === null ? [] : [restored])].join('\n\n');
}

function baseline({ baseline: taken }: Report): string | null {
  if (taken === null) return null;
  const from = taken.adoptedFrom === null ? '' : ` (of run ${taken.adoptedFrom})`;
  const rows = taken.tables.map(({ table: name, rows: count, digest }) => [name, countInWords(count), digest]);
  const said = `State of before${from}, which an undo is held against; schema digest ${taken.schemaDigest}`;
  return [said, table(['table', '>rows', 'digest'], rows), fromJournal('MeasureBefore')].join('\n\n');
}

function phases({ phases: done, transfers: moved }: Report): string | null {
  const rows = done.map((phase) => {
    const own = moved.filter((transfer) => transfer.phase === phase.phase && transfer.direction === phase.direction);
    const work = own.length === 0 ? counted(phase.statements, 'statement') : counted(own.length, 'transfer');
    return [phase.ordinal, phase.phase, phase.direction, work, durationInWords(phase.durationMs), phase.enteredAt];
  });
  return rows.length === 0
    ? null
    : [
        table(['>', 'phase', 'direction', '>work', '>took', 'state entered'], rows),
        fromJournal('RunPhase', 'RunLong', 'RunBackfill', 'UndoPhase'),
      ].join('\n\n');
}

function phaseChecks({ phases: done }: Report, source: Source): string | null {
  const rows = done.flatMap((phase) => phase.checks.map((check) => [phase.phase, ...checkRow(check, source)]));
  return rows.length === 0 ? null : table(['phase', ...CHECK_HEADINGS], rows);
}

function transfers({ transfers: done }: Report): string | null {
  const rows = done.map(({ phase, transfer, direction, from, into, rows: count, batches, durationMs, rowsPerSecond }) => [
    phase,
    transfer,
    direction,
    from,
    into,
    countInWords(count),
    batches,
    durationInWords(durationMs),
    rowsPerSecond === null ? '' : countInWords(rowsPerSecond),
  ]);
  return rows.length === 0 ? null : table(['phase', 'transfer', 'direction', 'from', 'into', '>rows', '>batches', '>took', '>rows/s'], rows);
}

/** What has no query of its own was counted by the state that did it. */
function fromJournal(...states: readonly string[]): string {
  return `Counted and timed by ${states.join(', ').replace(/, ([^,]*)$/, ' and $1')}; the entries are in the run's folder \`journal/\`.`;
}
