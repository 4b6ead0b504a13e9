import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ALL_FUNCTIONS, FUNCTIONS } from '../infra/functions.ts';

/** It builds the package, and synthesizes two apps, on a machine that may have other work. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ROOT = join(import.meta.dirname, '..');
const root = mkdtempSync(join(tmpdir(), 'stepgate-package-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** Nothing of this machine's AWS settings, and addresses that nobody answers at. */
const OFFLINE = {
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  HOME: root,
  HTTPS_PROXY: 'http://127.0.0.1:9',
  HTTP_PROXY: 'http://127.0.0.1:9',
};

const paths: string[] = [];
let packed: Packed;
let manifest: Manifest;

beforeAll(async () => {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--json', '--silent', '--pack-destination', root], { cwd: ROOT });
  [packed] = JSON.parse(stdout) as [Packed];
  paths.push(...packed.files.map(({ path }) => path));
  manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
});

/** As npm would install it: the tarball's files, and links to the packages that are named, which find their own dependencies where they lie. */
async function install(folder: string, packages: readonly string[]): Promise<string> {
  const modules = join(root, folder, 'node_modules');
  const installed = join(modules, 'stepgate');
  mkdirSync(installed, { recursive: true });
  await promisify(execFile)('tar', ['-xzf', join(root, packed.filename), '--strip-components=1', '-C', installed]);
  for (const name of packages) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name), 'junction');
  }
  return installed;
}

/** A copy of an example with the package, and its synthesized stack. */
async function installExample(
  name: string,
  more: readonly string[],
): Promise<{ readonly folder: string; synthesize(file: string): Promise<string> }> {
  const folder = join(root, name);
  cpSync(join(ROOT, 'examples', name), folder, {
    recursive: true,
    filter: (path) => !['node_modules', 'cdk.out', '.stepgate'].includes(basename(path)),
  });
  await install(name, [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies), ...more]);
  return {
    folder,
    async synthesize(file) {
      const out = join(folder, 'cdk.out');
      await promisify(execFile)(process.execPath, [file], { cwd: folder, env: { ...OFFLINE, CDK_OUTDIR: out } });
      return out;
    },
  };
}

function resourcesOf(file: string): readonly { readonly Type: string; readonly Properties?: Readonly<Record<string, unknown>> }[] {
  return Object.values((JSON.parse(readFileSync(file, 'utf8')) as { Resources: Record<string, { Type: string }> }).Resources);
}

function text(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The texts in `import … from '…'`, `import '…'`, `import('…')`, `export … from '…'`. */
function importsOf(path: string): readonly string[] {
  const found = text(path).matchAll(/(?:^|[;}\s])(?:import|export)\s*(?:[\w${},*\s]*?\bfrom\s*)?\(?\s*(["'])([^"'\n]+)\1/g);
  return [...found].map(([, , specifier = '']) => specifier);
}

test('the tarball holds emitted files with their types, the bundles, the command and the plans, and stays below 3.5 MB', () => {
  const expected =
    /^(package\.json|README\.md|LICENSE|bin\/(stepgate|node-24)\.mjs|dist\/assembly\.json|dist\/functions\/\w+\/index\.mjs|dist\/.+\.(js|d\.ts)|migrations\/.+)$/;
  expect(paths.filter((path) => !expected.test(path))).toEqual([]);
  expect(paths.filter((path) => /(^|\/)(test|\.stepgate|node_modules)\/|\.tsx?$(?<!\.d\.ts)/.test(path))).toEqual([]);
  expect(packed.size).toBeLessThan(3_500_000);
});

test('the tarball holds a bundle for each function, and the definition that names them', () => {
  const bundles = paths.flatMap((path) => /^dist\/functions\/(\w+)\//.exec(path)?.[1] ?? []);
  expect(bundles.toSorted()).toEqual(Object.keys(ALL_FUNCTIONS).toSorted());
  const { definition, functions } = JSON.parse(text('dist/assembly.json')) as { definition: string; functions: Record<string, unknown> };
  expect(Object.keys(functions).toSorted()).toEqual(bundles.toSorted());
  // What is no state is named by nobody in the definition.
  for (const name of Object.keys(FUNCTIONS)) expect(definition).toContain(`\${${name}}`);
});

test('every file that is exported is there', () => {
  const files = Object.values(manifest.exports).flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)));
  expect(files.filter((file) => !paths.includes(file.slice('./'.length)))).toEqual([]);
});

test('what runs imports no TypeScript and no SQL, and only packages that the package asks for', () => {
  const running = paths.filter((path) => /^(bin|dist)\/.*\.m?js$/.test(path));
  const asked = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)];
  const imports = running.flatMap((path) => importsOf(path).map((specifier) => ({ path, specifier })));
  expect(imports.length).toBeGreaterThan(running.length);
  expect(imports.filter(({ specifier }) => /\.(ts|sql)$/.test(specifier))).toEqual([]);
  const packages = imports.filter(({ specifier }) => !specifier.startsWith('.') && !isBuiltin(specifier));
  expect(packages.filter(({ specifier }) => !asked.some((name) => specifier === name || specifier.startsWith(`${name}/`)))).toEqual([]);
});

test.concurrent('the installed command compiles plans and runs one, without a CDK', async ({ expect }) => {
  const installed = await install('command', Object.keys(manifest.dependencies));
  const stepgate = (...args: readonly string[]) =>
    promisify(execFile)(process.execPath, [join(installed, 'bin', 'stepgate.mjs'), ...args], { cwd: join(root, 'command'), env: OFFLINE });
  expect((await stepgate('check', '--all', '--plans', 'node_modules/stepgate/migrations')).stdout).toContain('plan lead-centric compiles');
  const { stdout } = await stepgate('dry-run', '--plans', join(ROOT, 'test', 'support', 'plans'));
  expect(stdout).toContain('passed: dry-run of shop passed');
});

test.concurrent('an app in TypeScript that owns its cluster passes its compiler and synthesizes', async ({ expect }) => {
  const { folder, synthesize } = await installExample('cdk-typescript', ['@types/node']);
  await promisify(execFile)(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder]);
  const out = await synthesize('app.ts');
  const resources = resourcesOf(join(out, 'Shop.template.json'));
  const functions = resources.filter(
    ({ Type, Properties }) => Type === 'AWS::Lambda::Function' && String(Properties?.Description).startsWith('Stepgate: '),
  );
  expect(functions).toHaveLength(Object.keys(ALL_FUNCTIONS).length);
  expect(resources.filter(({ Type }) => Type === 'AWS::RDS::DBCluster')).toMatchObject([{ Properties: { EnableHttpEndpoint: true } }]);
});

test.concurrent('an app in CommonJS that names a cluster of others synthesizes, with the bundles of the package', async ({ expect }) => {
  const { synthesize } = await installExample('cdk-javascript', []);
  const out = await synthesize('app.js');
  const machines = resourcesOf(join(out, 'Crm.template.json')).filter(({ Type }) => Type === 'AWS::StepFunctions::StateMachine');
  expect(machines).toMatchObject([{ Properties: { StateMachineName: 'Crm-Stepgate' } }]);
  const bundled = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('index.mjs'));
  const texts = new Set(bundled.map((file) => readFileSync(join(out, file), 'utf8')));
  expect(Object.keys(ALL_FUNCTIONS).filter((name) => !texts.has(text(`dist/functions/${name}/index.mjs`)))).toEqual([]);
});
