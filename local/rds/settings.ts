import type { Parameters, Xml } from './query-protocol.ts';
import type { Settings } from './state.ts';

/** A setting that a caller gives by one name and reads back by another; `default` is RDS's own where none was given. */
interface Setting {
  readonly member?: string;
  readonly default: string | readonly string[];
  /** What a describing call says. */
  told(value: string | readonly string[]): { readonly [name: string]: Xml };
}

const plain = (name: string, fallback: string): Setting => ({ default: fallback, told: (value) => ({ [name]: value === '' ? undefined : value }) });

const SECURITY_GROUPS: Setting = {
  member: 'VpcSecurityGroupId',
  default: ['sg-default'],
  told: (value) => ({
    VpcSecurityGroups: { VpcSecurityGroupMembership: [value].flat().map((id) => ({ VpcSecurityGroupId: id, Status: 'active' })) },
  }),
};

/** Kept and told again; nothing here works by them (docs/parity.md). */
export const CLUSTER_SETTINGS: Readonly<Record<string, Setting>> = {
  DBClusterParameterGroupName: plain('DBClusterParameterGroup', 'default.aurora-postgresql17'),
  DBSubnetGroupName: plain('DBSubnetGroup', 'default'),
  VpcSecurityGroupIds: SECURITY_GROUPS,
  Port: plain('Port', '5432'),
  KmsKeyId: { default: '', told: (value) => ({ StorageEncrypted: value !== '', KmsKeyId: value === '' ? undefined : value }) },
  StorageType: plain('StorageType', 'aurora'),
  BackupRetentionPeriod: plain('BackupRetentionPeriod', '1'),
  PreferredBackupWindow: plain('PreferredBackupWindow', '03:00-03:30'),
  PreferredMaintenanceWindow: plain('PreferredMaintenanceWindow', 'mon:04:00-mon:04:30'),
  DeletionProtection: plain('DeletionProtection', 'false'),
  CopyTagsToSnapshot: plain('CopyTagsToSnapshot', 'false'),
  EnableIAMDatabaseAuthentication: plain('IAMDatabaseAuthenticationEnabled', 'false'),
  EnableCloudwatchLogsExports: { member: 'member', default: [], told: (value) => ({ EnabledCloudwatchLogsExports: { member: [value].flat() } }) },
  NetworkType: plain('NetworkType', 'IPV4'),
  EngineLifecycleSupport: plain('EngineLifecycleSupport', 'open-source-rds-extended-support'),
};

export const INSTANCE_SETTINGS: Readonly<Record<string, Setting>> = {
  DBParameterGroupName: {
    default: 'default.aurora-postgresql17',
    told: (value) => ({
      DBParameterGroups: { DBParameterGroup: [{ DBParameterGroupName: [value].flat().join(), ParameterApplyStatus: 'in-sync' }] },
    }),
  },
  AvailabilityZone: plain('AvailabilityZone', 'us-east-1a'),
  PromotionTier: plain('PromotionTier', '1'),
  PubliclyAccessible: plain('PubliclyAccessible', 'false'),
  AutoMinorVersionUpgrade: plain('AutoMinorVersionUpgrade', 'true'),
  PreferredMaintenanceWindow: plain('PreferredMaintenanceWindow', 'mon:05:00-mon:05:30'),
  EnablePerformanceInsights: plain('PerformanceInsightsEnabled', 'false'),
  PerformanceInsightsKMSKeyId: plain('PerformanceInsightsKMSKeyId', ''),
  PerformanceInsightsRetentionPeriod: plain('PerformanceInsightsRetentionPeriod', ''),
  CopyTagsToSnapshot: plain('CopyTagsToSnapshot', 'false'),
  CACertificateIdentifier: plain('CACertificateIdentifier', 'rds-ca-rsa2048-g1'),
};

/** Those that the call gives. */
export function settingsIn(parameters: Parameters, known: Readonly<Record<string, Setting>>): Settings {
  const given = Object.entries(known).map(([name, { member }]) => [
    name,
    member === undefined ? parameters.text(name) : parameters.list(name, member),
  ]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

export function settingsXml(settings: Settings, known: Readonly<Record<string, Setting>>): { readonly [name: string]: Xml } {
  return Object.assign({}, ...Object.entries(known).map(([name, setting]) => setting.told(settings[name] ?? setting.default)));
}
