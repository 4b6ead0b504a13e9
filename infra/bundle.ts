import { createRequire } from 'node:module';
import path from 'node:path';
import { ALL_FUNCTIONS, type DoorName, type FunctionName, functionFile } from './functions.ts';

/** CommonJS packages inside an ES module still call `require` for Node's builtins; esbuild's own shim throws. */
const REQUIRE_BANNER =
  "import { createRequire as stepgateCreateRequire } from 'node:module'; const require = stepgateCreateRequire(import.meta.url);";

/**
 * Bundles every function into `outFolder/<FunctionName>/index.mjs`.
 *
 * One call for all of them, since it parses what they share only once. Nothing of the machine gets into the bytes, so the same
 * sources give the same asset hash, and an unchanged function keeps its version.
 *
 * @throws when a function's file is missing or does not bundle; esbuild's message names file and line.
 */
export function bundleFunctions({ outFolder, root }: { readonly outFolder: string; readonly root: string }): void {
  const names = Object.keys(ALL_FUNCTIONS) as (FunctionName | DoorName)[];
  bundleFiles({ outFolder, root, files: Object.fromEntries(names.map((name) => [name, functionFile(name)])) });
}

/** Bundles each file, relative to `root`, into `outFolder/<its key>/index.mjs`. */
export function bundleFiles({
  outFolder,
  root,
  files,
}: {
  readonly outFolder: string;
  readonly root: string;
  readonly files: Readonly<Record<string, string>>;
}): void {
  // Asked for only here: the package brings its bundles, and its users have no esbuild.
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  buildSync({
    absWorkingDir: path.resolve(root),
    entryPoints: Object.entries(files).map(([name, file]) => ({ in: path.resolve(root, file), out: `${name}/index` })),
    outdir: path.resolve(outFolder),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    minify: true,
    charset: 'utf8',
    legalComments: 'none',
    loader: { '.sql': 'text' },
    banner: { js: REQUIRE_BANNER },
    // The Lambda runtime brings the SDK; bundled, it would triple the size (123 against 426 KB). It promises none of the @smithy packages,
    // of which the tracer needs a small one.
    external: ['@aws-sdk/*'],
    logLevel: 'silent',
  });
}
