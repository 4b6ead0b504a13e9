import { assertNever } from '../assert-never.ts';
import { describeHolder } from './fence.ts';
import { counted, durationInWords } from './in-words.ts';
import { list } from './markdown.ts';
import type { Report } from './report.ts';

/** How application writes were kept out, and what became of it. */
export function fenceText({ fence }: Report): string | null {
  return fence.length === 0 ? null : list(fence.flatMap((told) => fenceLines(told).map((line) => `${told.at}: ${line}`)));
}

/** One line for each thing that is told of the fence. */
export function fenceLines(told: Report['fence'][number]): readonly string[] {
  switch (told.status) {
    case 'raising':
      return ['going up'];
    case 'refused':
      return [`refused: ${(told.because ?? []).join(' · ')}`];
    case 'up':
      return [
        `up: rights to write taken from ${counted(told.objects, 'object')}, by ${counted(told.probed, 'real try', 'real tries')} nobody could write; not kept out: ${['the migrator', ...told.passing].join(', ')}`,
        ...told.roles.map(({ role, why }) => `role ${role} lost its login, since it ${why}`),
        ...told.ended.map((holder) => `ended, since it could still write: ${describeHolder(holder)}`),
      ];
    case 'lowered':
    case 'stuck':
      return [
        `${told.status === 'lowered' ? 'lowered' : 'not wholly lowered'}: ${counted(told.objects, 'object')} and ${counted(told.roles, 'login')} as before; applications could not write for ${durationInWords(told.stoodMs)}`,
        ...told.notes,
        ...told.stuck.map((statement) => `this role may not say: ${statement}`),
      ];
    case 'kept':
      return [`kept: applications cannot write since ${told.since}`];
    default:
      return assertNever(told);
  }
}
