import { statSync } from 'node:fs';
import { join } from 'node:path';
import { figure, type Result, type Size, timeMs } from './figure.ts';
import type { Stage } from './stage.ts';

/** What the first call of a function costs before it does anything. */
export async function measureColdStart(stage: Stage, { rounds }: Pick<Size, 'rounds'>, names = Object.keys(stage.functions)): Promise<Result> {
  const samples = new Map(names.map((name): [string, number[]] => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) samples.get(name)?.push(await firstCallMs(stage, name));
  }
  const bytes = Object.values(stage.functions).map(({ folder }) => statSync(join(folder, 'index.mjs')).size);
  return {
    name: 'cold-start',
    about: `A function's first call in a new worker thread: start of the worker, import of the bundle and of the AWS SDK, its clients, and an input that \
it refuses, so that nothing else is done. Bundle sizes are without the SDK, which Lambda's runtime brings.`,
    figures: [
      figure({ name: 'every function', unit: 'ms' }, [...samples.values()].flat()),
      figure(
        { name: 'bundle of every function', unit: 'KB' },
        bytes.map((size) => size / 1_000),
      ),
      ...[...samples].map(([name, ms]) => figure({ name, unit: 'ms' }, ms)),
    ],
    skipped: [],
  };
}

async function firstCallMs(stage: Stage, name: string): Promise<number> {
  const functions = stage.openFunctions();
  try {
    return await timeMs(async () => {
      const invocation = await functions.invoke(name, '{}');
      if (invocation.ok || invocation.error !== 'InputRefusedError')
        throw new Error(`${name} did not refuse an empty input: ${JSON.stringify(invocation)}`);
    });
  } finally {
    await functions.close();
  }
}
