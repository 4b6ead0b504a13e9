import { counted } from './in-words.ts';
import type { Finding } from './journal.ts';
import { finding } from './preflight.ts';

/** A sequence from which a target's column takes its values. */
export interface DrawnSequence {
  readonly sequence: string;
  readonly column: string;
  readonly isReadable: boolean;
  /** What it gives next; null where it may not be read. */
  readonly next: string | null;
  /** The value of the column that is furthest on in the sequence's direction; null where there is none. */
  readonly furthest: string | null;
  readonly standsBeyond: boolean;
  /** It is the source's, which both sides draw from while live sync stands: whatever is beyond it an application wrote itself. */
  readonly isShared: boolean;
}

/** What the catalog says of the targets' foreign keys or indexes: how many there are, and which hold nothing. */
export interface Standing {
  readonly all: number;
  /** `name of table` */
  readonly failing: readonly string[];
}

/** A transfer's two tables: who may write the one and not the other, and where row-level security is on. */
export interface TablePair {
  readonly from: string;
  readonly into: string;
  readonly writersOfSourceOnly: readonly string[];
  readonly isSourceSecured: boolean;
  readonly isTargetSecured: boolean;
}

/** A sequence below a value gives it a second time, to the application. */
export function sequenceFindings(sequences: readonly DrawnSequence[]): readonly Finding[] {
  const source = 'pg_depend, pg_sequence, the sequence, max() of the column';
  const behind = sequences.filter(({ isReadable, standsBeyond }) => isReadable && !standsBeyond);
  const [below, passed] = [behind.filter(({ isShared }) => !isShared), behind.filter(({ isShared }) => isShared)];
  const hidden = sequences.filter(({ isReadable }) => !isReadable);
  return [
    ...below.map(({ sequence, column, next, furthest }) =>
      finding('sequence', false, {
        found: `${sequence} gives ${next} next, and ${column} holds ${furthest} already`,
        advice: `set it beyond every value in a phase after the copy: select setval('${sequence}', …)`,
        source,
      }),
    ),
    ...passed.map(
      ({ sequence, column, next, furthest }): Finding => ({
        name: 'sequence',
        status: 'warn',
        found: `${sequence} gives ${next} next, and ${column} holds ${furthest} already, which an application wrote without drawing it`,
        advice: `set it beyond every value, as for the old side without this run: select setval('${sequence}', …)`,
        source,
      }),
    ),
    ...hidden.map(({ sequence, column }): Finding => {
      const found = `${sequence}, which ${column} draws from, may not be read`;
      return {
        name: 'sequence',
        status: 'warn',
        found,
        advice: 'grant select on it to this role, or look whether it stands beyond every value',
        source,
      };
    }),
    ...(behind.length + hidden.length > 0 || sequences.length === 0
      ? []
      : [finding('sequence', true, { found: `${counted(sequences.length, 'sequence')} beyond every value of the targets`, advice: '', source })]),
  ];
}

export function foreignKeyFindings({ all, failing }: Standing): readonly Finding[] {
  const source = 'pg_constraint.convalidated';
  if (failing.length === 0)
    return all === 0 ? [] : [finding('foreign-key', true, { found: `${counted(all, 'foreign key')} validated`, advice: '', source })];
  const advice = 'nobody has looked whether its rows refer to rows that are there: alter table … validate constraint …, in a phase after the copy';
  return failing.map((name) => finding('foreign-key', false, { found: `${name} is not validated`, advice, source }));
}

export function indexFindings({ all, failing }: Standing): readonly Finding[] {
  const source = 'pg_index.indisvalid, indisready';
  if (failing.length === 0)
    return all === 0 ? [] : [finding('index', true, { found: `${counted(all, 'index', 'indexes')} valid`, advice: '', source })];
  return failing.map((name) => finding('index', false, { found: `${name} is not valid`, advice: 'drop it and build it again', source }));
}

/** Told, and nothing more: whose writes and whose rows the new side keeps apart, only a person knows. */
export function accessFindings(pairs: readonly TablePair[]): readonly Finding[] {
  const findings = pairs.flatMap(({ from, into, writersOfSourceOnly: writers, isSourceSecured, isTargetSecured }): Finding[] => [
    ...(writers.length === 0
      ? []
      : [
          {
            name: 'grants',
            status: 'info' as const,
            found: `${writers.join(', ')} may write ${from} and not ${into}`,
            advice: 'grant what the application needs, where it is to go on with the new side',
            source: 'has_table_privilege',
          },
        ]),
    ...(!isSourceSecured || isTargetSecured
      ? []
      : [
          {
            name: 'row-level-security',
            status: 'warn' as const,
            found: `${from} has row-level security and ${into} has none: whoever may read it sees every row`,
            advice: 'give it policies and enable row-level security in a phase of the plan',
            source: 'pg_class.relrowsecurity',
          },
        ]),
  ]);
  return findings.length > 0 || pairs.length === 0
    ? findings
    : [
        finding('access', true, {
          found: 'who writes a source may write its target; row-level security is as on the source',
          advice: '',
          source: 'has_table_privilege, pg_class',
        }),
      ];
}
