import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCopyRun } from './copy-run.ts';
import { openStage } from './stage.ts';
import { copyPlan } from './wide-rows.ts';

// A process of its own for bench/memory.ts: copies and compares as many rows as its argument says, and prints its peak in KB.

const stage = await openStage({
  demos: [],
  plans: { 'copy-bigint': copyPlan({ key: 'bigint' }) },
  assemblyFolder: join(tmpdir(), 'stepgate-assemblies'),
});
try {
  const run = await openCopyRun(stage, { plan: 'copy-bigint', rows: Number(process.argv[2]) });
  await run.byBatches();
  await run.compare();
  process.stdout.write(String(process.resourceUsage().maxRSS));
} finally {
  await stage.close();
}
