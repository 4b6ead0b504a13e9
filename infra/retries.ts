import { type ErrorName, RECOVERY } from '../core/errors.ts';
import type { Retrier } from './asl.ts';

/** Lambda's own faults: 2 + 4 + … + 64 s, about two minutes (Step Functions, best practices for Lambda). */
const onLambdaFault: Retrier = {
  ErrorEquals: [
    'Lambda.ServiceException',
    'Lambda.AWSLambdaException',
    'Lambda.SdkClientException',
    'Lambda.ClientExecutionTimeoutException',
    'Lambda.TooManyRequestsException',
  ],
  IntervalSeconds: 2,
  MaxAttempts: 6,
  BackoffRate: 2,
  JitterStrategy: 'FULL',
};

/** A function that died half-way: every state may run twice, so it is entered again, twice at most. */
const onDeadFunction: Retrier = {
  ErrorEquals: ['Lambda.Unknown', 'Sandbox.Timedout', 'States.Timeout'],
  IntervalSeconds: 5,
  MaxAttempts: 2,
  BackoffRate: 2,
};

/** A lock that did not come: 2 + 4 + 8 + 16 + 30 × 4 s, two and a half minutes. */
const whileBusy: Retrier = {
  ErrorEquals: ['DatabaseBusyError'],
  IntervalSeconds: 2,
  MaxAttempts: 8,
  BackoffRate: 2,
  MaxDelaySeconds: 30,
  JitterStrategy: 'FULL',
};

/** A secret that was just rotated: every 10 s for two minutes, in which Data API and database come to the same password. */
const whileRotating: Retrier = { ErrorEquals: ['SecretRefusedError'], IntervalSeconds: 10, MaxAttempts: 12, BackoffRate: 1 };

const OF_THEIR_OWN: readonly ErrorName[] = ['DatabaseBusyError', 'SecretRefusedError'];
const retried = (Object.keys(RECOVERY) as ErrorName[]).filter((name) => RECOVERY[name] === 'retry' && !OF_THEIR_OWN.includes(name));

/**
 * A failover, a resume, a throttle, a lost answer: 5 + 7.5 + … up to 60 s each, about eight minutes.
 *
 * Without jitter: one run at a time calls one database, so that nobody is to be spread, and a random part of the waits could end before a failover does.
 */
const whileAway: Retrier = { ErrorEquals: retried, IntervalSeconds: 5, MaxAttempts: 12, BackoffRate: 1.5, MaxDelaySeconds: 60 };

/** What every Task does about errors in which nothing was done, or in which the ledger knows what was. */
export const RETRIES: readonly Retrier[] = [onLambdaFault, onDeadFunction, whileBusy, whileRotating, whileAway];
