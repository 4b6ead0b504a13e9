import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../replace-file.ts';

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** As DescribeExecution shows it; times are ISO 8601. */
export interface Execution {
  readonly name: string;
  readonly arn: string;
  readonly machineArn: string;
  readonly input: string;
  readonly startedAt: string;
  readonly status: ExecutionStatus;
  readonly stoppedAt?: string;
  readonly output?: string;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
}

/** As GetExecutionHistory shows it; `timestamp` is in seconds. */
export interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  readonly type: string;
  readonly timestamp: number;
  readonly [details: string]: unknown;
}

/** Executions on disk: a document each, and a history of one JSON line per event. */
export interface ExecutionFiles {
  readAll(): Execution[];
  save(execution: Execution): void;
  append(name: string, event: HistoryEvent): void;
  /** A line that a killed process or a full disk did not finish is left out. */
  history(name: string): HistoryEvent[];
  replaceHistory(name: string, events: readonly HistoryEvent[]): void;
}

export function executionFiles(folder: string): ExecutionFiles {
  mkdirSync(folder, { recursive: true });
  const file = (name: string, suffix: string) => join(folder, `${fileName(name)}${suffix}`);
  return {
    readAll: () =>
      readdirSync(folder)
        .filter((entry) => entry.endsWith('.json'))
        .map((entry) => JSON.parse(readFileSync(join(folder, entry), 'utf8')) as Execution),
    save: (execution) => replaceFile(file(execution.name, '.json'), JSON.stringify(execution)),
    append: (name, event) => appendFileSync(file(name, '.history.jsonl'), `${JSON.stringify(event)}\n`),
    history(name) {
      const path = file(name, '.history.jsonl');
      const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
      return lines.flatMap((line) => parsedEvent(line));
    },
    replaceHistory: (name, events) => replaceFile(file(name, '.history.jsonl'), events.map((event) => `${JSON.stringify(event)}\n`).join('')),
  };
}

function parsedEvent(line: string): readonly HistoryEvent[] {
  try {
    return [JSON.parse(line) as HistoryEvent];
  } catch {
    return [];
  }
}

/** A name may hold anything that is no control character: what is no safe file name becomes its digest. */
function fileName(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : createHash('sha256').update(name).digest('hex');
}
