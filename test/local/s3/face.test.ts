import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Face } from '../../../local/http-face.ts';
import { openBuckets } from '../../../local/s3/buckets.ts';
import { startS3 } from '../../../local/s3/face.ts';

const folder = mkdtempSync(join(tmpdir(), 'stepgate-s3-'));
const Bucket = 'reports';
let face: Face;
let client: S3Client;

beforeAll(async () => {
  face = await startS3(openBuckets(folder, [Bucket, 'empty']));
  client = new S3Client({ endpoint: face.url, region: 'eu-west-1', credentials: { accessKeyId: 'x', secretAccessKey: 'y' }, maxAttempts: 1 });
});
afterAll(async () => {
  client.destroy();
  await face.close();
});

const get = async (Key: string) => (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();

test('an object is put, read back, shown by HeadObject and found as a file', async () => {
  const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key: 'runs/a/report.json', Body: '{"é":1}', ContentType: 'application/json' }));
  expect(ETag).toMatch(/^"[0-9a-f]{32}"$/);
  expect(await get('runs/a/report.json')).toBe('{"é":1}');
  expect(await client.send(new HeadObjectCommand({ Bucket, Key: 'runs/a/report.json' }))).toMatchObject({ ContentLength: 8, ETag });
  expect(readFileSync(join(folder, Bucket, 'runs/a/report.json'), 'utf8')).toBe('{"é":1}');
});

test('a streamed body is put, which the SDK sends in signed chunks with a trailing checksum', async () => {
  const text = 'line\r\n'.repeat(50_000);
  await client.send(
    new PutObjectCommand({ Bucket, Key: 'stream', Body: Readable.from([text.slice(0, 99), text.slice(99)]), ContentLength: text.length }),
  );
  expect(await get('stream')).toBe(text);
});

test('an empty object is an object', async () => {
  await client.send(new PutObjectCommand({ Bucket, Key: 'nothing', Body: '', ContentLength: 0 }));
  expect(await get('nothing')).toBe('');
});

test('of many writers with IfNoneMatch * one wins, and the others fail with PreconditionFailed', async () => {
  const writers = Array.from({ length: 8 }, (_, index) =>
    client.send(new PutObjectCommand({ Bucket, Key: 'once', Body: `${index}`, IfNoneMatch: '*' })),
  );
  const results = await Promise.allSettled(writers);
  const winner = results.findIndex(({ status }) => status === 'fulfilled');
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(7);
  expect(results.find((result) => result.status === 'rejected')?.reason).toMatchObject({ name: 'PreconditionFailed' });
  expect(await get('once')).toBe(`${winner}`);
});

test('what is not there is NoSuchKey, NotFound or NoSuchBucket', async () => {
  await expect(client.send(new GetObjectCommand({ Bucket, Key: 'none' }))).rejects.toMatchObject({ name: 'NoSuchKey' });
  await expect(client.send(new HeadObjectCommand({ Bucket, Key: 'none' }))).rejects.toMatchObject({ name: 'NotFound' });
  await expect(client.send(new GetObjectCommand({ Bucket: 'other', Key: 'none' }))).rejects.toMatchObject({ name: 'NoSuchBucket' });
});

test('objects are listed by prefix, in key order, in pages', async () => {
  for (const Key of ['l/b', 'l/a&<"', 'l/c/d', 'm']) await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
  const first = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'l/', MaxKeys: 2 }));
  const second = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'l/', MaxKeys: 2, ContinuationToken: first.NextContinuationToken }));
  expect([...(first.Contents ?? []), ...(second.Contents ?? [])].map(({ Key, Size }) => [Key, Size])).toEqual([
    ['l/a&<"', 1],
    ['l/b', 1],
    ['l/c/d', 1],
  ]);
  expect([first.IsTruncated, second.IsTruncated]).toEqual([true, false]);
  expect(await client.send(new ListObjectsV2Command({ Bucket: 'empty' }))).toMatchObject({ KeyCount: 0 });
});

test('a delimiter rolls what goes on behind it up into one prefix, and pages count both', async () => {
  for (const Key of ['t/a', 't/b/1', 't/b/2', 't/c/3', 't/d']) await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
  const seen = [];
  for (let ContinuationToken: string | undefined, more = true; more; ) {
    const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 't/', Delimiter: '/', MaxKeys: 3, ContinuationToken }));
    seen.push([page.Contents?.map(({ Key }) => Key), page.CommonPrefixes?.map(({ Prefix }) => Prefix), page.KeyCount]);
    ContinuationToken = page.NextContinuationToken;
    more = page.IsTruncated ?? false;
  }
  expect(seen).toEqual([
    [['t/a'], ['t/b/', 't/c/'], 3],
    [['t/d'], undefined, 1],
  ]);
  const above = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 't', Delimiter: '/' }));
  expect([above.CommonPrefixes, above.Contents]).toEqual([[{ Prefix: 't/' }], undefined]);
});

test('a deleted object is gone, and deleting it again is no error', async () => {
  await client.send(new PutObjectCommand({ Bucket, Key: 'gone', Body: 'x' }));
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
  await expect(get('gone')).rejects.toMatchObject({ name: 'NoSuchKey' });
});

test.each(['../outside', 'a/../../outside', 'a//b', 'a/', './a'])('the key %s leaves no bucket', async (key) => {
  writeFileSync(join(folder, 'outside'), 'secret');
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const response = await fetch(`${face.url}/${Bucket}/${encodeURIComponent(key)}`, { method, ...(method === 'PUT' && { body: 'x' }) });
    expect(response.status).toBe(501);
  }
  expect(readFileSync(join(folder, 'outside'), 'utf8')).toBe('secret');
});

test('what is not built says where to look', async () => {
  const says = /docs\/parity\.md/;
  await expect(client.send(new CopyObjectCommand({ Bucket, Key: 'a', CopySource: 'reports/b' }))).rejects.toThrow(says);
  await expect(client.send(new CreateBucketCommand({ Bucket }))).rejects.toThrow(says);
  await expect(client.send(new GetObjectCommand({ Bucket, Key: 'once', Range: 'bytes=0-1' }))).rejects.toThrow(says);
  await expect(client.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'x', Metadata: { a: 'b' } }))).rejects.toThrow(says);
});
