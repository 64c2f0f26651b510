import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import { createParts, type LambdaContext, type Parts } from './parts.js';
import { readSettings } from './settings.js';
import { createTelemetry } from './telemetry.js';

export type Handler<E, R> = (event: E, context: LambdaContext) => Promise<R>;

/**
 * A Lambda's handler: the environment is read and the clients are made once, when the function starts; a wrong
 * environment is told at every call.
 */
export function host<E, R>(service: string, create: (parts: Parts) => Handler<E, R>) {
  const { logger, metrics, telemetry } = createTelemetry(service, process.env.SYNKTI_CLUSTER ?? 'unknown');
  let made: Handler<E, R> | null = null;
  return middy()
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics))
    .handler(async (event: unknown, context: LambdaContext): Promise<R> => {
      made ??= create(createParts(readSettings(process.env), telemetry));
      return made(event as E, context);
    });
}
