import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { Tracer } from '@aws-lambda-powertools/tracer';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import middy from '@middy/core';
import * as z from 'zod';
import { isMisread, misreadError } from '../../adapters/misread.ts';
import { InputRefusedError } from '../../core/errors.ts';
import { Environment } from '../../core/run/environment.ts';
import { loggable } from './loggable.ts';

/** A state's logic: from its input to what the definition reads of it. */
export type Work<Input, Result> = (input: Input) => Promise<Result>;

/** What Lambda calls. */
export type StateHandler<Result> = (event: unknown, context: unknown) => Promise<Result>;

/**
 * A Lambda handler around a state's logic: parses the input, logs without row data, measures, traces.
 *
 * Everything is made at the first invocation; importing the file does nothing.
 */
export function stateHandler<Schema extends z.ZodType, Result>(
  input: Schema,
  wire: (environment: Environment) => Work<z.infer<Schema>, Result>,
): StateHandler<Result> {
  let ready: StateHandler<Result> | undefined;
  return (event, context) => {
    ready ??= wrap(input, wire(environmentOf(process.env)));
    return ready(event, context);
  };
}

function wrap<Schema extends z.ZodType, Result>(input: Schema, work: Work<z.infer<Schema>, Result>): StateHandler<Result> {
  const logger = new Logger();
  const metrics = new Metrics({ namespace: process.env.POWERTOOLS_METRICS_NAMESPACE ?? 'Stepgate' });
  const parsed = async (event: unknown): Promise<Result> => {
    const given = input.safeParse(event);
    if (!given.success) {
      throw new InputRefusedError(`this state was given what it cannot read: ${z.prettifyError(given.error)}`);
    }
    try {
      const result = await work(given.data);
      metrics.addMetric('StatesSucceeded', MetricUnit.Count, 1);
      return result;
    } catch (error) {
      metrics.addMetric('StatesFailed', MetricUnit.Count, 1);
      const said = isMisread(error) ? misreadError(error, 'what was kept earlier') : error;
      logger.error('the state failed', { error: loggable(said) });
      // Lambda's runtime writes down what a handler throws, and an AWS error quotes rows.
      if (said instanceof Error) delete said.cause;
      throw said;
    }
  };
  const handler = middy(parsed)
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(logMetrics(metrics))
    .use(captureLambdaHandler(new Tracer(), { captureResponse: false }));
  return handler as unknown as StateHandler<Result>;
}

function environmentOf(variables: NodeJS.ProcessEnv): Environment {
  const found = Environment.safeParse(variables);
  if (!found.success) {
    throw new InputRefusedError(`this function's environment is not a Stepgate stack's: ${z.prettifyError(found.error)}`);
  }
  return found.data;
}
