import { selectTypes, tableColumns } from '../../adapters/catalog.ts';
import type { Query, SqlSession } from '../../adapters/sql-session.ts';
import { misfitFindings, syncFindings } from '../../adapters/sync-findings.ts';
import { tableKey } from '../../adapters/table-key.ts';
import { StatementFailedError, UnknownOutcomeError } from '../../core/errors.ts';
import type { CompiledPlan, ObjectName, Transfer } from '../../core/plan/compiled-plan.ts';
import type { Finding } from '../../core/run/journal.ts';
import type { Mode } from '../../core/run/mode.ts';
import { finding, isAboutOneOf } from '../../core/run/preflight.ts';
import { sourceKeyFaults, targetKeyFaults } from '../../core/transfer/key-faults.ts';
import { generatedFaults } from '../../core/transfer/type-faults.ts';

type Reading = Pick<SqlSession, 'readOnly'>;

/** What would make a transfer fail later: its keys, its mapping, its values, and, before a run that copies, its live sync. `expected` are names that the plan will make. */
export async function transferFindings(
  session: Reading,
  plan: CompiledPlan,
  { transfers, expected, mode }: { readonly transfers: readonly Transfer[]; readonly expected: readonly ObjectName[]; readonly mode: Mode },
): Promise<readonly Finding[]> {
  const isVerify = mode === 'verify';
  const findings: Finding[] = [
    ...(await session.readOnly((query) => keyFindings(query, transfers, isVerify))),
    ...(isVerify || makesPlain(plan) ? [] : await session.readOnly((query) => generatedFindings(query, transfers))),
  ];
  for (const transfer of transfers) {
    const problem = await mappingProblem(session, transfer);
    findings.push(mappingFinding(transfer, problem, expected));
    if (problem === null && (mode === 'dry-run' || mode === 'execute')) {
      findings.push(...(await valueFindings(session, transfer)), ...(await syncFindings(session, transfer, transfers)));
    }
  }
  return findings;
}

/** Told only where a key is none, since ranges of it would miss rows. */
async function keyFindings(query: Query, transfers: readonly Transfer[], isVerify: boolean): Promise<readonly Finding[]> {
  const faults: string[] = [];
  for (const transfer of transfers) {
    faults.push(
      ...sourceKeyFaults(
        transfer,
        await tableKey(
          query,
          transfer.from,
          transfer.keys.map(({ source }) => source),
        ),
      ),
    );
    if (isVerify) {
      faults.push(
        ...targetKeyFaults(
          transfer,
          await tableKey(
            query,
            transfer.into,
            transfer.keys.map(({ target }) => target),
          ),
        ),
      );
    }
  }
  const said = { advice: 'a transfer reads its rows in ranges of their key', source: 'pg_attribute, pg_index' };
  return faults.map((found) => finding('key', false, { found, ...said }));
}

/** Whether a phase of the plan may lift a column's generation before the copy, which looks again. */
function makesPlain({ phases }: CompiledPlan): boolean {
  return phases.some((phase) => 'up' in phase && phase.up.some(({ sql }) => /\bdrop\s+(identity|expression)\b/i.test(sql)));
}

/** Targets that are there already; those that the plan makes are looked at before the copy. */
async function generatedFindings(query: Query, transfers: readonly Transfer[]): Promise<readonly Finding[]> {
  const faults: string[] = [];
  for (const transfer of transfers) {
    faults.push(...generatedFaults(transfer, await tableColumns(query, transfer.into)));
  }
  return faults.map((found) => finding('mapping', false, { found, advice: 'change the SELECT or the table', source: 'pg_attribute' }));
}

/** Each mapping is planned by the server once; null where it misses nothing. */
async function mappingProblem(session: Reading, transfer: Transfer): Promise<string | null> {
  try {
    await session.readOnly((query) => selectTypes(query, transfer.select, transfer.columns));
    return null;
  } catch (error) {
    if (error instanceof StatementFailedError) return error.message;
    throw error;
  }
}

/** What is missing is named, unless an earlier phase of the plan creates it. */
function mappingFinding({ file, line }: Transfer, problem: string | null, created: readonly ObjectName[]): Finding {
  return finding('mapping', problem === null || isAboutOneOf(problem, created), {
    found: `${file}:${line}: ${problem === null ? 'reads columns that are there' : problem}`,
    advice: 'change the SELECT to what the source has',
    source: 'pg_typeof over the SELECT, no row read',
  });
}

/** Every value of the mapping is made once; what that takes too long for is said, and left to the copy. */
async function valueFindings(session: Reading, transfer: Transfer): Promise<readonly Finding[]> {
  const { file, line, quarantine } = transfer;
  const source = 'the SELECT, every row';
  try {
    return await session.readOnly((query) => misfitFindings(query, transfer));
  } catch (error) {
    if (error instanceof UnknownOutcomeError && error.isTimeout) {
      const found = `${file}:${line}: to look whether every value fits takes longer than the 45 s that a call has`;
      return [{ name: 'values', status: 'info', found, advice: 'the copy and the comparison will show it', source }];
    }
    if (!(error instanceof StatementFailedError)) throw error;
    const status = quarantine.length > 0 ? 'warn' : 'fail';
    return [
      { name: 'values', status, found: `${file}:${line}: a row has no mapping: ${error.message}`, advice: 'correct the row, or the SELECT', source },
    ];
  }
}
