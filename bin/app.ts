#!/usr/bin/env node
import path from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import recommended from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };
import { AwsSolutionsChecks } from 'cdk-nag';
import { SNAPSHOT_POLICIES } from '../core/run/environment.ts';
import { RESTORE_POLICIES } from '../core/run/restore-work.ts';
import type { ClusterAddress } from '../infra/database-target.ts';
import type { PlanDocument } from '../infra/deployed-plans.ts';
import { StepgateStack } from '../infra/stepgate-stack.ts';
import { loadPlans, PlansDoNotCompileError } from './load-plans.ts';

const MIGRATIONS = path.resolve(import.meta.dirname, '..', 'migrations');

/** All behaviour that this version of the CDK recommends to a new app; the version is pinned, so that nothing changes unasked. */
const app = new App({ context: recommended, autoSynth: false });
const database = databaseAddress();
try {
  synthesize(await loadPlans(context('migrations') ?? MIGRATIONS));
} catch (error) {
  if (!(error instanceof PlansDoNotCompileError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

/** What `-c name=value` or cdk.json says. */
function context(name: string): string | undefined {
  return app.node.tryGetContext(name) as string | undefined;
}

function synthesize(plans: Readonly<Record<string, PlanDocument>>): void {
  new StepgateStack(app, context('stackName') ?? 'Stepgate', {
    plans,
    snapshot: policy('snapshot', SNAPSHOT_POLICIES, 'required'),
    restore: policy('restore', RESTORE_POLICIES, 'prepare'),
    ...(database && { database }),
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
}

function policy<const Word extends string>(name: string, words: readonly Word[], fallback: Word): Word {
  const word = context(name) ?? fallback;
  const known = words.find((one) => one === word);
  if (known === undefined) throw new Error(`${name} is "${word}"; it is one of ${words.join(', ')}`);
  return known;
}

/** Undefined when nothing is said of a database: the stack then asks at deployment. */
function databaseAddress(): ClusterAddress | undefined {
  const clusterIdentifier = context('clusterIdentifier');
  const secretArn = context('secretArn');
  const secretKmsKeyArn = context('secretKmsKeyArn');
  const databaseName = context('databaseName');
  if (clusterIdentifier === undefined && secretArn === undefined) {
    return undefined;
  }
  if (clusterIdentifier === undefined || secretArn === undefined) {
    throw new Error(
      `only ${secretArn === undefined ? 'clusterIdentifier' : 'secretArn'} is given; give both or neither: -c clusterIdentifier=… -c secretArn=…`,
    );
  }
  return { clusterIdentifier, secretArn, ...(secretKmsKeyArn && { secretKmsKeyArn }), ...(databaseName && { databaseName }) };
}
