import { createServer, type IncomingHttpHeaders, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';

/** One request with its whole body. */
export interface FaceRequest {
  readonly method: string;
  /** Still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface FaceResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Face {
  readonly url: string;
  close(): Promise<void>;
}

/** What a local service answers to a call that it does not implement. */
export function notBuilt(what: string): string {
  return `${what} is not part of the local engine; docs/parity.md lists what is`;
}

/**
 * Serves one AWS service on a loopback port that the system chooses.
 *
 * @throws when `handle` throws nothing is lost: the client gets status 500 with the error's message.
 */
export function serveFace(handle: (request: FaceRequest) => Promise<FaceResponse>): Promise<Face> {
  return listenOnLoopback((request, response) => {
    answer(request, response, handle).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(error instanceof Error ? error.message : String(error));
    });
  });
}

/** A server on a loopback port that the system chooses. */
export async function listenOnLoopback(listener: RequestListener): Promise<Face> {
  const server = createServer(listener);
  // A client that is busy for longer than Node's 5 s would send its next call into a socket that is just being closed.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`a loopback port was asked for; the system gave ${address}`);
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

export async function wholeBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function answer(request: IncomingMessage, response: ServerResponse, handle: (request: FaceRequest) => Promise<FaceResponse>): Promise<void> {
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  const result = await handle({
    method: request.method ?? 'GET',
    path,
    query: new URLSearchParams(query),
    headers: request.headers,
    body: await wholeBody(request),
  });
  const body = Buffer.from(result.body ?? '');
  response.writeHead(result.status, { 'content-length': body.length, ...result.headers });
  response.end(request.method === 'HEAD' ? undefined : body);
}
