import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Assembly } from './assembly.ts';

const FILE = 'assembly.json';

const Packed = z.object({
  definition: z.string(),
  functions: z.record(
    z.string(),
    z.object({ handler: z.string(), timeoutSeconds: z.number(), environment: z.record(z.string(), z.string()) }).readonly(),
  ),
});

/** Puts an assembly's bundles into `folder/functions/<name>`, where the construct looks for them too, and what else the engine reads beside them. */
export function packAssembly({ definition, functions }: Assembly, folder: string): void {
  for (const [name, bundle] of Object.entries(functions)) cpSync(bundle.folder, bundleFolder(folder, name), { recursive: true });
  const packed: z.infer<typeof Packed> = { definition, functions };
  writeFileSync(join(folder, FILE), `${JSON.stringify(Packed.parse(packed))}\n`);
}

export function isPacked(folder: string): boolean {
  return existsSync(join(folder, FILE));
}

export function readPacked(folder: string): Assembly {
  const { definition, functions } = Packed.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')));
  const bundles = Object.entries(functions).map(([name, bundle]) => [name, { ...bundle, folder: bundleFolder(folder, name) }] as const);
  return { definition, functions: Object.fromEntries(bundles) };
}

function bundleFolder(folder: string, name: string): string {
  return join(folder, 'functions', name);
}
