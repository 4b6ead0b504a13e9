import { type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import { type Face, listenOnLoopback, wholeBody } from '../http-face.ts';
import { escapeXml } from '../xml.ts';
import type { Effect, FaultDesk, Service } from './fault-desk.ts';

export interface GateOptions {
  readonly service: Exclude<Service, 'lambda' | 'events'>;
  /** Of the face behind it. */
  readonly url: string;
  readonly desk: FaultDesk;
  /** Ends the function that is at work. */
  readonly killFunction: () => Promise<void>;
  /** Ends the database server as a machine that fails, and starts it again. */
  readonly crashServer: () => Promise<void>;
  /** Resolves when no server is being started again: the pauses between a state's tries, in which it would be, are skipped. */
  readonly whenServing: () => Promise<void>;
}

/** Stands before a service's face: every call goes through, but for those that a fault is planned for. */
export function openGate(options: GateOptions): Promise<Face> {
  return listenOnLoopback((incoming, answer) => {
    pass(options, incoming, answer).catch(() => incoming.socket.destroy());
  });
}

async function pass(options: GateOptions, incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
  const { service, url, desk, killFunction, crashServer, whenServing } = options;
  const body = await wholeBody(incoming);
  const fault = desk.meet({ service, ...nameOf(service, incoming, body) });
  const go = async () => {
    await whenServing();
    return forward(url, incoming, body);
  };
  if (fault?.effect.kind === 'disturbed') return answerAs(answer, await fault.effect.disturb(go));
  if (fault?.effect.kind === 'crashed' && fault.moment === 'before') {
    await crashServer();
    return answerAs(answer, await go());
  }
  const given = fault?.moment === 'before' ? null : await go();
  if (given !== null && (fault === null || fault.effect.kind === 'answer')) return answerAs(answer, given, fault?.effect);
  if (fault?.effect.kind === 'unawaited') go().catch(() => undefined);
  if (fault?.effect.kind === 'killed') {
    await killFunction();
    endTransaction(options, incoming, body);
  }
  if (fault?.effect.kind === 'crashed') await crashServer();
  if (fault?.effect.kind === 'error' || fault?.effect.kind === 'unawaited') answerError(answer, service, fault.effect);
  else incoming.socket.destroy();
}

function answerAs(answer: ServerResponse, { status, headers, body }: Given, effect?: Effect): void {
  if (effect?.kind !== 'answer') {
    answer.writeHead(status, headers);
    answer.end(body);
    return;
  }
  const { 'content-length': _, ...others } = headers;
  answer.writeHead(status, others);
  answer.end(body.toString().replaceAll(effect.from, effect.to));
}

/** Whoever would go on in a transaction is gone: the end that three idle minutes would bring comes at once, so that a run's time may pass. */
function endTransaction({ service, url }: GateOptions, incoming: IncomingMessage, body: Buffer): void {
  if (service !== 'rdsData' || incoming.url === '/RollbackTransaction') return;
  const { resourceArn, secretArn, transactionId }: Record<string, string> = JSON.parse(body.toString() || '{}');
  if (transactionId === undefined) return;
  const rollback = Buffer.from(JSON.stringify({ resourceArn, secretArn, transactionId }));
  const { 'content-length': _, ...headers } = incoming.headers;
  forward(url, { method: 'POST', url: '/RollbackTransaction', headers }, rollback).catch(() => undefined);
}

interface Given {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** As it came: a signature is not looked at behind a gate. */
function forward(url: string, { method, url: path, headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>, body: Buffer): Promise<Given> {
  return new Promise((resolve, reject) => {
    const call = send(`${url}${path}`, { method, headers }, (given) => {
      wholeBody(given).then((bytes) => resolve({ status: given.statusCode ?? 500, headers: given.headers, body: bytes }), reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}

const DATA_API: Readonly<Record<string, string>> = {
  '/Execute': 'ExecuteStatement',
  '/BatchExecute': 'BatchExecuteStatement',
  '/BeginTransaction': 'BeginTransaction',
  '/CommitTransaction': 'CommitTransaction',
  '/RollbackTransaction': 'RollbackTransaction',
};

/** By the protocol of each service: REST, query, or a target header. */
function nameOf(
  service: Service,
  { method, url = '/', headers }: IncomingMessage,
  body: Buffer,
): { readonly action: string; readonly about: string } {
  const [path = '/'] = url.split('?', 1);
  switch (service) {
    case 'rdsData': {
      const { sql = '' }: { sql?: string } = JSON.parse(body.toString() || '{}');
      return { action: DATA_API[path] ?? path, about: sql };
    }
    case 'rds':
    case 'sns':
      return { action: new URLSearchParams(body.toString()).get('Action') ?? '', about: '' };
    case 'sfn':
      return { action: String(headers['x-amz-target']).replace(/^.*\./, ''), about: '' };
    default:
      return { action: method ?? '', about: decodeURIComponent(path) };
  }
}

/** In the form in which the service's clients read errors. */
function answerError(answer: ServerResponse, service: Service, { status, code, message }: Extract<Effect, { readonly code: string }>): void {
  if (service === 'rds' || service === 'sns' || service === 's3') {
    const error = `<Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message>`;
    answer.writeHead(status, { 'content-type': 'text/xml' });
    answer.end(service === 's3' ? `<Error>${error}</Error>` : `<ErrorResponse><Error><Type>Sender</Type>${error}</Error></ErrorResponse>`);
    return;
  }
  answer.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': code });
  answer.end(JSON.stringify({ __type: code, message }));
}
