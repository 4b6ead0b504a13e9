import { Arn, ArnFormat, Stack, Token } from 'aws-cdk-lib';
import type { IDatabaseCluster } from 'aws-cdk-lib/aws-rds';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

/** A cluster and a secret that a CDK app owns or has imported. */
export interface ClusterConstructs {
  readonly cluster: IDatabaseCluster;
  /** The migrator's user and password; a managed master secret is `cluster.secret`. */
  readonly secret: ISecret;
  /**
   * The database that plans change.
   *
   * @default 'postgres'
   */
  readonly databaseName?: string;
}

/** A cluster of this account and region that something else deployed. */
export interface ClusterAddress {
  /** Lower case, as RDS shows it. */
  readonly clusterIdentifier: string;
  /** The whole ARN, with the six characters at its end. */
  readonly secretArn: string;
  /**
   * The key that encrypts the secret.
   *
   * @default - the account's key aws/secretsmanager, which needs no grant
   */
  readonly secretKmsKeyArn?: string;
  /**
   * The database that plans change.
   *
   * @default 'postgres'
   */
  readonly databaseName?: string;
  /**
   * The cluster's instances, which a restored cluster's take the names of where `restore` is `swap`.
   *
   * @default - those whose names begin with the cluster's
   */
  readonly instanceIdentifiers?: readonly string[];
}

export type DatabaseProps = ClusterConstructs | ClusterAddress;

/** Where the database is, as strings; nothing here can change the cluster or the secret. */
export interface DatabaseTarget {
  readonly clusterId: string;
  readonly clusterArn: string;
  readonly secretArn: string;
  /** What a policy names; a secret imported by name has no known end. */
  readonly secretArnPattern: string;
  readonly secretKmsKeyArn: string | null;
  readonly databaseName: string;
  /** Names of the cluster's instances, as IAM matches them: only a swap changes them. */
  readonly instanceNames: readonly string[];
}

const DEFAULT_DATABASE = 'postgres';

/**
 * Reads the address of either form.
 *
 * @throws when an identifier or ARN cannot be one.
 */
export function databaseTarget(scope: Construct, props: DatabaseProps): DatabaseTarget {
  const databaseName = props.databaseName ?? DEFAULT_DATABASE;
  if ('cluster' in props) {
    return {
      clusterId: props.cluster.clusterIdentifier,
      clusterArn: props.cluster.clusterArn,
      secretArn: props.secret.secretFullArn ?? props.secret.secretArn,
      secretArnPattern: props.secret.secretFullArn ?? `${props.secret.secretArn}-??????`,
      secretKmsKeyArn: props.secret.encryptionKey?.keyArn ?? null,
      databaseName,
      instanceNames: instanceNamesOf(props.cluster),
    };
  }
  refuseWrongAddress(props);
  return {
    clusterId: props.clusterIdentifier,
    clusterArn: Arn.format(
      { service: 'rds', resource: 'cluster', resourceName: props.clusterIdentifier, arnFormat: ArnFormat.COLON_RESOURCE_NAME },
      Stack.of(scope),
    ),
    secretArn: props.secretArn,
    secretArnPattern: props.secretArn,
    secretKmsKeyArn: props.secretKmsKeyArn ?? null,
    databaseName,
    instanceNames: props.instanceIdentifiers ?? [`${props.clusterIdentifier}*`],
  };
}

/** An imported cluster that was not told its instances throws at the question. */
function instanceNamesOf(cluster: IDatabaseCluster): readonly string[] {
  const byPrefix = [`${cluster.clusterIdentifier}*`];
  try {
    return cluster.instanceIdentifiers.length > 0 ? cluster.instanceIdentifiers : byPrefix;
  } catch {
    return byPrefix;
  }
}

function refuseWrongAddress({ clusterIdentifier, secretArn, secretKmsKeyArn }: ClusterAddress): void {
  if (!Token.isUnresolved(clusterIdentifier) && !/^(?!.*--)[a-z][a-z0-9-]{0,61}[a-z0-9]$/.test(clusterIdentifier)) {
    throw new Error(
      `"${clusterIdentifier}" is not a cluster identifier; give the one that RDS shows: ` +
        'lower-case letters, digits and single hyphens, a letter first, at most 63',
    );
  }
  if (!Token.isUnresolved(secretArn) && !/^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/.test(secretArn)) {
    throw new Error(`"${secretArn}" is not a secret's whole ARN; copy it from Secrets Manager: it ends with a hyphen and six characters`);
  }
  if (secretKmsKeyArn !== undefined && !Token.isUnresolved(secretKmsKeyArn) && !/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/.+$/.test(secretKmsKeyArn)) {
    throw new Error(`"${secretKmsKeyArn}" is not a key's ARN; an alias is not enough: policies work on arn:aws:kms:…:key/…`);
  }
}
