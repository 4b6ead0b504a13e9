import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, type WriteStream } from 'node:fs';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

/** A bundle as synth makes it. */
export interface FunctionBundle {
  readonly folder: string;
  /** `index.handler`: the file without its ending, and the export. */
  readonly handler: string;
  readonly timeoutSeconds: number;
  /** What the stack sets to literal values. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What Step Functions gets from Lambda: the payload's JSON text, or the error with its cause. */
export type Invocation = { readonly ok: true; readonly payload: string } | { readonly ok: false; readonly error: string; readonly cause: string };

export interface FunctionHost {
  /** Invokes by name or ARN; a second call while one runs gets a worker of its own. Never rejects for what the function does. */
  invoke(function_: string, payload: string): Promise<Invocation>;
  /** Ends the workers that are at work, as a sandbox that is killed: their invocations fail. */
  killBusy(): Promise<void>;
  /** Ends every worker, what runs included. */
  close(): Promise<void>;
}

export interface FunctionHostOptions {
  readonly functions: Readonly<Record<string, FunctionBundle>>;
  /** Where things are; asked when a worker starts. Nothing of this process's environment is passed on. */
  readonly environment: () => Readonly<Record<string, string>>;
  readonly region: string;
  readonly accountId: string;
  readonly logFolder: string;
  /** Keeps time real while a function runs. */
  readonly hold: () => () => void;
}

/** 6 MB each way for a synchronous call (Lambda, quotas). */
const PAYLOAD_BYTES = 6 * 1024 * 1024;

export function functionHost(options: FunctionHostOptions): FunctionHost {
  const idle = new Map<string, Worker[]>();
  const workers = new Set<Worker>();
  const logs = new Map<string, WriteStream>();
  const log = (name: string) => openLog(logs, options.logFolder, name);
  mkdirSync(options.logFolder, { recursive: true });

  function spawn(name: string, bundle: FunctionBundle): Worker {
    const worker = startWorker(name, bundle, options);
    workers.add(worker);
    // One that dies while it is idle is only left out; one that dies at work is reported by `converse`.
    worker.on('error', () => {});
    worker.once('exit', () => {
      workers.delete(worker);
      idle.set(
        name,
        (idle.get(name) ?? []).filter((one) => one !== worker),
      );
    });
    worker.stdout.pipe(log(name), { end: false });
    worker.stderr.pipe(log(name), { end: false });
    return worker;
  }

  async function invoke(function_: string, payload: string): Promise<Invocation> {
    const name = /^arn:aws:lambda:[^:]*:[^:]*:function:([^:]+)/.exec(function_)?.[1] ?? function_;
    const bundle = options.functions[name];
    if (bundle === undefined) return { ok: false, error: 'Lambda.ResourceNotFoundException', cause: `Function not found: ${function_}` };
    if (Buffer.byteLength(payload) > PAYLOAD_BYTES)
      return { ok: false, error: 'Lambda.RequestTooLargeException', cause: tooLarge('request', payload) };
    const worker = idle.get(name)?.pop() ?? spawn(name, bundle);
    const release = options.hold();
    try {
      const { reusable, invocation } = await converse(worker, {
        payload,
        functionArn: arnOf(name, options),
        timeoutMs: bundle.timeoutSeconds * 1000,
      });
      if (reusable) idle.set(name, [...(idle.get(name) ?? []), worker]);
      else await worker.terminate();
      return invocation;
    } finally {
      release();
    }
  }

  return {
    invoke,
    async killBusy() {
      const waiting = new Set([...idle.values()].flat());
      await Promise.all([...workers].filter((worker) => !waiting.has(worker)).map((worker) => worker.terminate()));
    },
    async close() {
      idle.clear();
      await Promise.all([...workers].map((worker) => worker.terminate()));
      await Promise.all([...logs.values()].map((stream) => new Promise((resolve) => stream.end(resolve))));
    },
  };
}

/** A log that a full disk refuses is given up; the run tells of the disk where it matters, in what it has to keep. */
function openLog(logs: Map<string, WriteStream>, folder: string, name: string): WriteStream {
  const open = logs.get(name);
  if (open !== undefined) return open;
  const stream = createWriteStream(join(folder, `${name}.log`), { flags: 'a' }).on('error', () => logs.delete(name));
  logs.set(name, stream);
  return stream;
}

function startWorker(name: string, bundle: FunctionBundle, { environment, region }: FunctionHostOptions): Worker {
  const [file, exported] = bundle.handler.split('.');
  const path = ['mjs', 'js', 'cjs'].map((ending) => join(bundle.folder, `${file}.${ending}`)).find((candidate) => existsSync(candidate));
  if (path === undefined) throw new Error(`function ${name} has no file for its handler ${bundle.handler} in ${bundle.folder}; synthesize again`);
  return new Worker(new URL(`./function-worker${extname(import.meta.filename)}`, import.meta.url), {
    env: {
      ...bundle.environment,
      ...environment(),
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1024',
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    },
    execArgv: [],
    stdout: true,
    stderr: true,
    workerData: { file: pathToFileURL(path).href, exported },
  });
}

function arnOf(name: string, { region, accountId }: FunctionHostOptions): string {
  return `arn:aws:lambda:${region}:${accountId}:function:${name}`;
}

interface Request {
  readonly payload: string;
  readonly functionArn: string;
  readonly timeoutMs: number;
}

interface Conversation {
  readonly reusable: boolean;
  readonly invocation: Invocation;
}

/** What the worker says: the handler was loaded, or the invocation is over. */
export type WorkerMessage = { readonly began: true } | { readonly payload: string } | { readonly error: { readonly errorType: string } };

/** One invocation on one worker. Loading the bundle has the same limit as the handler, each on its own, as Lambda's init phase has. */
function converse(worker: Worker, request: Request): Promise<Conversation> {
  const { promise, resolve } = Promise.withResolvers<Conversation>();
  const requestId = randomUUID();
  const fail = (error: string, cause: string) => resolve({ reusable: false, invocation: { ok: false, error, cause } });
  const timeOut = () => {
    const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${(request.timeoutMs / 1000).toFixed(2)} seconds`;
    fail('Sandbox.Timedout', JSON.stringify({ errorMessage, errorType: 'Sandbox.Timedout' }));
  };
  let timeout = setTimeout(timeOut, request.timeoutMs);
  const died = (how: string) => {
    const returned = JSON.stringify({ errorType: 'Runtime.ExitError', errorMessage: `RequestId: ${requestId} Error: Runtime exited ${how}` });
    fail('Lambda.Unknown', `The cause could not be determined because Lambda did not return an error type. Returned payload: ${returned}`);
  };
  const onError = (error: unknown) => died(`with error: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
  const onExit = (code: number) => died(`with exit status ${code}`);
  const onMessage = (message: WorkerMessage) => {
    if ('began' in message) {
      clearTimeout(timeout);
      timeout = setTimeout(timeOut, request.timeoutMs);
    } else if ('error' in message) {
      resolve({ reusable: true, invocation: { ok: false, error: message.error.errorType, cause: JSON.stringify(message.error) } });
    } else if (Buffer.byteLength(message.payload) > PAYLOAD_BYTES) {
      const error = { errorMessage: tooLarge('response', message.payload), errorType: 'Function.ResponseSizeTooLarge' };
      resolve({ reusable: true, invocation: { ok: false, error: error.errorType, cause: JSON.stringify(error) } });
    } else {
      resolve({ reusable: true, invocation: { ok: true, payload: message.payload } });
    }
  };
  worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  worker.postMessage({ requestId, ...request });
  return promise.finally(() => {
    clearTimeout(timeout);
    worker.off('message', onMessage).off('error', onError).off('exit', onExit);
  });
}

function tooLarge(what: string, payload: string): string {
  return `${what} payload size (${Buffer.byteLength(payload)} bytes) exceeded maximum allowed payload size (${PAYLOAD_BYTES} bytes)`;
}
