import { CfnParameter, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { SnapshotPolicy } from '../core/run/environment.ts';
import type { RestorePolicy } from '../core/run/restore-work.ts';
import type { ClusterAddress } from './database-target.ts';
import type { PlanDocument } from './deployed-plans.ts';
import { Stepgate } from './stepgate.ts';

export interface StepgateStackProps extends StackProps {
  readonly plans: Readonly<Record<string, PlanDocument>>;
  /**
   * Where the database is.
   *
   * @default - asked for at deployment, as the parameters ClusterIdentifier, SecretArn and DatabaseName
   */
  readonly database?: ClusterAddress;
  /**
   * Whether a run takes a snapshot before its first change; see `StepgateProps`.
   *
   * @default 'required'
   */
  readonly snapshot?: SnapshotPolicy;
  /**
   * What is done with the snapshot when the phases cannot be undone; see `StepgateProps`.
   *
   * @default 'prepare'
   */
  readonly restore?: RestorePolicy;
}

/** Stepgate by itself, beside a cluster that something else deployed. */
export class StepgateStack extends Stack {
  readonly stepgate: Stepgate;

  constructor(scope: Construct, id: string, { plans, database, snapshot = 'required', restore = 'prepare', ...props }: StepgateStackProps) {
    super(scope, id, { description: 'Stepgate: migrations of an Aurora PostgreSQL database', ...props });
    const target = database ?? askedAtDeployment(this);
    this.stepgate = new Stepgate(this, 'Stepgate', { plans, database: target, snapshot, restore, stateMachineName: this.stackName });
  }
}

/** Parameters without a default: the template is made without knowing any account, and a deployment without them is refused. */
function askedAtDeployment(stack: Stack): ClusterAddress {
  const clusterIdentifier = new CfnParameter(stack, 'ClusterIdentifier', {
    description: 'The Aurora PostgreSQL cluster whose database plans change, as RDS shows it',
    allowedPattern: '[a-z][a-z0-9-]{0,61}[a-z0-9]',
    constraintDescription: 'a cluster identifier: lower-case letters, digits and hyphens',
  });
  const secretArn = new CfnParameter(stack, 'SecretArn', {
    description: "The whole ARN of the secret with the migrator's user and password",
    allowedPattern: 'arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+-[A-Za-z0-9]{6}',
    constraintDescription: "a secret's whole ARN, with the six characters at its end",
  });
  Validations.of(stack).acknowledge({
    id: 'CloudFormation-Validate::W2509',
    reason: 'the parameter SecretArn is the address of a secret, not the secret',
  });
  const databaseName = new CfnParameter(stack, 'DatabaseName', { description: 'The database that plans change', minLength: 1, maxLength: 63 });
  return { clusterIdentifier: clusterIdentifier.valueAsString, secretArn: secretArn.valueAsString, databaseName: databaseName.valueAsString };
}
