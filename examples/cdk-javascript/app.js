const path = require('node:path');
const { App, Stack } = require('aws-cdk-lib');
const { Stepgate } = require('stepgate');
const { loadPlans } = require('stepgate/plans');

/** A cluster that something else deployed, in the account and region of this stack. */
const DATABASE = {
  clusterIdentifier: 'crm-production',
  secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:crm/migrator-a1B2c3',
  databaseName: 'crm',
};

/** The plan that the package brings as an example; an app names a folder of its own. */
const SHIPPED_PLANS = path.join(path.dirname(require.resolve('stepgate/package.json')), 'migrations');

async function main() {
  const stack = new Stack(new App(), 'Crm', { env: { account: '111122223333', region: 'eu-central-1' } });
  new Stepgate(stack, 'Stepgate', { database: DATABASE, plans: await loadPlans(SHIPPED_PLANS) });
}

main();
