import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { installLedger } from '../../adapters/ledger-install.ts';
import { type SqlSession, sqlSession } from '../../adapters/sql-session.ts';
import { assertNever } from '../../core/assert-never.ts';
import { RECOVERY, StepgateError } from '../../core/errors.ts';
import type { PlanDigest } from '../../core/ids.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import type { CompiledPlan } from '../../core/plan/compiled-plan.ts';
import type { ChangingEnvelope } from '../../core/run/envelope.ts';
import type { JournalEntry } from '../../core/run/journal.ts';
import type { Mode } from '../../core/run/mode.ts';
import type { NextStep } from '../../core/run/next-step.ts';
import { NOTHING_ASKED } from '../../core/run/run-input.ts';
import { measureBefore } from '../../lambdas/checks/measure-before.ts';
import { verifyTarget } from '../../lambdas/checks/verify-target.ts';
import { raiseFence } from '../../lambdas/gates/raise-fence.ts';
import type { StatePorts } from '../../lambdas/middleware/ports.ts';
import { catchUp } from '../../lambdas/phases/catch-up.ts';
import { nextStep } from '../../lambdas/phases/next-step.ts';
import { runBackfill } from '../../lambdas/phases/run-backfill.ts';
import { runLong } from '../../lambdas/phases/run-long.ts';
import { runPhase } from '../../lambdas/phases/run-phase.ts';
import { startSync } from '../../lambdas/phases/start-sync.ts';
import { stopSync } from '../../lambdas/phases/stop-sync.ts';
import { acquireLock } from '../../lambdas/start/acquire-lock.ts';
import { changing, NO_DEAD_MAN, type Workbench } from './workbench.ts';

export interface Deployed {
  readonly plan: CompiledPlan;
  readonly digest: PlanDigest;
}

/** Takes every schema of the database away, the ledger's too. */
export async function emptyDatabase(bench: Workbench, source = ''): Promise<void> {
  await bench.sql(`drop schema if exists stepgate cascade; drop schema if exists stepgate_archive cascade;
drop schema public cascade; create schema public; ${source}`);
}

/** As `emptyDatabase`, but for an installed ledger, which is emptied: to install it takes longer than many a test. */
export async function emptyPlanDatabase(bench: Workbench, source = ''): Promise<void> {
  await installLedger(bench.ports.session);
  const [tables] = await bench.sql<{ names: string }>(
    "select string_agg(format('%I.%I', schemaname, tablename), ', ') as names from pg_tables where schemaname in ('stepgate', 'stepgate_archive') and tablename <> 'version'",
  );
  await bench.sql(`truncate ${tables?.names} restart identity; insert into stepgate.lock (token) values (0);
drop schema public cascade; create schema public; ${source}`);
}

/** Deploys a plan and accepts whatever hazards it has, which are not what the states are about; the lines move down by as many headers. */
export async function deploy(bench: Workbench, files: Readonly<Record<string, string>>, id = 'small'): Promise<Deployed> {
  const compiled = await compilePlan({ id, files: new Map(Object.entries(files)) });
  const hazards = compiled.ok ? [] : compiled.faults.flatMap(({ file, hazard }) => (hazard == null ? [] : [{ file, hazard }]));
  const accepted = Object.entries(files).map(([file, text]) => {
    const names = new Set(hazards.filter((one) => one.file === file).map((one) => one.hazard));
    return [file, [...names].map((name) => `--! allow: ${name} because the database is a test's\n`).join('') + text] as const;
  });
  return bench.deploy(Object.fromEntries(accepted), id);
}

/** A plan of one phase and what goes with it. */
export function onePhase(up: string, undo: string, more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return { 'plan.yaml': 'title: One phase\nphases:\n  - { id: only }\n', '1-only/up.sql': up, '1-only/undo.sql': undo, ...more };
}

/** A plan that makes its target and fills it. */
export function oneTransfer(target: string, transfer: string, more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return {
    'plan.yaml': 'title: One transfer\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [rows] }\n',
    '1-schema/up.sql': target,
    '1-schema/undo.sql': 'drop table target;\n',
    '2-copy/rows.sql': `--! into: target\n--! from: source\n--! key: id\n--! sync: none\n${transfer};\n`,
    ...more,
  };
}

/** A run that holds the free lock. */
export async function beginRun(bench: Workbench, plan: Deployed, run: { readonly id: string; readonly mode?: Mode }): Promise<ChangingEnvelope> {
  const input = changing(plan, { token: 0, ...run });
  const { token } = await acquireLock({ ...bench.ports, executions: nobodyAsks, pause: async () => undefined })({
    ...input,
    holderSeen: null,
    asked: NOTHING_ASKED,
  });
  if (token === null) throw new Error('the lock was not free');
  return changing(plan, { token, ...run });
}

const nobodyAsks = {
  statusOf: () => Promise.reject(new Error('the lock was not free')),
};

/** A run that holds the lock and has its baseline. */
export async function beginMeasuredRun(bench: Workbench, plan: Deployed, run: { readonly id: string }): Promise<ChangingEnvelope> {
  const input = await beginRun(bench, plan, run);
  await measureBefore(bench.ports)({ ...input, progress: null });
  return input;
}

/** Runs phase after phase until `before` is next, or none is; gives the phases that it ran. */
export async function runPhases(ports: StatePorts, input: ChangingEnvelope, before?: string): Promise<readonly string[]> {
  const ran: string[] = [];
  for (let step = await nextStep(ports)(input); step.phase !== null && step.phase !== before; step = await nextStep(ports)(input)) {
    await takeStep(ports, { ...input, phase: step.phase }, step.kind);
    ran.push(step.phase);
  }
  return ran;
}

/** What the definition does about a step, until it is done. */
export async function takeStep(ports: StatePorts, work: ChangingEnvelope & { readonly phase: string }, kind: NextStep['kind']): Promise<void> {
  switch (kind) {
    case 'transaction':
      await runPhase(ports)(work);
      break;
    case 'transfer':
      await untilDone(() => runBackfill(ports)(work));
      break;
    case 'long':
      await runLong(ports)(work);
      break;
    case 'sync':
      await untilDone(() => startSync(ports)({ ...work, side: 'source' }));
      break;
    case 'catch-up':
      await untilDone(() => catchUp(ports)({ ...work, finishes: true, polls: 0 }));
      break;
    case 'way-back':
      await untilDone(() => catchUp(ports)({ ...work, finishes: false, polls: 0 }));
      await untilDone(() => verifyTarget(ports)({ ...work, progress: null, stage: 'before-cutover' }));
      await untilDone(() => startSync(ports)({ ...work, side: 'target' }));
      break;
    case 'end-sync':
      await untilDone(() => stopSync(ports)({ ...work, polls: 0 }));
      break;
    case 'fence':
      await raiseFence({ ...ports, deadMan: NO_DEAD_MAN, pause: async () => undefined })(work);
      await untilDone(() => catchUp(ports)({ ...work, finishes: false, polls: 0 }));
      break;
    case 'done':
      throw new Error('nothing is left to do');
    default:
      assertNever(kind);
  }
}

/** Visits in a row, each tried again as the definition does. */
async function untilDone(visit: () => Promise<{ readonly done: boolean }>): Promise<void> {
  while (!(await retried(visit)).done);
}

/** A run's entries of one kind. */
export async function entries<Kind extends JournalEntry['kind']>(
  bench: Workbench,
  input: ChangingEnvelope | { readonly run: ChangingEnvelope['run'] },
  kind: Kind,
): Promise<readonly Extract<JournalEntry, { kind: Kind }>[]> {
  const all = await bench.ports.journal.readAll(input.run.id);
  return all.filter((entry): entry is Extract<JournalEntry, { kind: Kind }> => entry.kind === kind);
}

/** What a call was refused with. */
export async function refusal(call: Promise<unknown>): Promise<Error> {
  const ended = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in ended && ended.error instanceof Error) return ended.error;
  throw new Error(`nothing was refused: ${JSON.stringify(ended)}`);
}

/** A state as the definition enters it: again after an error that its retriers name. */
export async function retried<Answer>(state: () => Promise<Answer>): Promise<Answer> {
  for (let left = 10; ; left -= 1) {
    try {
      return await state();
    } catch (error) {
      const isRetried = error instanceof StepgateError && RECOVERY[error.name] === 'retry';
      if (!isRetried || left === 0) throw error;
    }
  }
}

/** Waits for a condition of the database; the test's own limit ends it. */
export async function until(bench: Workbench, condition: string): Promise<void> {
  for (;;) {
    const [row] = await bench.sql<{ holds: boolean }>(`select (${condition}) as holds`);
    if (row?.holds === true) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export interface Wire {
  readonly session: SqlSession;
  readonly ports: StatePorts;
  close(): Promise<void>;
}

/** The Data API by way of a wire that breaks after the server has done the work, wherever `breaks` says so of the statement. */
export async function brokenWire(bench: Workbench, breaks: (sql: string) => boolean): Promise<Wire> {
  const target = new URL(process.env.AWS_ENDPOINT_URL_RDS_DATA ?? '');
  const server = createServer((incoming, outgoing) => void forward(incoming, outgoing, { target, breaks }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const session = sqlSession(bench.environment, new RDSDataClient({ endpoint, maxAttempts: 1 }));
  return {
    session,
    ports: { ...bench.ports, session },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { target, breaks }: { readonly target: URL; readonly breaks: (sql: string) => boolean },
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const sql = String((JSON.parse(body.toString() || '{}') as { sql?: unknown }).sql ?? '');
  const onward = send(
    { host: target.hostname, port: target.port, path: incoming.url, method: incoming.method, headers: incoming.headers },
    (answer) => {
      answer.on('end', () => undefined);
      if (breaks(sql)) {
        answer.resume().on('end', () => outgoing.socket?.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    },
  );
  onward.on('error', () => outgoing.socket?.destroy());
  onward.end(body);
}

/** A clock by which a state's ten minutes are over after it has looked at it `times` times. */
export function worksFor(times: number): () => number {
  let looks = 0;
  return () => (looks++ > times ? 700_000 : 0);
}
