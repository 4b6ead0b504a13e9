import * as z from 'zod';
import { hiddenSessions, longSessions, serverFacts, tableAccess } from '../../adapters/catalog.ts';
import { owningLogins } from '../../adapters/fence.ts';
import { hasLedger } from '../../adapters/has-ledger.ts';
import { neighbours } from '../../adapters/neighbours.ts';
import { describeReference, outsideReferences } from '../../adapters/outside-references.ts';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import type { Snapshots } from '../../adapters/snapshots.ts';
import type { Query } from '../../adapters/sql-session.ts';
import { tableSize } from '../../adapters/table-size.ts';
import { takenNames } from '../../adapters/taken-names.ts';
import { GateRefusedError } from '../../core/errors.ts';
import type { AcceptedHazard, CompiledPlan, ObjectName, Phase, QualifiedName } from '../../core/plan/compiled-plan.ts';
import { ReadingEnvelope } from '../../core/run/envelope.ts';
import { fenceFindings } from '../../core/run/fence-findings.ts';
import { byHazardAndTable, hazardFinding } from '../../core/run/hazard-findings.ts';
import type { Finding } from '../../core/run/journal.ts';
import { changesDatabase, type Mode } from '../../core/run/mode.ts';
import { changedLaterPhases, type LedgerPhase } from '../../core/run/next-step.ts';
import {
  changedFindings,
  clusterFindings,
  describeName,
  finding,
  LONG_SESSION_SECONDS,
  ledgerFindings,
  refusalOf,
  serverFindings,
  sessionFindings,
  snapshotFindings,
  windowFindings,
} from '../../core/run/preflight.ts';
import { restoreFindings } from '../../core/run/restore-findings.ts';
import { Asked } from '../../core/run/run-input.ts';
import { undone } from '../../core/transfer/made.ts';
import { transfersOf } from '../../core/transfer/transfers-of.ts';
import { planInForce } from '../middleware/plan-in-force.ts';
import { type StatePorts, snapshotPort, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { transferFindings } from '../middleware/transfer-findings.ts';

export const PreflightInput = ReadingEnvelope.extend({ planState: z.string(), asked: Asked });

/**
 * Looks at everything that would make a run fail later: cluster, server, role, sessions, tables, names in the way.
 *
 * @throws {GateRefusedError} with every reason at once.
 */
export function preflight(
  deps: StatePorts & { readonly snapshots: Pick<Snapshots, 'cluster' | 'policy' | 'restorePolicy' | 'swapFacts'> },
): Work<z.infer<typeof PreflightInput>, { findings: number }> {
  return async ({ run, now, asked, deadline }) => {
    const plan = await planInForce(deps, run);
    const cluster = await deps.snapshots.cluster();
    const server = await deps.session.readOnly(serverFacts).catch((error: unknown) => {
      // What RDS says of the cluster explains why the database cannot be asked.
      const reason = refusalOf(clusterFindings(cluster));
      throw reason === null ? error : new GateRefusedError(reason, { cause: error });
    });
    const findings = [
      ...clusterFindings(cluster),
      ...windowFindings(deadline ?? null, now),
      ...snapshotFindings(deps.snapshots.policy, run.mode),
      ...(await lastWayBack(deps, run.mode, asked.level)),
      ...serverFindings(server, changesDatabase(run.mode)),
      ...(await deps.session.readOnly(async (query) =>
        sessionFindings(await longSessions(query, LONG_SESSION_SECONDS), await hiddenSessions(query)),
      )),
      ...(await deps.session.readOnly((query) => hazardFindings(query, plan.accepted))),
      ...(asked.level === 3 ? [] : await findingsOf(deps, plan, { mode: run.mode, asked })),
    ];
    await deps.journal.write(run.id, 'preflight', {
      kind: 'preflight',
      at: now.toISOString(),
      findings,
      engineVersion: server.version,
      databaseBytes: server.databaseBytes,
    });
    const refusal = refusalOf(findings);
    if (refusal !== null) {
      throw new GateRefusedError(refusal);
    }
    return { findings: findings.length };
  };
}

/** Said where a run changes something, or would, and where a restore is what is asked for. */
async function lastWayBack(
  { session, snapshots }: Pick<StatePorts, 'session'> & { readonly snapshots: Pick<Snapshots, 'policy' | 'restorePolicy' | 'swapFacts'> },
  mode: Mode,
  level: 2 | 3,
): Promise<readonly Finding[]> {
  const isAsked = level === 3;
  if (!isAsked && mode !== 'execute' && mode !== 'dry-run') return [];
  const policies = { restore: snapshots.restorePolicy, snapshot: snapshots.policy };
  const isSaid = policies.restore !== 'none' && (isAsked || policies.snapshot !== 'none');
  const facts = isSaid ? { ...(await snapshots.swapFacts()), neighbours: await session.readOnly(neighbours) } : null;
  return restoreFindings(policies, { isAsked, facts });
}

function findingsOf(
  deps: StatePorts,
  plan: CompiledPlan,
  { mode, asked }: { readonly mode: Mode; readonly asked: Asked },
): Promise<readonly Finding[]> {
  if (mode === 'rollback') return wayBackFindings(deps, plan, asked);
  // A cleanup that was interrupted finds some of the tables gone, and goes on.
  return mode === 'cleanup' ? Promise.resolve([]) : planFindings(deps, plan, mode);
}

/** What of the application's own would go with the plan's tables, or hold their undo back half-way. */
async function wayBackFindings(deps: StatePorts, plan: CompiledPlan, { to }: Asked): Promise<readonly Finding[]> {
  if (!(await hasLedger(deps.session))) return [];
  const begun = await phaseLedger(deps.session).all(plan.id);
  const stays = begun.find(({ phase }) => phase === to)?.ordinal ?? 0;
  const phases = plan.phases.filter(({ id }) => begun.some(({ phase, ordinal }) => phase === id && ordinal > stays));
  const references = await deps.session.readOnly((query) => outsideReferences(query, undone(phases, plan)));
  const source = 'pg_constraint, pg_depend';
  const closed = phases.filter((phase) => phase.undo === null && phase.undoNeeded).map(noUndoFinding);
  if (references.length === 0) {
    return [...closed, { name: 'references', status: 'pass', found: "nothing outside the plan refers to the plan's tables", advice: '', source }];
  }
  return [...closed, ...references.map((one) => ({ name: 'references', status: 'fail', ...describeReference(one), source }) as const)];
}

/** A rollback would undo what came after and stop there, with nothing that a command could do about it. */
function noUndoFinding({ id, because }: Phase): Finding {
  return finding('undo', false, {
    found: `phase ${id} is applied and has no undo (${because ?? 'the plan gives no reason'})`,
    advice: 'restore the snapshot beside this database, or go on with another plan; nothing was undone',
    source: 'stepgate.phase',
  });
}

async function hazardFindings(query: Query, accepted: readonly AcceptedHazard[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const one of byHazardAndTable(accepted)) {
    findings.push(hazardFinding(one, one.first.table === null ? null : await tableSize(query, one.first.table)));
  }
  return findings;
}

async function planFindings(deps: StatePorts, plan: CompiledPlan, mode: Mode): Promise<readonly Finding[]> {
  const isVerify = mode === 'verify';
  const begun = (await hasLedger(deps.session)) ? await phaseLedger(deps.session).all(plan.id) : [];
  const transfers = transfersOf(plan.phases);
  const cleaned = plan.phases.find(({ id, when }) => when === 'cleanup' && begun.some(({ phase }) => phase === id));
  if (isVerify && cleaned !== undefined) return [cleanedFinding(cleaned)];
  // Verifying creates nothing: what is not there now, nobody will make.
  const expected = isVerify
    ? []
    : plan.phases.filter((phase) => !begun.some((row) => row.phase === phase.id)).flatMap((phase) => ('creates' in phase ? phase.creates : []));
  return [
    ...ledgerFindings(begun.length, plan.phases.length),
    ...(isVerify ? [] : await laterFindings(deps, plan, begun)),
    ...(await deps.session.readOnly((query) =>
      tableFindings(query, isVerify ? transfers.flatMap((one) => [one.from, one.into]) : transfers.map((one) => one.from), expected),
    )),
    ...(isVerify ? [] : await deps.session.readOnly((query) => nameFindings(query, expected))),
    ...(mode === 'execute' || mode === 'dry-run' ? fenceFindings(plan, await deps.session.readOnly(owningLogins)) : []),
    ...(await transferFindings(deps.session, plan, { transfers, expected, mode })),
  ];
}

async function laterFindings(deps: StatePorts, plan: CompiledPlan, begun: readonly LedgerPhase[]): Promise<readonly Finding[]> {
  const former = begun.length === 0 ? null : await phaseLedger(deps.session).lastDigest(plan.id);
  return former === null ? [] : changedFindings(changedLaterPhases(plan, await deps.plans.read(former), begun));
}

/** Tables that are gone would be called missing, which is no news. */
function cleanedFinding({ id }: Phase): Finding {
  return finding('cleanup', false, {
    found: `the plan was cleaned up (phase ${id} has begun): the old side is gone, and there is nothing left to compare with`,
    advice: 'the report of the run that migrated holds the last comparison',
    source: 'stepgate.phase',
  });
}

async function tableFindings(query: Query, tables: readonly QualifiedName[], created: readonly ObjectName[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const names = new Map(tables.map((table) => [`${table.schema}.${table.name}`, table]));
  for (const [name, table] of names) {
    const access = await tableAccess(query, table);
    if (!access.there && created.some((one) => ['table', 'view'].includes(one.kind) && one.schema === table.schema && one.name === table.name)) {
      continue;
    }
    const found = !access.there
      ? 'is not there'
      : !access.readable
        ? 'may not be read'
        : access.filtered
          ? 'hides rows by row-level security'
          : 'is readable, all rows';
    findings.push(
      finding('table', access.there && access.readable && !access.filtered, {
        found: `${name} ${found}`,
        advice: access.there
          ? 'let the migrator own it, or grant select and bypassrls'
          : 'the plan reads it; is this the right database, and is the plan executed?',
        source: 'to_regclass, has_table_privilege, pg_class.relrowsecurity',
      }),
    );
  }
  return findings;
}

async function nameFindings(query: Query, names: readonly ObjectName[]): Promise<readonly Finding[]> {
  const taken = await takenNames(query, names);
  const source = 'pg_class, pg_attribute, pg_proc, pg_type, pg_policy, pg_namespace';
  if (taken.length === 0) {
    return [{ name: 'names', status: 'pass', found: `${names.length} names that the plan creates are free`, advice: '', source }];
  }
  return taken.map((name) =>
    finding('names', false, { found: `${describeName(name)} is already there`, advice: 'rename or remove it, or change the plan', source }),
  );
}

export const handler = stateHandler(PreflightInput, (environment) => preflight({ ...statePorts(environment), snapshots: snapshotPort(environment) }));
