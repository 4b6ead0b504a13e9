import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import type { FaultDesk } from '../faults/fault-desk.ts';
import type { FunctionHost } from '../lambda/function-host.ts';
import type { Execution } from '../step-functions/execution-files.ts';
import type { VirtualClock } from '../virtual-clock.ts';

export interface StatusChangesOptions {
  /** A JSON line for each event: what came of it. */
  readonly file: string;
  readonly functions: Pick<FunctionHost, 'invoke'>;
  readonly clock: VirtualClock;
  readonly region: string;
  readonly accountId: string;
  readonly faults?: FaultDesk | undefined;
}

/** EventBridge's rule on the ends of executions, and the function that it calls. */
export interface StatusChanges {
  tell(execution: Execution): void;
  /** Tells nothing any more. */
  close(): void;
}

/** The function that infra/second-door.ts lets the rule call. */
const DOOR = 'SettleRun';

/** Of the rule in infra/second-door.ts. */
const ENDED_BADLY: readonly string[] = ['FAILED', 'TIMED_OUT', 'ABORTED'];

/** After a function's own error Lambda calls it again after one minute and after two (Lambda, asynchronous invocation). */
const AGAIN_AFTER_MS = [60_000, 120_000] as const;

/** Delivers each end that is no success to the second door; twice, late or never where the desk has planned that. */
export function statusChanges(options: StatusChangesOptions): StatusChanges {
  const { clock, faults, file } = options;
  const closed = new AbortController();

  async function deliver(execution: Execution): Promise<void> {
    const release = clock.hold();
    try {
      const result = await invoke(options, execution, closed.signal);
      const line = { at: clock.now().toISOString(), execution: execution.name, status: execution.status, ...result };
      if (!closed.signal.aborted) appendFileSync(file, `${JSON.stringify(line)}\n`);
    } finally {
      release();
    }
  }

  return {
    tell(execution) {
      if (closed.signal.aborted || !ENDED_BADLY.includes(execution.status)) return;
      const effect = faults?.meet({ service: 'events', action: 'StatusChange', about: execution.name })?.effect;
      // As EventBridge, which promises no more than its best.
      const send = () => void deliver(execution).catch(() => undefined);
      if (effect?.kind === 'lost') return;
      if (effect?.kind === 'delayed') {
        clock.timer(new Date(clock.now().getTime() + effect.seconds * 1000), send);
        return;
      }
      send();
      if (effect?.kind === 'twice') send();
    },
    close: () => closed.abort(),
  };
}

async function invoke(
  { functions, clock, region, accountId }: StatusChangesOptions,
  execution: Execution,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const payload = JSON.stringify(eventOf(execution, { region, accountId, at: clock.now() }));
  for (const waitMs of [...AGAIN_AFTER_MS, null]) {
    const answer = await functions.invoke(DOOR, payload);
    if (answer.ok) return { answer: JSON.parse(answer.payload) };
    if (waitMs === null || signal.aborted) return { error: answer.error, cause: answer.cause };
    await clock.waitUntil(new Date(clock.now().getTime() + waitMs), signal);
  }
  return {};
}

/** As EventBridge has it (Step Functions, event examples). */
function eventOf(
  { name, arn, machineArn, status, startedAt, stoppedAt, input, output, error, cause }: Execution,
  { region, accountId, at }: { readonly region: string; readonly accountId: string; readonly at: Date },
): Readonly<Record<string, unknown>> {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Step Functions Execution Status Change',
    source: 'aws.states',
    account: accountId,
    time: at.toISOString(),
    region,
    resources: [arn],
    detail: {
      executionArn: arn,
      stateMachineArn: machineArn,
      name,
      status,
      startDate: Date.parse(startedAt),
      stopDate: Date.parse(stoppedAt ?? startedAt),
      input,
      inputDetails: { included: true },
      output: output ?? null,
      outputDetails: output === undefined ? null : { included: true },
      error: error ?? null,
      cause: cause ?? null,
    },
  };
}
