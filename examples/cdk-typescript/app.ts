import { App, Stack } from 'aws-cdk-lib';
import { SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
  DatabaseSecret,
} from 'aws-cdk-lib/aws-rds';
import { Stepgate, type StepgateProps } from 'stepgate';
import { loadPlans } from 'stepgate/plans';

const stack = new Stack(new App(), 'Shop');
new Stepgate(stack, 'Stepgate', { database: shopDatabase(stack), plans: await loadPlans('migrations') });

/** A cluster that this app owns. Stepgate works over the Data API, so that it needs neither the network of the cluster nor a connection. */
function shopDatabase(scope: Stack): StepgateProps['database'] {
  const vpc = new Vpc(scope, 'Network', {
    maxAzs: 2,
    natGateways: 0,
    subnetConfiguration: [{ name: 'database', subnetType: SubnetType.PRIVATE_ISOLATED }],
  });
  const secret = new DatabaseSecret(scope, 'Migrator', { username: 'migrator' });
  const cluster = new DatabaseCluster(scope, 'Database', {
    engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_17_4 }),
    credentials: Credentials.fromSecret(secret),
    defaultDatabaseName: 'shop',
    writer: ClusterInstance.serverlessV2('Writer'),
    vpc,
    vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
    enableDataApi: true,
    storageEncrypted: true,
  });
  return { cluster, secret, databaseName: 'shop' };
}
