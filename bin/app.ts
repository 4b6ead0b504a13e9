#!/usr/bin/env node
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import recommended from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };
import { AwsSolutionsChecks } from 'cdk-nag';
import { readPlanFolder } from '../adapters/plan-folder.ts';
import { compilePlan } from '../core/plan/compile-plan.ts';
import { describeFault } from '../core/plan/plan-fault.ts';
import type { ClusterAddress } from '../infra/database-target.ts';
import type { PlanDocument } from '../infra/deployed-plans.ts';
import { StepgateStack } from '../infra/stepgate-stack.ts';

const MIGRATIONS = path.resolve(import.meta.dirname, '..', 'migrations');

/** All behaviour that this version of the CDK recommends to a new app; the version is pinned, so that nothing changes unasked. */
const app = new App({ context: recommended, autoSynth: false });
const database = databaseAddress();
const plans = await compilePlans(context('migrations') ?? MIGRATIONS);
if (plans === undefined) {
  process.exitCode = 1;
} else {
  synthesize(plans);
}

/** What `-c name=value` or cdk.json says. */
function context(name: string): string | undefined {
  return app.node.tryGetContext(name) as string | undefined;
}

/** All plans, or undefined when one is wrong; then every fault of every plan has been told. */
async function compilePlans(folder: string): Promise<Readonly<Record<string, PlanDocument>> | undefined> {
  const ids = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  const compiled: Record<string, PlanDocument> = {};
  for (const id of ids.toSorted()) {
    const result = await compilePlan(await readPlanFolder(path.join(folder, id)));
    if (result.ok) {
      compiled[id] = { json: result.json, digest: result.digest };
    } else {
      process.stderr.write(`plan ${id} does not compile:\n${result.faults.map((fault) => `${describeFault(fault)}\n`).join('')}`);
    }
  }
  return Object.keys(compiled).length === ids.length ? compiled : undefined;
}

function synthesize(plans: Readonly<Record<string, PlanDocument>>): void {
  new StepgateStack(app, context('stackName') ?? 'Stepgate', { plans, ...(database && { database }) });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
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
