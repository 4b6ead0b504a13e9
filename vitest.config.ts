import { readFile } from 'node:fs/promises';
import { defineConfig } from 'vitest/config';

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
    include: ['test/**/*.test.ts'],
    // Each file starts servers of its own; two workers fill two cores.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
