import type { Node } from 'libpg-query';
import type { Phase } from '../compiled-plan.ts';
import type { ParsedStatement, SqlFile } from '../parse-sql.ts';
import type { PlanFolder } from '../plan-folder.ts';
import { findCasts } from './casts.ts';
import { findColumns } from './columns.ts';
import { findConstraints } from './constraints.ts';
import { findDataChanges } from './data-changes.ts';
import { findEnumValues } from './enum-values.ts';
import { findFunctions } from './functions.ts';
import { findGrants } from './grants.ts';
import type { Finder, FoundHazard, Look } from './hazard.ts';
import { findIndexes } from './indexes.ts';
import { innerStatements } from './inner-statements.ts';
import { findLongNames } from './names.ts';
import { findPartitions } from './partitions.ts';
import type { PlanFacts } from './plan-facts.ts';
import { planFacts } from './plan-facts.ts';
import type { PlanState } from './plan-state.ts';
import { planState } from './plan-state.ts';
import { findQueries } from './queries.ts';
import { findRemovedNames } from './removed-names.ts';
import { findRewrites } from './rewrites.ts';
import { findRowSecurity } from './row-security.ts';
import { findTriggers } from './triggers.ts';

/** A hazard and the statement that has it. */
export interface PlacedHazard extends FoundHazard {
  readonly file: SqlFile;
  readonly statement: ParsedStatement;
}

const FINDERS: readonly Finder[] = [
  findRewrites,
  findConstraints,
  findIndexes,
  findPartitions,
  findRemovedNames,
  findTriggers,
  findEnumValues,
  findDataChanges,
  findQueries,
  findCasts,
  findColumns,
  findLongNames,
  findFunctions,
  findGrants,
  findRowSecurity,
];

/** Every hazard of a plan that compiles, in the order in which its statements run. */
export function findHazards(folder: PlanFolder, phases: readonly Phase[]): readonly PlacedHazard[] {
  const upNodes = phases.flatMap((phase) => (phase.kind === 'transfer' ? [] : nodesOf(folder.sql.get(`${phase.folder}/up.sql`))));
  const facts = planFacts(upNodes);
  const state = planState();
  const queries = (path: string): readonly PlacedHazard[] => hazardsIn(folder.sql.get(path), { place: 'query', state: state.fork(), facts });
  const inPhases = phases.flatMap((phase) => {
    state.enterPhase();
    if (phase.kind === 'transfer') {
      for (const { into } of phase.transfers) state.noteFilled(into);
      return phase.transfers.flatMap(({ file }) => queries(file));
    }
    const undo = folder.sql.get(`${phase.folder}/undo.sql`);
    return [
      ...hazardsIn(folder.sql.get(`${phase.folder}/up.sql`), { place: 'up', state, facts }),
      ...hazardsIn(undo, { place: 'undo', state: state.fork(), facts: planFacts([...upNodes, ...nodesOf(undo)]) }),
      ...queries(`${phase.folder}/verify.sql`),
    ];
  });
  return [...queries('before.sql'), ...inPhases, ...queries('after.sql')];
}

/** Looks at a file's statements one after another, and notes in `state` what each does. */
function hazardsIn(file: SqlFile | null | undefined, place: Pick<Look, 'place' | 'state' | 'facts'>): readonly PlacedHazard[] {
  return (file?.statements ?? []).flatMap((statement) => {
    const found = statementHazards(statement, place);
    return file ? found.map((one) => ({ ...one, file, statement })) : [];
  });
}

function statementHazards(
  statement: ParsedStatement,
  place: { readonly place: Look['place']; readonly state: PlanState; readonly facts: PlanFacts },
): readonly FoundHazard[] {
  const { node, sql } = statement;
  const inner = innerStatements(node, sql);
  // What lies in a DO block is a text of its own, with places of its own.
  const isText = 'DoStmt' in node;
  const nodes = inner.nodes.length === 0 ? [node] : inner.nodes;
  const found = nodes.flatMap((one) => {
    const hazards = FINDERS.flatMap((find) => find({ ...place, node: one, sql }));
    place.state.note(one);
    return isText ? hazards.map((hazard) => ({ ...hazard, at: null })) : hazards;
  });
  if (inner.nodes.length > 0) place.state.note(node);
  return [...inner.hidden, ...found].filter(isFirst);
}

function isFirst(hazard: FoundHazard, index: number, all: readonly FoundHazard[]): boolean {
  return all.findIndex(({ name, subject, at }) => name === hazard.name && subject === hazard.subject && at === hazard.at) === index;
}

function nodesOf(file: SqlFile | null | undefined): readonly Node[] {
  return (file?.statements ?? []).flatMap(({ node, sql }) => {
    const { nodes } = innerStatements(node, sql);
    return nodes.length === 0 ? [node] : nodes;
  });
}
