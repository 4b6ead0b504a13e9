import { type Face, serveFace } from '../../local/http-face.ts';
import { escapeXml } from '../../local/xml.ts';

/** Outputs of a stack, by their keys. */
export type StackOutputs = Readonly<Record<string, string>>;

const NAMESPACE = 'http://cloudformation.amazonaws.com/doc/2010-05-15/';

/** CloudFormation's DescribeStacks at the wire (Query protocol, XML), for stacks that a test may change. */
export function startCloudFormation(stacks: ReadonlyMap<string, StackOutputs>): Promise<Face> {
  return serveFace(async ({ body }) => {
    const form = new URLSearchParams(body.toString());
    const name = form.get('StackName') ?? '';
    if (form.get('Action') !== 'DescribeStacks') return fault('InvalidAction', `Could not find operation ${form.get('Action')}`);
    const outputs = stacks.get(name);
    if (outputs === undefined) return fault('ValidationError', `Stack with id ${name} does not exist`);
    const members = Object.entries(outputs).map(([key, value]) => `<member>${tag('OutputKey', key)}${tag('OutputValue', value)}</member>`);
    const stack = [
      tag('StackName', name),
      tag('StackId', `arn:aws:cloudformation:us-east-1:000000000000:stack/${name}/1`),
      tag('StackStatus', 'UPDATE_COMPLETE'),
      tag('CreationTime', '2026-11-01T00:00:00.000Z'),
      `<Outputs>${members.join('')}</Outputs>`,
    ];
    const result = `<DescribeStacksResult><Stacks><member>${stack.join('')}</member></Stacks></DescribeStacksResult>`;
    const metadata = '<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>';
    return xml(200, `<DescribeStacksResponse xmlns="${NAMESPACE}">${result}${metadata}</DescribeStacksResponse>`);
  });
}

function fault(code: string, message: string) {
  const error = `<Error><Type>Sender</Type>${tag('Code', code)}${tag('Message', message)}</Error>`;
  return xml(400, `<ErrorResponse xmlns="${NAMESPACE}">${error}<RequestId>1</RequestId></ErrorResponse>`);
}

function tag(name: string, text: string): string {
  return `<${name}>${escapeXml(text)}</${name}>`;
}

function xml(status: number, body: string) {
  return { status, headers: { 'content-type': 'text/xml' }, body };
}
