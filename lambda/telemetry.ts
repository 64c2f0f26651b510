import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { type Assessment, ERROR_CLASSES, type ErrorClass } from '../core/fallback/outcome.js';

/** What a function says of what it does: structured logs, and metrics in the log (EMF). */
export interface Telemetry {
  log(level: 'debug' | 'info' | 'warn' | 'error', code: string, fields: Readonly<Record<string, unknown>>): void;
  count(metric: MetricName, value?: number): void;
}

/** Every metric that the fallback writes; docs/fallback.md says what they mean. */
export type MetricName =
  | 'FallbackActed'
  | 'FallbackNotNeeded'
  | 'NodesLaunched'
  | 'NodesEnded'
  | 'PoisonMessage'
  | 'CapacityMissing'
  | 'QuotaReached'
  | 'Throttled'
  | 'ConfigurationError'
  | 'OtherError'
  | 'EmptySlots'
  | 'ServingSlots'
  | 'OnDemandNodes';

export const METRIC_OF: Readonly<Record<ErrorClass, MetricName>> = {
  capacity: 'CapacityMissing',
  quota: 'QuotaReached',
  throttle: 'Throttled',
  configuration: 'ConfigurationError',
  other: 'OtherError',
};

/** Of one errand: what went wrong, by class, and what was launched. */
export function countErrand(telemetry: Telemetry, { classes, launched }: Assessment): void {
  for (const one of ERROR_CLASSES) if (classes[one] > 0) telemetry.count(METRIC_OF[one], classes[one]);
  if (launched > 0) telemetry.count('NodesLaunched', launched);
}

export function createTelemetry(service: string, cluster: string) {
  const logger = new Logger({ serviceName: service, persistentKeys: { cluster } });
  const metrics = new Metrics({
    namespace: process.env.POWERTOOLS_METRICS_NAMESPACE ?? 'Synkti',
    serviceName: service,
    defaultDimensions: { cluster },
  });
  const telemetry: Telemetry = {
    log: (level, code, fields) => logger[level](code, { ...fields }),
    count: (metric, value = 1) => metrics.addMetric(metric, MetricUnit.Count, value),
  };
  return { logger, metrics, telemetry };
}
