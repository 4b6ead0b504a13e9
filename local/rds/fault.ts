/** Code on the wire and HTTP status by fault (service model of rds 2014-10-31; the first four are common to all actions). */
const WIRE = {
  InvalidParameterValue: ['InvalidParameterValue', 400],
  InvalidParameterCombination: ['InvalidParameterCombination', 400],
  NotImplemented: ['NotImplemented', 501],
  AccessDenied: ['AccessDenied', 403],
  DBClusterAlreadyExistsFault: ['DBClusterAlreadyExistsFault', 400],
  DBClusterNotFoundFault: ['DBClusterNotFoundFault', 404],
  InvalidDBClusterStateFault: ['InvalidDBClusterStateFault', 400],
  DBInstanceAlreadyExistsFault: ['DBInstanceAlreadyExists', 400],
  DBInstanceNotFoundFault: ['DBInstanceNotFound', 404],
  DBClusterSnapshotAlreadyExistsFault: ['DBClusterSnapshotAlreadyExistsFault', 400],
  DBClusterSnapshotNotFoundFault: ['DBClusterSnapshotNotFoundFault', 404],
  InvalidDBClusterSnapshotStateFault: ['InvalidDBClusterSnapshotStateFault', 400],
  InvalidDBInstanceStateFault: ['InvalidDBInstanceState', 400],
  InvalidResourceStateFault: ['InvalidResourceStateFault', 400],
  ResourceNotFoundFault: ['ResourceNotFoundFault', 404],
  DBClusterQuotaExceededFault: ['DBClusterQuotaExceededFault', 403],
  SnapshotQuotaExceededFault: ['SnapshotQuotaExceeded', 400],
} as const satisfies Record<string, readonly [code: string, status: number]>;

/** A fault as RDS answers it. */
export class RdsFault extends Error {
  readonly code: string;
  readonly status: number;

  constructor(fault: keyof typeof WIRE, message: string) {
    super(message);
    [this.code, this.status] = WIRE[fault];
  }
}
