import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import { DOORS } from '../infra/functions.ts';
import type { FunctionBundle } from './lambda/function-host.ts';
import { isPacked, readPacked } from './packed-assembly.ts';
import { makeFolder } from './usable-folder.ts';

/** What a synthesized stack says about its state machine: the definition with `${Name}` placeholders, the function behind each, and the doors. */
export interface Assembly {
  readonly definition: string;
  readonly functions: Readonly<Record<string, FunctionBundle>>;
}

/** What the definition and the bundles are made from. Plans are no part of either, so a changed plan synthesizes nothing anew. */
const INPUTS = ['infra', 'lambdas', 'core', 'adapters', 'ledger', 'bin/app.ts', 'cdk.json', 'package-lock.json'];

const ROOT = resolve(import.meta.dirname, '..');

/** A cache of the project's, for all data folders: to synthesize takes seconds. Below the data folder where the project can only be read. */
export function assemblyFolderFor(dataFolder: string): string {
  const modules = join(ROOT, 'node_modules');
  const folder = join(modules, '.cache', 'stepgate', 'assembly');
  try {
    accessSync(modules, constants.W_OK);
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
    return folder;
  } catch {
    return join(dataFolder, 'assembly');
  }
}

/**
 * Synthesizes the stack into `<folder>/<digest of its sources>`, or reads what an earlier call put there; the package brings its own.
 *
 * @throws when the CDK app fails; the message holds what it printed.
 */
export async function obtainAssembly(folder: string): Promise<Assembly> {
  if (isPacked(ROOT)) return readPacked(ROOT);
  const digest = digestOf(INPUTS);
  const target = join(folder, digest);
  if (!existsSync(target)) await synthesize(target);
  linkNodeModules(folder);
  prune(folder, digest);
  return readAssembly(target);
}

/** Assemblies of former sources; half an hour old, since somebody else may be using a newer one of a shared folder. */
const STALE_MS = 1_800_000;

function prune(folder: string, digest: string): void {
  for (const name of readdirSync(folder).filter((one) => one !== digest && one !== 'node_modules')) {
    try {
      if (Date.now() - statSync(join(folder, name)).mtimeMs > STALE_MS) rmSync(join(folder, name), { recursive: true, force: true });
    } catch {
      // Another user's, or taken away by another engine meanwhile.
    }
  }
}

/** Under another name first, so that a folder with a digest's name is whole, whoever else synthesizes at the same time. */
async function synthesize(target: string): Promise<void> {
  const draft = `${target}.${randomUUID()}`;
  mkdirSync(draft, { recursive: true });
  try {
    // A stack address that a user's shell holds is for a deployment.
    const env = { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STEPGATE_'))), CDK_OUTDIR: draft };
    await promisify(execFile)(process.execPath, ['bin/app.ts'], { cwd: ROOT, env, maxBuffer: 64 * 1024 * 1024 });
    // What only a deployment needs, such as the layer that fills a bucket, is most of the bytes.
    for (const name of readdirSync(draft).filter((one) => one.endsWith('.zip'))) rmSync(join(draft, name));
    if (!existsSync(target)) renameSync(draft, target);
  } catch (error) {
    const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
    throw new Error(`the stack cannot be synthesized; run "npx cdk synth" for the same error\n${stderr || message}`, { cause: error });
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function digestOf(inputs: readonly string[]): string {
  const hash = createHash('sha256');
  for (const input of inputs) {
    const path = join(ROOT, input);
    if (!existsSync(path)) continue;
    const files = statSync(path).isFile() ? [''] : readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();
    for (const file of files.map((one) => join(path, one)).filter((one) => statSync(one).isFile())) {
      hash
        .update(`${file.slice(ROOT.length)}\0`)
        .update(readFileSync(file))
        .update('\0');
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** Bundles import the SDK from the nearest node_modules above them; a folder outside the project has none. */
function linkNodeModules(folder: string): void {
  const inProject = resolve(folder).startsWith(ROOT + sep);
  const resolved = createRequire(import.meta.url).resolve('@aws-sdk/client-s3');
  const modules = resolved.slice(0, resolved.lastIndexOf(`${sep}@aws-sdk${sep}`));
  const link = join(folder, 'node_modules');
  if (!inProject && !existsSync(link)) symlinkSync(modules, link, 'junction');
}

const Resource = z.object({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) });
const Template = z.object({ Resources: z.record(z.string(), Resource) });
const FunctionProperties = z.object({
  Code: z.object({ S3Key: z.string() }),
  Handler: z.string(),
  Timeout: z.number().default(3),
  Environment: z.object({ Variables: z.record(z.string(), z.unknown()) }).optional(),
});
const MachineProperties = z.object({ DefinitionString: z.string(), DefinitionSubstitutions: z.record(z.string(), z.unknown()).default({}) });
const Assets = z.object({ files: z.record(z.string(), z.object({ source: z.object({ path: z.string() }) })) });

/** Reads the one state machine of a cloud assembly. */
export function readAssembly(folder: string): Assembly {
  const templates = readdirSync(folder).filter((name) => name.endsWith('.template.json'));
  for (const name of templates) {
    const { Resources } = Template.parse(JSON.parse(readFileSync(join(folder, name), 'utf8')));
    const machine = Object.values(Resources).find(({ Type }) => Type === 'AWS::StepFunctions::StateMachine');
    if (machine === undefined) continue;
    const { DefinitionString, DefinitionSubstitutions } = MachineProperties.parse(machine.Properties);
    const { files } = Assets.parse(JSON.parse(readFileSync(join(folder, name.replace('.template.json', '.assets.json')), 'utf8')));
    const bundle = (value: unknown): FunctionBundle => {
      const { Code, Handler, Timeout, Environment } = functionBehind(value, Resources);
      const path = files[Code.S3Key.replace(/\.zip$/, '')]?.source.path;
      if (path === undefined) throw new Error(`${name} names ${Code.S3Key}, which is no asset of ${folder}; delete that folder`);
      return { folder: join(folder, path), handler: Handler, timeoutSeconds: Timeout, environment: literals(Environment?.Variables ?? {}) };
    };
    const functions = Object.entries(DefinitionSubstitutions).map(([placeholder, value]) => [placeholder, bundle(value)] as const);
    const doors = Object.keys(DOORS).flatMap((door) => doorIn(Resources, door).map((id) => [door, bundle({ Ref: id })] as const));
    return { definition: DefinitionString, functions: Object.fromEntries([...functions, ...doors]) };
  }
  throw new Error(`no template in ${folder} has a state machine; delete that folder`);
}

/** A function that is no state is known by what it is told its name is. */
function doorIn(resources: Readonly<Record<string, z.infer<typeof Resource>>>, door: string): readonly string[] {
  const ids = Object.keys(resources).filter((id) => resources[id]?.Type === 'AWS::Lambda::Function');
  return ids.filter((id) => FunctionProperties.safeParse(resources[id]?.Properties).data?.Environment?.Variables.POWERTOOLS_SERVICE_NAME === door);
}

/** Addresses are no literals in a template; the engine gives its own. */
function literals(variables: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : [])));
}

/** A substitution refers to a function, or to a version of it. */
function functionBehind(value: unknown, resources: Readonly<Record<string, z.infer<typeof Resource>>>): z.infer<typeof FunctionProperties> {
  const id = referencesIn(value).find((one) => resources[one] !== undefined) ?? '';
  const resource = resources[id];
  if (resource?.Type === 'AWS::Lambda::Function') return FunctionProperties.parse(resource.Properties);
  if (resource?.Type === 'AWS::Lambda::Version') return functionBehind(resource.Properties.FunctionName, resources);
  throw new Error(`the definition is given ${JSON.stringify(value)}, which is no function of the stack`);
}

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { Ref, 'Fn::GetAtt': attribute } = value as { readonly Ref?: unknown; readonly 'Fn::GetAtt'?: unknown };
  if (typeof Ref === 'string') return [Ref];
  if (Array.isArray(attribute)) return [String(attribute[0])];
  return Object.values(value).flatMap(referencesIn);
}
