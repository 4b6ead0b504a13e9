import fenceEntries from '../ledger/functions/fence-entries.sql';
import fenceExcept from '../ledger/functions/fence-except.sql';
import fenceExecute from '../ledger/functions/fence-execute.sql';
import fenceHolders from '../ledger/functions/fence-holders.sql';
import fenceIsUp from '../ledger/functions/fence-is-up.sql';
import fenceNote from '../ledger/functions/fence-note.sql';
import fenceNoted from '../ledger/functions/fence-noted.sql';
import fenceNotes from '../ledger/functions/fence-notes.sql';
import fenceNow from '../ledger/functions/fence-now.sql';
import fenceObjects from '../ledger/functions/fence-objects.sql';
import fenceOwn from '../ledger/functions/fence-own.sql';
import fenceOwner from '../ledger/functions/fence-owner.sql';
import fenceProbe from '../ledger/functions/fence-probe.sql';
import fenceRenew from '../ledger/functions/fence-renew.sql';
import fenceRestore from '../ledger/functions/fence-restore.sql';
import fenceSay from '../ledger/functions/fence-say.sql';
import fenceShutOut from '../ledger/functions/fence-shut-out.sql';
import fenceStatements from '../ledger/functions/fence-statements.sql';
import fenceSuspend from '../ledger/functions/fence-suspend.sql';
import fenceTake from '../ledger/functions/fence-take.sql';
import fenceTakeNoted from '../ledger/functions/fence-take-noted.sql';
import fenceTryBack from '../ledger/functions/fence-try-back.sql';
import fenceWriters from '../ledger/functions/fence-writers.sql';
import lowerFence from '../ledger/functions/lower-fence.sql';
import lowerFenceOfRun from '../ledger/functions/lower-fence-of-run.sql';
import raiseFence from '../ledger/functions/raise-fence.sql';
import settleFence from '../ledger/functions/settle-fence.sql';
import showUnfenced from '../ledger/functions/show-unfenced.sql';
import unfencedObjects from '../ledger/functions/unfenced-objects.sql';

/** The functions of the fence, callees first; the last one calls schema_objects. */
export const FENCE_FUNCTIONS = [
  fenceObjects,
  fenceEntries,
  fenceOwner,
  fenceExcept,
  fenceNow,
  fenceNoted,
  fenceOwn,
  fenceStatements,
  fenceExecute,
  fenceSay,
  fenceRestore,
  fenceNote,
  fenceTakeNoted,
  fenceTryBack,
  fenceTake,
  fenceWriters,
  fenceShutOut,
  fenceSuspend,
  fenceRenew,
  fenceIsUp,
  fenceHolders,
  fenceNotes,
  fenceProbe,
  raiseFence,
  settleFence,
  lowerFence,
  lowerFenceOfRun,
  showUnfenced,
  unfencedObjects,
] as const;
