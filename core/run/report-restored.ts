import * as z from 'zod';
import { durationInWords } from './in-words.ts';
import { list, table } from './markdown.ts';
import type { Report } from './report.ts';
import type { Facts } from './report-facts.ts';
import type { NextAction } from './report-next.ts';
import { deleteCommands, swapCommands } from './restore-commands.ts';
import type { RestoreFacts } from './restore-facts.ts';
import type { RunPlace } from './run-place.ts';

const at = z.iso.datetime();
const Difference = z.object({ what: z.string(), before: z.string(), after: z.string() });

/** How long a level of the way back took, by the workflow's clock. The goals are those of the project: five minutes, and half an hour. */
export const Level = z.object({
  level: z.union([z.literal(2), z.literal(3)]),
  startedAt: at,
  endedAt: at,
  durationMs: z.number(),
  goalMs: z.number(),
});

/** What became of the snapshot's restore. */
export const RestoreReport = z.object({
  /** `none`: nothing was begun; null while it works. */
  end: z.enum(['restored', 'prepared', 'failed', 'none']).nullable(),
  because: z.array(z.string()),
  snapshot: z.string().nullable(),
  /** By the name that applications know. */
  cluster: z.string().nullable(),
  /** The restored cluster, as it is called now. */
  restored: z.string().nullable(),
  /** The old cluster, where it has another name now. */
  kept: z.string().nullable(),
  notRestored: z.array(z.string()),
  verified: z.object({ schemaEqual: z.boolean(), tables: z.number().int(), rows: z.number().int(), differences: z.array(Difference) }).nullable(),
  steps: z.array(z.object({ at, what: z.string() })),
});
export type RestoreReport = z.infer<typeof RestoreReport>;

export function restoreReport(restore: RestoreFacts): RestoreReport | null {
  const { begun, end, steps, verified } = restore;
  if (begun === null && end === null) return null;
  const isSwapped = end?.end === 'restored';
  return {
    end: end?.end ?? null,
    because: end === null || end.because === '' ? [...(begun?.because ?? [])] : [end.because],
    snapshot: begun?.snapshot ?? null,
    cluster: begun?.cluster ?? null,
    restored: begun === null ? null : isSwapped ? begun.cluster : begun.restored,
    kept: begun !== null && isSwapped ? begun.kept : null,
    notRestored: [...(begun?.notRestored ?? [])],
    verified: verified && { schemaEqual: verified.schemaEqual, tables: verified.tables, rows: verified.rows, differences: verified.differences },
    steps: steps.map(({ at: time, what }) => ({ at: time, what })),
  };
}

const GOALS_MS = { 2: 5 * 60_000, 3: 30 * 60_000 } as const;

/** Levels 2 and 3, each from its first act to its proof. A level that never came to its end has no time. */
export function levelTimes({
  phases,
  transfers,
  undo,
  restore,
}: Pick<Facts, 'phases' | 'transfers' | 'undo' | 'restore'>): readonly z.infer<typeof Level>[] {
  const undone = [...phases, ...transfers].filter(({ direction }) => direction === 'undo').map((one) => one.at);
  const level = (number: 2 | 3, startedAt: string | undefined, endedAt: string | undefined) =>
    startedAt === undefined || endedAt === undefined
      ? []
      : [{ level: number, startedAt, endedAt, durationMs: Date.parse(endedAt) - Date.parse(startedAt), goalMs: GOALS_MS[number] }];
  const end = restore.end?.end === 'restored' || restore.end?.end === 'prepared' ? restore.end.at : undefined;
  return [...level(2, undone.toSorted()[0], undo?.at), ...level(3, restore.begun?.at, end)];
}

/** The section of the page. */
export function restoreText({ restore, levels }: Report): string | null {
  const times = levels.map(({ level, durationMs, goalMs, startedAt, endedAt }) => [
    level === 2 ? '2: undo of the phases' : '3: restore of the snapshot',
    durationInWords(durationMs),
    `${durationInWords(goalMs)}${durationMs > goalMs ? ', missed' : ''}`,
    `${startedAt} to ${endedAt}`,
  ]);
  const timed = times.length === 0 ? null : table(['way back', '>took', '>goal', 'when'], times);
  if (restore === null) return timed;
  const { end, because, snapshot, cluster, restored, kept, notRestored, verified, steps } = restore;
  const said = {
    restored: `Snapshot \`${snapshot}\` serves as cluster \`${cluster}\`. The old cluster is kept as \`${kept}\`, with every write since.`,
    prepared: `Snapshot \`${snapshot}\` is restored as cluster \`${restored}\`, beside \`${cluster}\`, which serves.`,
    failed: `The restore of snapshot \`${snapshot}\` as cluster \`${restored}\` failed.`,
    none: 'Nothing was restored.',
  };
  const proof =
    verified &&
    `${verified.schemaEqual && verified.differences.length === 0 ? 'PASS' : 'FAIL'}: schema ${verified.schemaEqual ? 'equal' : 'not equal'}, ${verified.tables} tables with ${verified.rows} rows held against the digests of before`;
  const parts = [
    end === null ? `Snapshot \`${snapshot}\` is being restored as cluster \`${restored}\`.` : said[end],
    because.length === 0 ? null : list([...because]),
    proof,
    verified === null || verified.differences.length === 0
      ? null
      : table(
          ['table', 'before', 'restored'],
          verified.differences.map((one) => [one.what, one.before, one.after]),
        ),
    notRestored.length === 0 ? null : `Not given to the new cluster, a person has to: ${notRestored.join(', ')}.`,
    timed,
    steps.length === 0
      ? null
      : table(
          ['begun', 'step'],
          steps.map((step) => [step.at, step.what]),
        ),
  ];
  return parts.filter((part) => part !== null).join('\n\n');
}

/** What a person can do about clusters that a restore has made, each by name. */
export function restoredActions({ restore }: Pick<Facts, 'restore'>, { kind }: RunPlace): readonly NextAction[] {
  const { begun, end, steps } = restore;
  if (begun === null) return [];
  const asking = { isStack: kind === 'stack' };
  const variables = kind === 'stack' ? '' : ', with the variables that "npx stepgate local up" prints';
  const isProtected = begun.settings.isProtected;
  const remove = (what: string, cluster: string, instances: readonly string[]): NextAction => ({
    what: `${what}${variables}`,
    command: deleteCommands({ cluster, instances }, { ...asking, isProtected }),
    input: null,
  });
  if (end?.end === 'restored')
    return [
      remove(
        `the old cluster is kept, with every write since the snapshot; when nobody needs it any more`,
        begun.kept,
        begun.instances.map(({ kept }) => kept),
      ),
    ];
  const own = begun.instances.map(({ restored }) => restored);
  const isMade = steps.some(({ step }) => step === 'restore-cluster');
  return [
    ...(end?.end === 'prepared'
      ? [
          {
            what: `or give the restored cluster the name of the old one, each command when the one before is through (the status is available again); writes since the snapshot stay in ${begun.kept}${variables}`,
            command: swapCommands(begun, asking),
            input: null,
          },
        ]
      : []),
    ...(isMade ? [remove('or take the restored cluster away again', begun.restored, own)] : []),
  ];
}
