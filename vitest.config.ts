import { readFile } from 'node:fs/promises';
import { defineConfig } from 'vitest/config';

/** Minutes of packaging, measuring and other servers: `npm run test:slow`, and a change lands only when they pass, too (.ci/run). */
const SLOW = [
  'bench',
  'package',
  'infra/app',
  'infra/other-interpreter',
  'infra/database-target',
  'lambdas/phases/hard-keys',
  'lambdas/phases/hard-values',
  'lambdas/phases/live-sync',
  'lambdas/phases/rename-cutover',
  'lambdas/phases/run-backfill-ranges',
  'lambdas/restore/restore-cluster',
  'bin/stack',
  'bin/any-postgresql',
  'bin/help-examples',
  'bin/end-to-end',
  'lambdas/beyond-the-limit',
  'isolation/crowd',
  'isolation/whole-run',
  'local/fenced-run',
  'local/second-door',
  'local/stopped-anywhere',
  'local/restored-run',
  'local/kept-phases',
  'local/window',
].map((file) => `test/${file}.test.ts`);
const isSlow = process.env.STEPGATE_TESTS === 'slow';

export default defineConfig({
  // The bundles hold the ledger's files as text; so do the tests.
  plugins: [
    {
      name: 'sql-as-text',
      enforce: 'pre',
      load: async (id: string) => (id.endsWith('.sql') ? `export default ${JSON.stringify(await readFile(id, 'utf8'))};` : null),
    },
  ],
  test: {
    include: isSlow ? SLOW : ['test/**/*.test.ts'],
    exclude: isSlow ? [] : SLOW,
    // Each file starts servers of its own; two workers fill two cores.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
