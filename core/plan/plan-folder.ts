import type { SqlFile } from './parse-sql.ts';
import { parseSql } from './parse-sql.ts';
import type { Report } from './plan-fault.ts';
import { fileFault } from './plan-fault.ts';
import type { SourceText } from './source-text.ts';
import { isFault, sourceText } from './source-text.ts';

/** What is compiled of a plan's files; README, demo/ and whatever else stands beside it is not among them. */
export interface PlanFolder {
  /** Null when it is missing or unreadable, which is reported. */
  readonly planFile: SourceText | null;
  /** Folders whose name starts with a number: those of phases. */
  readonly folders: ReadonlySet<string>;
  /** By path; null where the file has a fault that is reported. */
  readonly sql: ReadonlyMap<string, SqlFile | null>;
}

/** Reads the files of a plan; all their syntax errors are reported. */
export function openPlanFolder(files: ReadonlyMap<string, string>, report: Report): PlanFolder {
  const compiled = [...files].filter(([path]) => !path.startsWith('demo/'));
  const sql = compiled.filter(([path]) => /\.sql$/i.test(path));
  for (const [path] of compiled) {
    if (/\.ya?ml$/i.test(path) && path !== 'plan.yaml')
      report(fileFault(path, 'nothing reads this file, since a plan is one plan.yaml; rename or remove it'));
  }
  const raw = files.get('plan.yaml');
  if (raw === undefined) report(fileFault('plan.yaml', 'the file is missing; write it with at least a title and one phase'));
  const numbered = compiled.filter(([path]) => /^\d+-[^/]*\//.test(path));
  return {
    folders: new Set(numbered.map(([path]) => path.slice(0, path.indexOf('/')))),
    planFile: raw === undefined ? null : readText('plan.yaml', raw, report),
    sql: new Map(sql.map(([path, text]) => [path, readSql(path, text, report)])),
  };
}

function readSql(path: string, raw: string, report: Report): SqlFile | null {
  const source = readText(path, raw, report);
  return source === null ? null : parseSql(source, report);
}

function readText(path: string, raw: string, report: Report): SourceText | null {
  const source = sourceText(path, raw);
  if (!isFault(source)) return source;
  report(source);
  return null;
}
