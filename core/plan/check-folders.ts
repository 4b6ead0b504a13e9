import type { PlanOutline } from './parse-plan-file.ts';
import type { Report } from './plan-fault.ts';
import { fileFault } from './plan-fault.ts';
import type { PhaseEntry } from './plan-file.ts';
import type { PlanFolder } from './plan-folder.ts';

/** The SQL files of a phase without transfers. */
const PHASE_FILES = ['up.sql', 'undo.sql', 'verify.sql'];

const PLAN_FILES = ['before.sql', 'after.sql'];

/** Compares the phases of plan.yaml with the folders and files that are there, both ways. */
export function checkFolders(folder: PlanFolder, outline: PlanOutline, report: Report): void {
  const { phases } = outline;
  if (phases === null) return;
  const folders = [...folder.folders];
  const wanted = phases.map((phase, index) => (phase === null ? null : folderOf(phase, index)));
  wanted.forEach((name, index) => {
    if (name !== null && !folders.includes(name)) report(outline.faultAtPhase(index, explainMissing(name, folders, index)));
  });
  const unclear = new Set(wanted.flatMap((name, index) => (name === null || !folders.includes(name) ? [index + 1] : [])));
  for (const name of folders.filter((found) => !wanted.includes(found) && !isExplained(found, wanted, unclear))) {
    report(fileFault(name, `the folder belongs to no phase; plan.yaml has ${count(phases.length)}: add the phase there, or remove the folder`));
  }
  for (const path of folder.sql.keys()) reportStray(path, phases, wanted, unclear, report);
}

export function folderOf(phase: PhaseEntry, index: number): string {
  return `${index + 1}-${phase.id}`;
}

function explainMissing(name: string, folders: readonly string[], index: number): string {
  const id = name.slice(name.indexOf('-'));
  const other = folders.find((found) => found.startsWith(`${index + 1}-`)) ?? folders.find((found) => found.replace(/^\d+/, '') === id);
  const order = 'a folder is the number of its phase, a hyphen and its id';
  return other === undefined
    ? `phase ${index + 1} has no folder ${name}/ with files in it; ${order}`
    : `phase ${index + 1} should lie in ${name}/, but the folder is ${other}/; ${order}, so rename one of them`;
}

/** Whether a fault about a phase already speaks of this folder. */
function isExplained(found: string, wanted: readonly (string | null)[], unclear: ReadonlySet<number>): boolean {
  const id = found.replace(/^\d+/, '');
  return unclear.has(Number.parseInt(found, 10)) || wanted.some((name, index) => unclear.has(index + 1) && name?.replace(/^\d+/, '') === id);
}

function reportStray(
  path: string,
  phases: readonly (PhaseEntry | null)[],
  wanted: readonly (string | null)[],
  unclear: ReadonlySet<number>,
  report: Report,
): void {
  const slash = path.indexOf('/');
  const [folder, file] = slash === -1 ? [null, path] : [path.slice(0, slash), path.slice(slash + 1)];
  const index = folder === null ? -1 : wanted.indexOf(folder);
  if (folder === null ? PLAN_FILES.includes(file) : index === -1 && /^\d+-/.test(folder)) return;
  if (folder !== null && unclear.has(Number.parseInt(folder, 10))) return;
  const reason = index === -1 ? `a plan has ${PLAN_FILES.join(', ')} and the folders of its phases` : strayInPhase(file, phases[index] ?? null);
  if (reason !== null) report(fileFault(path, `nothing names this file: ${reason}; correct its name, or move it to demo/`));
}

function strayInPhase(file: string, phase: PhaseEntry | null): string | null {
  if (phase?.transfers === undefined)
    return phase === null || PHASE_FILES.includes(file) ? null : `the phase ${phase.id} has ${PHASE_FILES.join(', ')}`;
  if (phase.transfers.some((id) => file === `${id}.sql`)) return null;
  if (file === 'verify.sql') return 'every row of a transfer is compared anyway, so a transfer phase has no checks of its own';
  if (file === 'up.sql' || file === 'undo.sql') return `a transfer phase has no ${file}, since what it does and its undo are made from its transfers`;
  return `the phase ${phase.id} has ${phase.transfers.map((id) => `${id}.sql`).join(', ')}`;
}

function count(phases: number): string {
  return phases === 1 ? '1 phase' : `${phases} phases`;
}
