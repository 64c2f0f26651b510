import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Figures } from '../core/fallback/figures.js';
import { type Assessment, ERROR_CLASSES, type ErrorClass } from '../core/fallback/outcome.js';

/** What a function says of what it does: structured logs, and metrics in the log (EMF). */
export interface Telemetry {
  log(level: 'debug' | 'info' | 'warn' | 'error', code: string, fields: Readonly<Record<string, unknown>>): void;
  count(metric: MetricName, value?: number): void;
}

/** Every metric that the functions write, with its unit; docs/fallback.md says what they mean. */
export const METRICS = {
  FallbackActed: MetricUnit.Count,
  FallbackNotNeeded: MetricUnit.Count,
  NodesLaunched: MetricUnit.Count,
  NodesEnded: MetricUnit.Count,
  PoisonMessage: MetricUnit.Count,
  CapacityMissing: MetricUnit.Count,
  QuotaReached: MetricUnit.Count,
  Throttled: MetricUnit.Count,
  ConfigurationError: MetricUnit.Count,
  OtherError: MetricUnit.Count,
  EmptySlots: MetricUnit.Count,
  ServingSlots: MetricUnit.Count,
  OnDemandNodes: MetricUnit.Count,
  SurplusNodes: MetricUnit.Count,
  GossipApart: MetricUnit.Count,
  LeaseEnded: MetricUnit.Count,
  /** USD. */
  SpotCostPerHour: MetricUnit.NoUnit,
  Notices: MetricUnit.Count,
  SilentDeaths: MetricUnit.Count,
  DrainsCut: MetricUnit.Count,
  RequestsLost: MetricUnit.Count,
  DetectionDelay: MetricUnit.Milliseconds,
  FailoverTime: MetricUnit.Milliseconds,
  ReplacementTime: MetricUnit.Milliseconds,
  DrainTime: MetricUnit.Milliseconds,
} as const;

export type MetricName = keyof typeof METRICS;

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

/** Of a node's end. */
export function countEnd(telemetry: Telemetry, { silent, cut, requestsLost, ...times }: Figures): void {
  if (silent) telemetry.count('SilentDeaths');
  if (cut) telemetry.count('DrainsCut');
  if (requestsLost !== null) telemetry.count('RequestsLost', requestsLost);
  const told = {
    DetectionDelay: times.detectionMs,
    FailoverTime: times.failoverMs,
    ReplacementTime: times.replacementMs,
    DrainTime: times.drainMs,
  } as const;
  for (const [name, ms] of Object.entries(told)) if (ms !== null) telemetry.count(name as keyof typeof told, ms);
}

/**
 * All functions write the same metrics, so that a cluster has few of them: each costs as much as three alarms. Which
 * function it was stands in the log.
 */
const SERVICE = 'synkti';

export function createTelemetry(service: string, cluster: string) {
  const logger = new Logger({ serviceName: service, persistentKeys: { cluster } });
  const metrics = new Metrics({
    namespace: process.env.POWERTOOLS_METRICS_NAMESPACE ?? 'Synkti',
    serviceName: SERVICE,
    defaultDimensions: { cluster },
  });
  const telemetry: Telemetry = {
    log: (level, code, fields) => logger[level](code, { ...fields }),
    count: (metric, value = 1) => metrics.addMetric(metric, METRICS[metric], value),
  };
  return { logger, metrics, telemetry };
}
