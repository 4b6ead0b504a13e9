import { createHash } from 'node:crypto';
import { GetObjectCommand, NoSuchKey, type S3Client } from '@aws-sdk/client-s3';
import { PlanNotFoundError } from '../core/errors.ts';
import type { PlanDigest } from '../core/ids.ts';
import type { CompiledPlan } from '../core/plan/compiled-plan.ts';
import { translateAwsError } from './aws-errors.ts';

/** The plans that were ever deployed, by digest. */
export interface PlanStore {
  /** @throws {PlanNotFoundError} when there is no such document, or its bytes have another digest. */
  read(digest: PlanDigest): Promise<CompiledPlan>;
}

export function s3PlanStore(bucket: string, client: S3Client): PlanStore {
  return {
    read: async (digest) => {
      const text = await bodyOf(bucket, digest, client);
      const found = createHash('sha256').update(text, 'utf8').digest('hex');
      if (found !== digest) {
        throw new PlanNotFoundError(`plans/${digest}.json in bucket ${bucket} has digest ${found}; somebody changed it: deploy the stack again`);
      }
      return JSON.parse(text) as CompiledPlan;
    },
  };
}

async function bodyOf(bucket: string, digest: PlanDigest, client: S3Client): Promise<string> {
  try {
    const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: `plans/${digest}.json` }));
    return (await answer.Body?.transformToString('utf8')) ?? '';
  } catch (error) {
    if (error instanceof NoSuchKey) {
      throw new PlanNotFoundError(`there is no plans/${digest}.json in bucket ${bucket}; deploy the stack again`, { cause: error });
    }
    throw translateAwsError(error, `reading plan ${digest}`);
  }
}
