import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListTopicsCommand, PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Face } from '../../../local/http-face.ts';
import { startSns } from '../../../local/sns/face.ts';

const TopicArn = 'arn:aws:sns:eu-west-1:123456789012:stepgate';
const file = join(mkdtempSync(join(tmpdir(), 'stepgate-sns-')), 'notifications.jsonl');
let face: Face;
let client: SNSClient;

beforeAll(async () => {
  face = await startSns({ file, topicArn: TopicArn, clock: { now: () => new Date(0) } });
  client = new SNSClient({ endpoint: face.url, region: 'eu-west-1', credentials: { accessKeyId: 'x', secretAccessKey: 'y' }, maxAttempts: 1 });
});
afterAll(async () => {
  client.destroy();
  await face.close();
});

test('what is published becomes a line of the notifications', async () => {
  const { MessageId } = await client.send(new PublishCommand({ TopicArn, Subject: 'Run a: migrated', Message: 'first & "second"\nline é' }));
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    at: '1970-01-01T00:00:00.000Z',
    topicArn: TopicArn,
    messageId: MessageId,
    subject: 'Run a: migrated',
    message: 'first & "second"\nline é',
  });
});

test.each([
  { name: 'an unknown topic', request: { TopicArn: `${TopicArn}-2`, Message: 'x' }, error: 'NotFoundException' },
  { name: 'an empty message', request: { TopicArn, Message: '' }, error: 'InvalidParameterException' },
  { name: 'a message over 256 KiB', request: { TopicArn, Message: 'x'.repeat(262_145) }, error: 'InvalidParameterException' },
  { name: 'a subject over 100 characters', request: { TopicArn, Message: 'x', Subject: 'x'.repeat(101) }, error: 'InvalidParameterException' },
  { name: 'a subject of two lines', request: { TopicArn, Message: 'x', Subject: 'a\nb' }, error: 'InvalidParameterException' },
])('Publish refuses $name', async ({ request, error }) => {
  await expect(client.send(new PublishCommand(request))).rejects.toMatchObject({ name: error });
});

test('what is not built says where to look', async () => {
  await expect(client.send(new ListTopicsCommand({}))).rejects.toThrow(/docs\/parity\.md/);
  await expect(client.send(new PublishCommand({ TopicArn, Message: 'x', MessageGroupId: 'g' }))).rejects.toThrow(/docs\/parity\.md/);
});
