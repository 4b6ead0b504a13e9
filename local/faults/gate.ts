import { type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import { type Face, listenOnLoopback, wholeBody } from '../http-face.ts';
import { escapeXml } from '../xml.ts';
import type { Effect, FaultDesk, Service } from './fault-desk.ts';

export interface GateOptions {
  readonly service: Exclude<Service, 'lambda'>;
  /** Of the face behind it. */
  readonly url: string;
  readonly desk: FaultDesk;
  /** Ends the function that is at work. */
  readonly killFunction: () => Promise<void>;
}

/** Stands before a service's face: every call goes through, but for those that a fault is planned for. */
export function openGate(options: GateOptions): Promise<Face> {
  return listenOnLoopback((incoming, answer) => {
    pass(options, incoming, answer).catch(() => incoming.socket.destroy());
  });
}

async function pass({ service, url, desk, killFunction }: GateOptions, incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
  const body = await wholeBody(incoming);
  const fault = desk.meet({ service, ...nameOf(service, incoming, body) });
  const given = fault?.moment === 'before' ? null : await forward(url, incoming, body);
  if (fault === null && given !== null) {
    answer.writeHead(given.status, given.headers);
    answer.end(given.body);
    return;
  }
  if (fault?.effect.kind === 'killed') await killFunction();
  if (fault?.effect.kind === 'error') answerError(answer, service, fault.effect);
  else incoming.socket.destroy();
}

interface Given {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** As it came: a signature is not looked at behind a gate. */
function forward(url: string, { method, url: path, headers }: IncomingMessage, body: Buffer): Promise<Given> {
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
function answerError(answer: ServerResponse, service: Service, { status, code, message }: Extract<Effect, { kind: 'error' }>): void {
  if (service === 'rds' || service === 'sns' || service === 's3') {
    const error = `<Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message>`;
    answer.writeHead(status, { 'content-type': 'text/xml' });
    answer.end(service === 's3' ? `<Error>${error}</Error>` : `<ErrorResponse><Error><Type>Sender</Type>${error}</Error></ErrorResponse>`);
    return;
  }
  answer.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': code });
  answer.end(JSON.stringify({ __type: code, message }));
}
