import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { type Face, type FaceResponse, notBuilt, serveFace } from '../http-face.ts';
import { escapeXml } from '../xml.ts';

/** SNS's largest message: 256 KiB (SNS, quotas). */
const MESSAGE_BYTES = 256 * 1024;

const PARAMETERS = new Set(['Action', 'Version', 'TopicArn', 'Message', 'Subject']);

/** SNS's Publish for one topic; what is published becomes a line of `file`. */
export function startSns(options: { readonly file: string; readonly topicArn: string; readonly clock: Clock }): Promise<Face> {
  return serveFace(async ({ body }) => {
    const request = new URLSearchParams(body.toString());
    const parameter = [...request.keys()].find((name) => !PARAMETERS.has(name));
    if (request.get('Action') !== 'Publish') return fault(501, 'NotImplemented', notBuilt(`SNS's ${request.get('Action')}`));
    if (parameter !== undefined) return fault(501, 'NotImplemented', notBuilt(`SNS's Publish with ${parameter}`));
    if (request.get('TopicArn') !== options.topicArn) return fault(404, 'NotFound', 'Topic does not exist');
    const message = request.get('Message') ?? '';
    const subject = request.get('Subject');
    const wrong = faultOf(message, subject);
    if (wrong !== undefined) return fault(400, 'InvalidParameter', wrong);
    const messageId = randomUUID();
    const line = { at: options.clock.now().toISOString(), topicArn: options.topicArn, messageId, subject, message };
    appendFileSync(options.file, `${JSON.stringify(line)}\n`);
    return xml(200, `<PublishResponse><PublishResult><MessageId>${messageId}</MessageId></PublishResult>${requestId()}</PublishResponse>`);
  });
}

/** SNS's rules for a message and its subject (Publish, API reference). */
function faultOf(message: string, subject: string | null): string | undefined {
  if (message === '') return 'Invalid parameter: Empty message';
  if (Buffer.byteLength(message) > MESSAGE_BYTES) return 'Invalid parameter: Message too long';
  if (subject !== null && !/^[A-Za-z0-9!-/:-@[-`{-~][\x20-\x7e]{0,99}$/.test(subject)) return 'Invalid parameter: Subject';
  return undefined;
}

function requestId(): string {
  return `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`;
}

function fault(status: number, code: string, message: string): FaceResponse {
  return xml(status, `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error></ErrorResponse>`);
}

function xml(status: number, body: string): FaceResponse {
  return { status, headers: { 'content-type': 'text/xml' }, body };
}
