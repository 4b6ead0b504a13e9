import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { RunId } from '../core/ids.ts';
import { JournalEntry } from '../core/run/journal.ts';
import { translateAwsError } from './aws-errors.ts';

/** What must survive the database: a run's facts in the report bucket, `runs/<run>/journal/`. */
export interface Journal {
  /** Writes an entry under its name; a second write replaces the first, so a state that runs twice says the same once. */
  write(run: RunId, name: string, entry: JournalEntry): Promise<void>;
  /** All entries, oldest first. */
  readAll(run: RunId): Promise<readonly JournalEntry[]>;
  /** Puts a finished page beside the journal and gives its address. */
  writePage(run: RunId, page: { readonly name: string; readonly text: string; readonly contentType: string }): Promise<string>;
}

export function s3Journal(bucket: string, client: S3Client): Journal {
  const put = async (key: string, text: string, contentType: string) => {
    try {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ContentType: contentType }));
    } catch (error) {
      throw translateAwsError(error, `writing ${key}`);
    }
  };
  return {
    write: (run, name, entry) => put(`runs/${run}/journal/${name}.json`, JSON.stringify(JournalEntry.parse(entry)), 'application/json'),
    readAll: async (run) => {
      try {
        const keys = await keysOf(bucket, `runs/${run}/journal/`, client);
        const texts = await Promise.all(
          keys.map(async (Key) => (await client.send(new GetObjectCommand({ Bucket: bucket, Key }))).Body?.transformToString('utf8')),
        );
        const entries = texts.map((text) => JournalEntry.parse(JSON.parse(text ?? 'null')));
        return entries.sort((a, b) => a.at.localeCompare(b.at));
      } catch (error) {
        throw translateAwsError(error, `reading the journal of ${run}`);
      }
    },
    writePage: async (run, { name, text, contentType }) => {
      await put(`runs/${run}/${name}`, text, contentType);
      return `s3://${bucket}/runs/${run}/${name}`;
    },
  };
}

async function keysOf(bucket: string, prefix: string, client: S3Client): Promise<readonly string[]> {
  const keys: string[] = [];
  let after: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...(after === undefined ? {} : { ContinuationToken: after }) }),
    );
    keys.push(...(page.Contents ?? []).flatMap((object) => (object.Key === undefined ? [] : [object.Key])));
    after = page.NextContinuationToken;
  } while (after !== undefined);
  return keys;
}
