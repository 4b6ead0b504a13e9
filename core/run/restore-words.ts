import { assertNever } from '../assert-never.ts';
import { counted } from './in-words.ts';
import type { RestoreFacts } from './restore-facts.ts';
import type { RestoreStep } from './restore-step.ts';
import type { RestoreWork } from './restore-work.ts';

type DoneStep = Exclude<RestoreStep, { readonly kind: 'wait' | 'prepared' | 'restored' | 'failed' }>;

/** A step, as the journal and the report name it; the same step says the same. */
export function stepInWords(step: DoneStep): string {
  switch (step.kind) {
    case 'restore-cluster':
      return 'restore the snapshot into a new cluster, with the settings of the old one';
    case 'set-maintenance':
      return `set the maintenance window of ${step.cluster}`;
    case 'create-instance':
      return `create instance ${step.instance.restored}, as ${step.instance.name}`;
    case 'switch-endpoint':
      return `switch the Data API of ${step.cluster} ${step.isOn ? 'on' : 'off'}`;
    case 'rename-cluster':
      return `rename cluster ${step.from} to ${step.to}`;
    case 'rename-instance':
      return `rename instance ${step.from} to ${step.to}`;
    case 'verify':
      return 'hold rows and schema against the digests of before';
    case 'confirm':
      return 'ask the restored database under the old name';
    default:
      return assertNever(step);
  }
}

/** What a restore came to, in one clause for the outcome's sentence. */
export function restoreSentence({
  work,
  verified,
  end,
  because,
}: {
  readonly work: RestoreWork;
  readonly verified: RestoreFacts['verified'];
  readonly end: 'restored' | 'prepared' | 'failed' | 'none';
  readonly because: string;
}): string {
  switch (end) {
    case 'restored':
      return `snapshot ${work.snapshot} serves as cluster ${work.cluster}; the old cluster is kept as ${work.kept}`;
    case 'prepared':
      return `snapshot ${work.snapshot} is restored as cluster ${work.restored}${proof(verified)} and not swapped in: ${whyNot(work, verified)}`;
    case 'failed':
      return `the restore of snapshot ${work.snapshot} as cluster ${work.restored} failed: ${because}`;
    case 'none':
      return `nothing was restored: ${because}`;
    default:
      return assertNever(end);
  }
}

function proof(verified: RestoreFacts['verified']): string {
  if (verified === null) return '';
  return differs(verified) ? ', which differs from the state of before' : `, verified by the digests of ${counted(verified.tables, 'table')},`;
}

function whyNot({ because }: RestoreWork, verified: RestoreFacts['verified']): string {
  if (verified === null || !differs(verified)) return because.join('; ');
  const tables = verified.differences.map(({ what }) => what);
  return [
    ...(verified.schemaEqual ? [] : ['the schema is another one']),
    ...(tables.length === 0 ? [] : [`other rows in ${tables.join(', ')}`]),
  ].join('; ');
}

function differs({ schemaEqual, differences }: NonNullable<RestoreFacts['verified']>): boolean {
  return !schemaEqual || differences.length > 0;
}
