import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ComparedTool } from './compared-tools.ts';
import { timeMs } from './figure.ts';
import { COMPARED_MODULES } from './obtain-tools.ts';

/** A tool with its folder of migrations, which grows by one a round. */
export interface ToolRounds {
  readonly name: string;
  /** Runs one more migration, then the same command again, which has nothing to do. */
  measure(sql: string): Promise<{ readonly migration: number; readonly nothing: number }>;
  close(): Promise<void>;
}

const run = promisify(execFile);

export async function openTool(tool: ComparedTool, databaseUrl: string): Promise<ToolRounds> {
  const folder = await mkdtemp(join(tmpdir(), `stepgate-${tool.name}-`));
  // As in a project that has installed it: knex runs in no other.
  await symlink(COMPARED_MODULES, join(folder, 'node_modules'));
  const [program, ...args] = tool.command({ bin: join(COMPARED_MODULES, '.bin'), databaseUrl });
  const env = { ...process.env, ...tool.environment, DATABASE_URL: databaseUrl };
  const update = () => timeMs(() => run(program, args, { cwd: folder, env }));
  const migrations: string[] = [];
  return {
    name: tool.name,
    measure: async (sql) => {
      migrations.push(sql);
      for (const [path, text] of Object.entries(tool.files(migrations))) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), text);
      }
      return { migration: await update(), nothing: await update() };
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
