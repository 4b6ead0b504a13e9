import { type Face, type FaceRequest, type FaceResponse, notBuilt, serveFace } from '../http-face.ts';
import { FolderError } from '../usable-folder.ts';
import { escapeXml } from '../xml.ts';
import { type Buckets, etagOf, isStorableKey, type StoredObject } from './buckets.ts';

/** Headers that would change what a call means, in calls that functions do not make. */
const NOT_BUILT_HEADERS = ['x-amz-copy-source', 'if-match', 'range', 'x-amz-tagging'];

/** S3's REST API for fixed buckets, addressed by path. */
export function startS3(buckets: Buckets): Promise<Face> {
  const handle = async (request: FaceRequest): Promise<FaceResponse> => {
    const [, bucket = '', ...rest] = request.path.split('/');
    const key = decodeURIComponent(rest.join('/'));
    const header = Object.keys(request.headers).find((name) => NOT_BUILT_HEADERS.includes(name) || name.startsWith('x-amz-meta-'));
    if (header !== undefined) return fault(501, 'NotImplemented', notBuilt(`S3 with header ${header}`));
    if (!buckets.has(bucket)) return fault(404, 'NoSuchBucket', `The specified bucket does not exist: ${bucket}`);
    if (key === '') return list(request, bucket, buckets);
    const parameter = [...request.query.keys()].find((name) => name !== 'x-id');
    if (parameter !== undefined) return fault(501, 'NotImplemented', notBuilt(`S3 with ?${parameter}`));
    if (!isStorableKey(key)) return fault(501, 'NotImplemented', notBuilt(`an S3 key that is no relative path (${key})`));
    return answer(request, bucket, key, buckets);
  };
  return serveFace((request) => handle(request).catch(orInternalError));
}

/** A disk that takes nothing more is S3's own fault to its callers. */
function orInternalError(error: unknown): FaceResponse {
  if (error instanceof FolderError) return fault(500, 'InternalError', error.message);
  throw error;
}

function answer(request: FaceRequest, bucket: string, key: string, buckets: Buckets): FaceResponse {
  switch (request.method) {
    case 'PUT':
      return put(request, bucket, key, buckets);
    case 'GET':
    case 'HEAD': {
      const object = buckets.get(bucket, key);
      if (object === undefined) return fault(404, 'NoSuchKey', `The specified key does not exist: ${key}`);
      const headers = { etag: object.etag, 'last-modified': object.modifiedAt.toUTCString(), 'content-type': 'binary/octet-stream' };
      return { status: 200, headers: { ...headers, 'content-length': String(object.bytes.length) }, body: object.bytes };
    }
    case 'DELETE':
      buckets.delete(bucket, key);
      return { status: 204 };
    default:
      return fault(501, 'NotImplemented', notBuilt(`S3's ${request.method}`));
  }
}

function put(request: FaceRequest, bucket: string, key: string, buckets: Buckets): FaceResponse {
  const condition = request.headers['if-none-match'];
  if (condition !== undefined && condition !== '*') return fault(501, 'NotImplemented', notBuilt(`S3's If-None-Match: ${condition}`));
  const chunked = String(request.headers['x-amz-content-sha256']).startsWith('STREAMING-');
  const bytes = chunked ? fromAwsChunked(request.body) : request.body;
  if (!buckets.put(bucket, key, bytes, condition === '*')) {
    return fault(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  }
  return { status: 200, headers: { etag: etagOf(bytes) } };
}

/** `size-in-hex;extension CRLF bytes CRLF …`, ended by a chunk of size 0 and trailers, which are checksums (Signature V4, streaming). */
export function fromAwsChunked(body: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, Math.max(lineEnd, at)), 16);
    if (lineEnd < 0 || Number.isNaN(size)) throw new Error('the body is not aws-chunked');
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

const LIST_PARAMETERS = new Set([
  'x-id',
  'list-type',
  'prefix',
  'delimiter',
  'max-keys',
  'continuation-token',
  'start-after',
  'encoding-type',
  'fetch-owner',
]);

function list({ method, query }: FaceRequest, bucket: string, buckets: Buckets): FaceResponse {
  const parameter = [...query.keys()].find((name) => !LIST_PARAMETERS.has(name));
  if (method !== 'GET' || query.get('list-type') !== '2' || parameter !== undefined) {
    return fault(501, 'NotImplemented', notBuilt(`S3's ${method} of a bucket${parameter === undefined ? '' : ` with ?${parameter}`}`));
  }
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
  const keys = buckets.keys(bucket).filter((key) => key.startsWith(prefix));
  const matching = [...new Set(keys.map((key) => rolledUp(key, { prefix, delimiter })))].filter((item) => isBehind(item, after));
  const maxKeys = Math.min(Number(query.get('max-keys') ?? 1000), 1000);
  const page = matching.slice(0, maxKeys);
  const text = (value: string) => escapeXml(query.get('encoding-type') === 'url' ? encodeURIComponent(value).replaceAll('%2F', '/') : value);
  const isPrefix = (item: string) => delimiter !== '' && item.length > prefix.length && item.endsWith(delimiter);
  const contents = page.map((item) => {
    if (isPrefix(item)) return `<CommonPrefixes><Prefix>${text(item)}</Prefix></CommonPrefixes>`;
    const object = buckets.get(bucket, item);
    return object === undefined ? '' : contentsXml(object, text);
  });
  const truncated = matching.length > page.length;
  const next = truncated ? `<NextContinuationToken>${escapeXml(page.at(-1) ?? after)}</NextContinuationToken>` : '';
  const head = `<Name>${bucket}</Name><Prefix>${text(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${maxKeys}</MaxKeys>`;
  const rolling = delimiter === '' ? '' : `<Delimiter>${text(delimiter)}</Delimiter>`;
  return xml(200, `<ListBucketResult>${head}${rolling}<IsTruncated>${truncated}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`);
}

/** A key, or what it has in common with all that go on behind the next delimiter (ListObjectsV2, CommonPrefixes). */
function rolledUp(key: string, { prefix, delimiter }: { readonly prefix: string; readonly delimiter: string }): string {
  const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
  return at < 0 ? key : key.slice(0, at + delimiter.length);
}

/** Keys are ordered by their UTF-8 bytes. */
function isBehind(item: string, after: string): boolean {
  return Buffer.compare(Buffer.from(item), Buffer.from(after)) > 0;
}

function contentsXml({ key, etag, modifiedAt, bytes }: StoredObject, text: (value: string) => string): string {
  const facts = `<LastModified>${modifiedAt.toISOString()}</LastModified><ETag>${escapeXml(etag)}</ETag><Size>${bytes.length}</Size>`;
  return `<Contents><Key>${text(key)}</Key>${facts}<StorageClass>STANDARD</StorageClass></Contents>`;
}

function fault(status: number, code: string, message: string): FaceResponse {
  return xml(status, `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`);
}

function xml(status: number, body: string): FaceResponse {
  return { status, headers: { 'content-type': 'application/xml' }, body: `<?xml version="1.0" encoding="UTF-8"?>${body}` };
}
