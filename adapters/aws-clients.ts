import { RDSClient } from '@aws-sdk/client-rds';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SNSClient } from '@aws-sdk/client-sns';

/**
 * No retries of the SDK's own: the Data API has no idempotency token, so a second send may be a second effect.
 * 55 s: ten more than the Data API gives a statement, so that its own answer comes first.
 */
export function dataApiClient(): RDSDataClient {
  return new RDSDataClient({ maxAttempts: 1, requestHandler: { requestTimeout: 55_000, throwOnRequestTimeout: true } });
}

/** Describes and deterministic names may be sent again; a call that hangs ends well before its Lambda. */
const PATIENT = { maxAttempts: 4, requestHandler: { requestTimeout: 20_000, throwOnRequestTimeout: true } };

export function rdsClient(): RDSClient {
  return new RDSClient(PATIENT);
}

/** Buckets by path on an IP endpoint is the SDK's own choice; nothing to set. */
export function s3Client(): S3Client {
  return new S3Client(PATIENT);
}

export function sfnClient(): SFNClient {
  return new SFNClient(PATIENT);
}

export function schedulerClient(): SchedulerClient {
  return new SchedulerClient(PATIENT);
}

export function snsClient(): SNSClient {
  return new SNSClient(PATIENT);
}
