import { join } from 'node:path';
import type { RunPlace } from '../core/run/run-place.ts';
import { DATA_FOLDER, PLANS_FOLDER, shownPath } from './data-folder.ts';
import { type DatabaseChoice, dataFolderOf } from './database-choice.ts';
import type { StackChoice } from './open-stack.ts';
import type { Shell } from './shell.ts';

/** What commands of ours take to reach the place that the options name, from the folder in which they are typed; never a password. */
export function placeOf({ folder, plansFolder, database, stack }: Pick<Shell, 'folder' | 'plansFolder' | 'database' | 'stack'>): RunPlace {
  const planOptions = plansFolder === PLANS_FOLDER ? '' : `--plans ${shellWord(shownPath(plansFolder))}`;
  if (stack !== undefined) return { kind: 'stack', options: stackOptions(stack), planOptions, snapshotOptions: '', snapshotFolder: null };
  const data = folder === dataFolderOf(DATA_FOLDER, database) ? [] : [`--data ${shellWord(shownPath(folder))}`];
  if (database === undefined)
    return {
      kind: 'embedded',
      options: data.join(' '),
      planOptions,
      snapshotOptions: '',
      snapshotFolder: shownPath(join(folder, 'rds', 'snapshots')),
    };
  return {
    kind: 'external',
    options: [`--database-url ${shellWord(database.address.psqlUrl)}`, ...data].join(' '),
    planOptions,
    snapshotOptions: snapshotOptions(database.snapshot),
    snapshotFolder: null,
  };
}

function stackOptions({ name, construct, profile, region }: StackChoice): string {
  const options = { stack: construct === undefined ? name : `${name}/${construct}`, profile, region };
  return Object.entries(options)
    .flatMap(([option, value]) => (value === undefined ? [] : [`--${option} ${shellWord(value)}`]))
    .join(' ');
}

function snapshotOptions(snapshot: DatabaseChoice['snapshot']): string {
  if (snapshot === null) return '';
  return snapshot.kind === 'none'
    ? '--no-snapshot'
    : `--snapshot-command ${shellWord(snapshot.take)} --restore-command ${shellWord(snapshot.restore)}`;
}

/** As a POSIX shell takes it for one word. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
