/** The inside of one function's worker thread: loads the bundle on the first call, then answers one call at a time. */
import { enableCompileCache, flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerMessage } from './function-host.ts';

type Handler = (event: unknown, context: object) => Promise<unknown>;

interface Call {
  readonly requestId: string;
  readonly payload: string;
  readonly functionArn: string;
  readonly timeoutMs: number;
}

const port = parentPort;
let loaded: Promise<Handler> | undefined;

port?.on('message', async (call: Call) => {
  const message = await answer(call).catch((error: unknown): WorkerMessage => ({ error: errorOf(error) }));
  port.postMessage(message);
});

async function answer(call: Call): Promise<WorkerMessage> {
  loaded ??= load();
  const handler = await loaded;
  port?.postMessage({ began: true } satisfies WorkerMessage);
  const result = await handler(JSON.parse(call.payload), contextOf(call));
  return { payload: JSON.stringify(result) ?? 'null' };
}

/** Every engine loads the same bundles; a worker is ended without notice, so the cache is written as soon as there is something in it. */
async function load(): Promise<Handler> {
  enableCompileCache();
  const module = await import(workerData.file);
  flushCompileCache();
  return module[workerData.exported];
}

/** Lambda's context object for Node.js. */
function contextOf({ requestId, functionArn, timeoutMs }: Call): object {
  const deadline = Date.now() + timeoutMs;
  return {
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: functionArn,
    awsRequestId: requestId,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

/** As Lambda's runtime reports what a handler threw. */
function errorOf(error: unknown): { readonly errorType: string; readonly errorMessage: string; readonly trace: string[] } {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}
