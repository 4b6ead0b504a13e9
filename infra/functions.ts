/** What a function may do outside; the construct turns each into statements on single resources. */
export type Access =
  /** rds-data on the cluster, the secret. */
  | 'database'
  /** rds:Describe… of the cluster, its instances and snapshots. */
  | 'describe-cluster'
  /** rds:CreateDBClusterSnapshot with this stack's tags. */
  | 'create-snapshot'
  /** A cluster of its own from a run's snapshot and, where the stack swaps, this cluster's name. */
  | 'restore'
  /** plans/* in the plan bucket. */
  | 'read-plans'
  /** runs/* in the report bucket. */
  | 'read-journal'
  | 'write-journal'
  /** states:DescribeExecution of this machine's executions. */
  | 'describe-executions'
  /** states:StartExecution of this machine. */
  | 'start-executions'
  /** scheduler:CreateSchedule and UpdateSchedule of a dead man's schedule, with the role for it. */
  | 'set-dead-man'
  /** scheduler:DeleteSchedule of one. */
  | 'remove-dead-man'
  | 'publish';

export interface FunctionSpec {
  /** The section of the definition, and the folder under lambdas/. */
  readonly folder: 'start' | 'gates' | 'snapshot' | 'phases' | 'checks' | 'rollback' | 'restore' | 'finish' | 'doors';
  /** The Lambda's own limit in seconds; a Task's TimeoutSeconds is larger by more than 30. */
  readonly timeoutSeconds: number;
  readonly access: readonly Access[];
}

/** Two minutes: a few calls of at most 45 s each (RDS Data API). */
const SHORT_SECONDS = 120;

/** 14 minutes: ten of work, then a batch in hand and its answer; Lambda ends at 15. */
const WORK_SECONDS = 840;

/** One function per Task; the key is the state's name, and the file is its kebab-case form. At most 28. */
export const FUNCTIONS = {
  LoadPlan: { folder: 'start', timeoutSeconds: SHORT_SECONDS, access: ['read-plans', 'read-journal', 'write-journal', 'describe-executions'] },
  AcquireLock: { folder: 'start', timeoutSeconds: SHORT_SECONDS, access: ['read-plans', 'write-journal', 'database', 'describe-executions'] },
  Preflight: { folder: 'gates', timeoutSeconds: 300, access: ['read-plans', 'write-journal', 'database', 'describe-cluster'] },
  Assess: { folder: 'gates', timeoutSeconds: WORK_SECONDS, access: ['read-plans', 'write-journal', 'database'] },
  CreateSnapshot: { folder: 'snapshot', timeoutSeconds: SHORT_SECONDS, access: ['write-journal', 'database', 'create-snapshot'] },
  AwaitSnapshot: { folder: 'snapshot', timeoutSeconds: SHORT_SECONDS, access: ['write-journal', 'describe-cluster'] },
  ValidateSource: { folder: 'checks', timeoutSeconds: WORK_SECONDS, access: ['read-plans', 'write-journal', 'database'] },
  MeasureBefore: { folder: 'checks', timeoutSeconds: WORK_SECONDS, access: ['write-journal', 'database'] },
  NextStep: { folder: 'phases', timeoutSeconds: SHORT_SECONDS, access: ['read-plans', 'database'] },
  RunPhase: { folder: 'phases', timeoutSeconds: SHORT_SECONDS, access: ['read-plans', 'write-journal', 'database'] },
  RunBackfill: { folder: 'phases', timeoutSeconds: WORK_SECONDS, access: ['read-plans', 'write-journal', 'database'] },
  StartSync: { folder: 'phases', timeoutSeconds: SHORT_SECONDS, access: ['read-plans', 'write-journal', 'database'] },
  CatchUp: { folder: 'phases', timeoutSeconds: WORK_SECONDS, access: ['read-plans', 'write-journal', 'database'] },
  StopSync: { folder: 'phases', timeoutSeconds: WORK_SECONDS, access: ['read-plans', 'write-journal', 'database'] },
  RaiseFence: { folder: 'gates', timeoutSeconds: SHORT_SECONDS, access: ['write-journal', 'database', 'set-dead-man'] },
  LowerFence: { folder: 'finish', timeoutSeconds: SHORT_SECONDS, access: ['write-journal', 'database', 'remove-dead-man'] },
  RunLong: { folder: 'phases', timeoutSeconds: SHORT_SECONDS, access: ['read-plans', 'write-journal', 'database'] },
  AwaitLong: { folder: 'phases', timeoutSeconds: SHORT_SECONDS, access: ['read-plans', 'database'] },
  VerifyTarget: { folder: 'checks', timeoutSeconds: WORK_SECONDS, access: ['read-plans', 'write-journal', 'database'] },
  CompleteRun: { folder: 'finish', timeoutSeconds: SHORT_SECONDS, access: ['database'] },
  DecideRecovery: { folder: 'rollback', timeoutSeconds: SHORT_SECONDS, access: ['read-plans', 'database'] },
  UndoPhase: { folder: 'rollback', timeoutSeconds: WORK_SECONDS, access: ['read-plans', 'write-journal', 'database'] },
  VerifyUndo: { folder: 'rollback', timeoutSeconds: WORK_SECONDS, access: ['write-journal', 'database'] },
  RestoreCluster: {
    folder: 'restore',
    timeoutSeconds: WORK_SECONDS,
    access: ['read-journal', 'write-journal', 'database', 'describe-cluster', 'restore'],
  },
  CloseRun: { folder: 'finish', timeoutSeconds: SHORT_SECONDS, access: ['write-journal', 'database'] },
  WriteReport: { folder: 'finish', timeoutSeconds: SHORT_SECONDS, access: ['read-journal', 'write-journal'] },
  Notify: { folder: 'finish', timeoutSeconds: SHORT_SECONDS, access: ['publish'] },
} as const satisfies Record<string, FunctionSpec>;

/** Functions that are no states: what they are called by stands beside them. With the Tasks' at most 28. */
export const DOORS = {
  /** A rule on executions that ended badly, and the dead man's schedule of a fence. */
  SettleRun: {
    folder: 'doors',
    timeoutSeconds: SHORT_SECONDS,
    access: ['read-journal', 'write-journal', 'database', 'describe-executions', 'start-executions', 'set-dead-man', 'publish'],
  },
} as const satisfies Record<string, FunctionSpec>;

/** Every function, states' and doors. */
export const ALL_FUNCTIONS = { ...FUNCTIONS, ...DOORS } as const;

export type FunctionName = keyof typeof FUNCTIONS;
export type DoorName = keyof typeof DOORS;

/** The state's name in kebab case is the file's name. */
export function functionFile(name: FunctionName | DoorName): string {
  return `lambdas/${ALL_FUNCTIONS[name].folder}/${name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.ts`;
}
