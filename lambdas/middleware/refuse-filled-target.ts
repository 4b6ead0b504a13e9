import { hasRows } from '../../adapters/catalog.ts';
import { transferLedger } from '../../adapters/transfer-ledger.ts';
import { StatementFailedError } from '../../core/errors.ts';
import type { Transfer } from '../../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../../core/run/envelope.ts';
import type { StatePorts } from './ports.ts';

/**
 * Whatever is in the target before the first batch is not the plan's, and would be taken for it; unless its sync came first, whose triggers fill it.
 *
 * Rows and cursor commit together, so the cursor is asked last.
 *
 * @throws {StatementFailedError} for a target that holds rows before its copy, and its sync, have begun.
 */
export async function refuseFilledTarget(
  deps: Pick<StatePorts, 'session'>,
  run: ChangingRun,
  { phase, transfer }: { readonly phase: string; readonly transfer: Transfer },
): Promise<void> {
  const ledger = transferLedger(deps.session);
  const isFilled = await deps.session.readOnly((query) => hasRows(query, transfer.into));
  if (!isFilled || (await ledger.begun(run.plan, phase)).includes(transfer.id)) {
    return;
  }
  throw new StatementFailedError(
    `${transfer.file}:${transfer.line}: ${transfer.into.schema}.${transfer.into.name} already holds rows; a transfer fills an empty table, so that every row in it can be verified`,
  );
}
