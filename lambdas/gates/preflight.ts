import * as z from 'zod';
import { hiddenSessions, isTaken, keyColumn, longSessions, selectTypes, serverFacts, tableAccess } from '../../adapters/catalog.ts';
import { hasLedger } from '../../adapters/ledger-install.ts';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import type { Snapshots } from '../../adapters/snapshots.ts';
import type { Query } from '../../adapters/sql-session.ts';
import { tableSize } from '../../adapters/table-size.ts';
import { GateRefusedError, StatementFailedError } from '../../core/errors.ts';
import type { AcceptedHazard, CompiledPlan, ObjectName, QualifiedName, Transfer } from '../../core/plan/compiled-plan.ts';
import { ReadingEnvelope } from '../../core/run/envelope.ts';
import { byHazardAndTable, hazardFinding } from '../../core/run/hazard-findings.ts';
import type { Finding } from '../../core/run/journal.ts';
import { changesDatabase } from '../../core/run/mode.ts';
import {
  clusterFindings,
  describeName,
  finding,
  isAboutOneOf,
  LONG_SESSION_SECONDS,
  ledgerFindings,
  refusalOf,
  serverFindings,
  sessionFindings,
  snapshotFindings,
} from '../../core/run/preflight.ts';
import { sourceKeyFaults, targetKeyFaults } from '../../core/transfer/key-faults.ts';
import { type StatePorts, snapshotPort, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const PreflightInput = ReadingEnvelope.extend({ planState: z.string() });

/**
 * Looks at everything that would make a run fail later: cluster, server, role, sessions, tables, names in the way.
 *
 * @throws {GateRefusedError} with every reason at once.
 */
export function preflight(
  deps: StatePorts & { readonly snapshots: Pick<Snapshots, 'cluster' | 'policy'> },
): Work<z.infer<typeof PreflightInput>, { findings: number }> {
  return async ({ run, now }) => {
    const plan = await deps.plans.read(run.digest);
    const cluster = await deps.snapshots.cluster();
    const server = await deps.session.readOnly(serverFacts).catch((error: unknown) => {
      // What RDS says of the cluster explains why the database cannot be asked.
      const reason = refusalOf(clusterFindings(cluster));
      throw reason === null ? error : new GateRefusedError(reason, { cause: error });
    });
    const findings = [
      ...clusterFindings(cluster),
      ...snapshotFindings(deps.snapshots.policy, run.mode),
      ...serverFindings(server, changesDatabase(run.mode)),
      ...(await deps.session.readOnly(async (query) =>
        sessionFindings(await longSessions(query, LONG_SESSION_SECONDS), await hiddenSessions(query)),
      )),
      ...(await deps.session.readOnly((query) => hazardFindings(query, plan.accepted))),
      ...(run.mode === 'rollback' ? [] : await planFindings(deps, plan, run.mode === 'verify')),
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

async function hazardFindings(query: Query, accepted: readonly AcceptedHazard[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const one of byHazardAndTable(accepted)) {
    findings.push(hazardFinding(one, one.first.table === null ? null : await tableSize(query, one.first.table)));
  }
  return findings;
}

async function planFindings(deps: StatePorts, plan: CompiledPlan, isVerify: boolean): Promise<readonly Finding[]> {
  const begun = (await hasLedger(deps.session)) ? await phaseLedger(deps.session).all(plan.id) : [];
  const transfers = plan.phases.flatMap((phase) => (phase.kind === 'transfer' ? phase.transfers : []));
  // Verifying creates nothing: what is not there now, nobody will make.
  const expected = isVerify
    ? []
    : plan.phases.filter((phase) => !begun.some((row) => row.phase === phase.id)).flatMap((phase) => ('creates' in phase ? phase.creates : []));
  return [
    ...ledgerFindings(begun.length, plan.phases.length),
    ...(await deps.session.readOnly((query) =>
      tableFindings(query, isVerify ? transfers.flatMap((one) => [one.from, one.into]) : transfers.map((one) => one.from), expected),
    )),
    ...(await deps.session.readOnly((query) => keyFindings(query, transfers, isVerify))),
    ...(isVerify ? [] : await deps.session.readOnly((query) => nameFindings(query, expected))),
    ...(await mappingFindings(deps, transfers, expected)),
  ];
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

/** Told only where a key is none, since ranges of it would miss rows. */
async function keyFindings(query: Query, transfers: readonly Transfer[], isVerify: boolean): Promise<readonly Finding[]> {
  const faults: string[] = [];
  for (const transfer of transfers) {
    faults.push(...sourceKeyFaults(transfer, await keyColumn(query, transfer.from, transfer.key.source)));
    if (isVerify) {
      faults.push(...targetKeyFaults(transfer, await keyColumn(query, transfer.into, transfer.key.target)));
    }
  }
  const said = { advice: 'a transfer reads its rows in ranges of their key', source: 'pg_attribute, pg_index' };
  return faults.map((found) => finding('key', false, { found, ...said }));
}

async function nameFindings(query: Query, names: readonly ObjectName[]): Promise<readonly Finding[]> {
  const taken: ObjectName[] = [];
  for (const name of names) {
    if (await isTaken(query, name)) {
      taken.push(name);
    }
  }
  const source = 'pg_class, pg_attribute, pg_proc, pg_type, pg_policy, pg_namespace';
  if (taken.length === 0) {
    return [{ name: 'names', status: 'pass', found: `${names.length} names that the plan creates are free`, advice: '', source }];
  }
  return taken.map((name) =>
    finding('names', false, { found: `${describeName(name)} is already there`, advice: 'rename or remove it, or change the plan', source }),
  );
}

/** Each mapping is planned by the server once; what it misses is named, unless an earlier phase of the plan creates it. */
async function mappingFindings(deps: StatePorts, transfers: readonly Transfer[], created: readonly ObjectName[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const transfer of transfers) {
    const problem = await deps.session
      .readOnly((query) => selectTypes(query, transfer.select, transfer.columns))
      .then(
        () => null,
        (error: unknown) => {
          if (error instanceof StatementFailedError) {
            return error.message;
          }
          throw error;
        },
      );
    findings.push(
      finding('mapping', problem === null || isAboutOneOf(problem, created), {
        found: `${transfer.file}:${transfer.line}: ${problem === null ? 'reads columns that are there' : problem}`,
        advice: 'change the SELECT to what the source has',
        source: 'pg_typeof over the SELECT, no row read',
      }),
    );
  }
  return findings;
}

export const handler = stateHandler(PreflightInput, (environment) => preflight({ ...statePorts(environment), snapshots: snapshotPort(environment) }));
