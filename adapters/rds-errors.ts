import {
  InvalidDBClusterStateFault,
  InvalidDBInstanceStateFault,
  InvalidResourceStateFault,
  RDSServiceException,
  SnapshotQuotaExceededFault,
} from '@aws-sdk/client-rds';
import { ConfigurationError, DatabaseUnreachableError, type StepgateError, UnknownOutcomeError } from '../core/errors.ts';
import { translateAwsError } from './aws-errors.ts';

/** Not modelled, and nobody's fault but the service's (RDS, common errors). */
const OF_SERVICE = new Set(['InternalFailure', 'ServiceUnavailable']);

/** Says an error of the RDS API in our words, once; the original is the cause. */
export function translateRdsError(error: unknown, during: string): StepgateError {
  const options = { cause: error };
  if (error instanceof InvalidDBClusterStateFault || error instanceof InvalidDBInstanceStateFault || error instanceof InvalidResourceStateFault) {
    return new DatabaseUnreachableError(`${during}: ${error.message}`, options);
  }
  if (error instanceof SnapshotQuotaExceededFault) {
    return new ConfigurationError(`${during}: ${error.message}; delete snapshots that nobody needs, or ask AWS for a larger quota`, options);
  }
  if (error instanceof Error && error.name === 'DBClusterNotFoundFault') {
    return new ConfigurationError(`${during}: ${error.message}; does the stack name the right cluster?`, options);
  }
  const said = translateAwsError(error, during);
  // RDS has a fault of its own for each thing that it does not do: a quota, a group that is gone, a capacity that is not there.
  return said instanceof UnknownOutcomeError && error instanceof RDSServiceException && !OF_SERVICE.has(error.name) && error.$fault === 'client'
    ? new ConfigurationError(`${during}: ${error.name}: ${error.message}`, options)
    : said;
}
