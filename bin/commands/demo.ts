import { resolve } from 'node:path';
import type { CompiledPlan } from '../../core/plan/compiled-plan.ts';
import { counted, durationInWords } from '../../core/run/in-words.ts';
import { commandAt, type RunPlace } from '../../core/run/run-place.ts';
import { DEMO_FOLDER, emptyDataFolder } from '../data-folder.ts';
import { LIVE_PLANS, liveDemo, liveExitCode, liveLines } from '../live-demo.ts';
import { type OpenEngine, openEngine } from '../open-engine.ts';
import { outsideHand } from '../outside-hand.ts';
import { type LoadedPlan, loadPlan } from '../plans.ts';
import { runPlan } from '../run-plan.ts';
import { engineSite, type RunSite } from '../run-site.ts';
import { runExitCode } from '../run-summary.ts';
import { seedIfEmpty } from '../seed-database.ts';
import type { Shell } from '../shell.ts';
import { changedTables, type Digests, tableDigests } from '../source-digests.ts';
import { tellEnd } from './run.ts';

export interface DemoRequest {
  readonly plan: string | undefined;
  /** The phase after which a row is spoiled from outside. */
  readonly fail: string | undefined;
  /** Whether an application works beside it, where the plan brings one. */
  readonly live: boolean;
  readonly json: boolean;
}

/**
 * Makes the plan's demo database and migrates it, from nothing, the way `execute` does. The exit code is that of the run.
 *
 * A plan that brings an application is shown with it, and with the way back two days later.
 */
export async function demo(shell: Shell, { plan: name, fail, live, json }: DemoRequest): Promise<number> {
  const { terminal, folder } = shell;
  const loaded = await loadPlan(shell.plansFolder, name);
  const hand = fail === undefined ? undefined : outsideHand(loaded.plan, { phase: fail, tell: (line) => terminal.say(`! ${line}`) });
  await emptyDataFolder(folder);
  const engine = await openEngine(shell, [loaded], hand?.onStateExited);
  try {
    hand?.reach(engine);
    const site = engineSite(engine, shell);
    const before = await makeDatabase(shell, engine, loaded);
    if (live && fail === undefined && LIVE_PLANS.includes(loaded.plan.id)) return await showLive(shell, { engine, site, loaded, json });
    const ended = await runPlan(shell, site, { ...loaded, mode: 'execute', input: { plan: loaded.plan.id, mode: 'execute', digest: loaded.digest } });
    tellEnd(shell, site, { ended, mode: 'execute', json });
    const isAsBefore = fail === undefined || tellComparison(shell, before, await tableDigests(engine.psqlUrl));
    for (const line of moreToTry(loaded.plan, { place: site.place, isUsual: folder === resolve(DEMO_FOLDER), isSpoiled: fail !== undefined }))
      terminal.say(line);
    return isAsBefore ? runExitCode(ended.end, 'execute') : 1;
  } finally {
    await engine.close();
  }
}

interface LiveStage {
  readonly engine: OpenEngine;
  readonly site: RunSite;
  readonly loaded: LoadedPlan;
  readonly json: boolean;
}

async function showLive(shell: Shell, { json, ...stage }: LiveStage): Promise<number> {
  const { terminal } = shell;
  const shown = await liveDemo({ shell, ...stage });
  const { migrated, rolledBack, application } = shown;
  if (json) {
    const documentOf = ({ id, end, page, wallMs, report }: typeof migrated) => ({ run: id, ...end, wallMs, page, report });
    terminal.out(JSON.stringify({ migrated: documentOf(migrated), rolledBack: rolledBack && documentOf(rolledBack), application }, null, 2));
  } else {
    tellEnd(shell, stage.site, { ended: rolledBack ?? migrated, mode: rolledBack === null ? 'execute' : 'rollback', json });
    terminal.out(liveLines(shown).join('\n'));
    for (const line of moreToTry(stage.loaded.plan, { place: stage.site.place, isUsual: shell.folder === resolve(DEMO_FOLDER), isSpoiled: false }))
      terminal.say(line);
  }
  return liveExitCode(shown);
}

async function makeDatabase({ terminal, now, signal }: Shell, engine: OpenEngine, loaded: LoadedPlan): Promise<Digests> {
  terminal.show('making the demo database');
  const begun = now().getTime();
  await seedIfEmpty(engine.psqlUrl, loaded);
  const digests = await tableDigests(engine.psqlUrl);
  const rows = [...digests.values()].reduce((sum, digest) => sum + Number.parseInt(digest, 10), 0);
  terminal.say(`demo database: ${counted(digests.size, 'table')}, ${counted(rows, 'row')}, made in ${durationInWords(now().getTime() - begun)}`);
  signal.throwIfAborted();
  return digests;
}

/** The demo's own word on what the run says it has proven. */
function tellComparison({ terminal }: Shell, before: Digests, after: Digests): boolean {
  const changed = changedTables(before, after);
  const tables = before.size === 1 ? 'the table holds' : `all ${before.size} tables hold`;
  terminal.say(
    changed.length === 0
      ? `\nchecked apart from the run: ${tables} the same rows as before, and no other is left`
      : `\nchecked apart from the run: NOT as before: ${changed.join(', ')}`,
  );
  return changed.length === 0;
}

function moreToTry(
  { id, phases }: CompiledPlan,
  { place, isUsual, isSpoiled }: { readonly place: RunPlace; readonly isUsual: boolean; readonly isSpoiled: boolean },
): readonly string[] {
  const spoiled = phases.find(({ kind }) => kind === 'transfer') ?? phases.at(-1);
  const again = ['npx stepgate demo', id, place.planOptions, isUsual ? '' : place.options].filter((word) => word !== '').join(' ');
  const other = isSpoiled
    ? [again, 'without a spoiled row']
    : [`${again} --fail ${spoiled?.id}`, 'a row is spoiled from outside; the run finds it and goes back'];
  const at = (command: string) => commandAt(place, command);
  const lines = [
    [at('npx stepgate report'), 'the whole report, with every query'],
    other,
    [at('npx stepgate local up'), `keeps the database up; then psql "$(${at('npx stepgate local psql-url')})"`],
    ['npx cdk synth', 'the same workflow as a stack; docs/deploy.md has the rest'],
  ];
  return ['', 'also', ...lines.map(([command, what]) => `  ${command}\n      ${what}`)];
}
