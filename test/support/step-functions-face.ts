import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SFNClient } from '@aws-sdk/client-sfn';

/** DescribeExecution and StartExecution at the wire: an execution's ARN to its status, or to the name of the error that AWS answers. */
export interface StepFunctionsFace {
  readonly statuses: Map<string, string>;
  /** ARN to input; an execution that is named here runs until it is given another status. */
  readonly inputs: Map<string, string>;
  /** Names, in the order in which they were started. */
  readonly started: string[];
  client(): SFNClient;
  close(): Promise<void>;
}

export async function startStepFunctionsFace(): Promise<StepFunctionsFace> {
  const statuses = new Map<string, string>();
  const inputs = new Map<string, string>();
  const started: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Readonly<Record<string, string>>;
    const isStart = String(request.headers['x-amz-target']).endsWith('StartExecution');
    const executionArn = asked.executionArn ?? `${asked.stateMachineArn?.replace(':stateMachine:', ':execution:')}:${asked.name}`;
    if (isStart && !statuses.has(executionArn)) {
      started.push(asked.name ?? '');
      statuses.set(executionArn, 'RUNNING');
      inputs.set(executionArn, asked.input ?? '');
    }
    const isTaken = isStart && (statuses.get(executionArn) !== 'RUNNING' || inputs.get(executionArn) !== asked.input);
    const said = isTaken ? 'ExecutionAlreadyExists' : (statuses.get(executionArn) ?? 'ExecutionDoesNotExist');
    const isStatus = /^[A-Z_]+$/.test(said);
    response.writeHead(isStatus ? 200 : 400, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(
      JSON.stringify(
        isStatus
          ? { executionArn, status: said, input: inputs.get(executionArn), startDate: 1_767_650_400 }
          : { __type: said, message: `said of ${executionArn}` },
      ),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return {
    statuses,
    inputs,
    started,
    client: () => new SFNClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
