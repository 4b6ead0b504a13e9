import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { App, Stack, type StackProps } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll } from 'vitest';
import { ALL_FUNCTIONS } from '../../infra/functions.ts';
import { Stepgate, type StepgateProps } from '../../infra/stepgate.ts';

export const SECRET_ARN = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:crm/migrator-a1B2c3';
export const JSON_TEXT = '{"format":1,"id":"lead-centric","title":"Größe ≠ Länge"}';
export const DIGEST = createHash('sha256').update(JSON_TEXT).digest('hex');
export const PLANS = { 'lead-centric': { json: JSON_TEXT, digest: DIGEST } };
export const IMPORTED = { clusterIdentifier: 'crm-production', secretArn: SECRET_ARN };

let scratch: string | undefined;
let bundles: string | undefined;

afterAll(() => {
  if (scratch !== undefined) {
    rmSync(scratch, { recursive: true, force: true });
  }
});

/** A new folder that goes with the test file. */
function newFolder(): string {
  scratch ??= mkdtempSync(path.join(os.tmpdir(), 'stepgate-synth-'));
  return mkdtempSync(path.join(scratch, 'folder-'));
}

/** Bundles that hold nothing: what is bundled has tests of its own. */
function emptyBundles(): string {
  const folder = newFolder();
  for (const name of Object.keys(ALL_FUNCTIONS)) {
    mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, name, 'index.mjs'), `export const handler = async () => '${name}';\n`);
  }
  return folder;
}

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
}

export interface Synthesized {
  readonly app: App;
  readonly stack: Stack;
  readonly template: Template;
  readonly resources: Readonly<Record<string, Resource>>;
}

/** A stack with one Stepgate in it, from made-up bundles; `fill` may add what a user's stack has besides. */
export function synthesize(
  props: Partial<StepgateProps> = {},
  fill: (stack: Stack) => Partial<StepgateProps> = () => ({}),
  { context = {}, ...stackProps }: StackProps & { readonly context?: Readonly<Record<string, unknown>> } = {},
): Synthesized {
  bundles ??= emptyBundles();
  const app = new App({ context, outdir: newFolder() });
  const stack = new Stack(app, 'Crm', stackProps);
  new Stepgate(stack, 'Stepgate', { database: IMPORTED, plans: PLANS, bundleFolder: bundles, ...props, ...fill(stack) });
  const template = Template.fromStack(stack);
  return { app, stack, template, resources: template.toJSON().Resources as Record<string, Resource> };
}
