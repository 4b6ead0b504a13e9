import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SFNClient } from '@aws-sdk/client-sfn';

/** DescribeExecution at the wire: an execution's ARN to its status, or to the name of the error that AWS answers. */
export interface StepFunctionsFace {
  readonly statuses: Map<string, string>;
  client(): SFNClient;
  close(): Promise<void>;
}

export async function startStepFunctionsFace(): Promise<StepFunctionsFace> {
  const statuses = new Map<string, string>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { executionArn = '' } = JSON.parse(Buffer.concat(chunks).toString() || '{}') as { executionArn?: string };
    const said = statuses.get(executionArn) ?? 'ExecutionDoesNotExist';
    const isStatus = /^[A-Z_]+$/.test(said);
    response.writeHead(isStatus ? 200 : 400, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(isStatus ? { executionArn, status: said } : { __type: said, message: `said of ${executionArn}` }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return {
    statuses,
    client: () => new SFNClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
