/**
 * The metrics of AWS/ApplicationELB that are told here, from the counts of the local load balancers. A metric is known by
 * the load balancer, and most of them also by the target group and the load balancer, under the names that AWS has for
 * both. Everything else has no data.
 *
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
 */
import { Histogram } from '../balancer/histogram.js';
import type { TrafficMinute, TrafficSeries } from '../balancer/traffic.js';

export const NAMESPACE = 'AWS/ApplicationELB';

/** Of a period: as many ones as were counted, or the times that were measured. */
type Samples =
  | { readonly kind: 'ones'; readonly count: number }
  | { readonly kind: 'times'; readonly times: Histogram };

interface MetricKind {
  readonly unit: 'Count' | 'Seconds';
  /** AWS knows answers of the load balancer itself by the load balancer alone. */
  readonly byGroup: boolean;
  samples(minutes: readonly Readonly<TrafficMinute>[]): Samples;
}

const counted = (byGroup: boolean, of: (minute: Readonly<TrafficMinute>) => number): MetricKind => ({
  unit: 'Count',
  byGroup,
  samples: (minutes) => ({ kind: 'ones', count: minutes.reduce((sum, minute) => sum + of(minute), 0) }),
});
const answered = (digit: number): MetricKind => counted(true, ({ targetAnswers }) => targetAnswers[digit] ?? 0);
const own = (...statuses: number[]): MetricKind =>
  counted(false, ({ ownAnswers }) => statuses.reduce((sum, status) => sum + (ownAnswers.get(status) ?? 0), 0));

const METRICS: Readonly<Record<string, MetricKind>> = {
  RequestCount: counted(true, ({ requests }) => requests),
  HTTPCode_Target_2XX_Count: answered(2),
  HTTPCode_Target_3XX_Count: answered(3),
  HTTPCode_Target_4XX_Count: answered(4),
  HTTPCode_Target_5XX_Count: answered(5),
  HTTPCode_ELB_5XX_Count: own(502, 503, 504),
  HTTPCode_ELB_502_Count: own(502),
  HTTPCode_ELB_503_Count: own(503),
  HTTPCode_ELB_504_Count: own(504),
  TargetResponseTime: {
    unit: 'Seconds',
    byGroup: true,
    samples: (minutes) => {
      const times = new Histogram();
      for (const minute of minutes) if (minute.times !== null) times.merge(minute.times);
      return { kind: 'times', times };
    },
  },
};

export type Statistic =
  | { readonly kind: 'SampleCount' | 'Sum' | 'Average' | 'Minimum' | 'Maximum' }
  | { readonly kind: 'percentile'; readonly percent: number };

/** `Sum`, `p99`, `p99.9` and so on; null: none that is told here. */
export function readStatistic(text: string): Statistic | null {
  switch (text) {
    case 'SampleCount':
    case 'Sum':
    case 'Average':
    case 'Minimum':
    case 'Maximum':
      return { kind: text };
  }
  const percent = Number(/^p(\d{1,3}(?:\.\d{1,10})?)$/.exec(text)?.[1] ?? Number.NaN);
  return percent >= 0 && percent <= 100 ? { kind: 'percentile', percent } : null;
}

export interface MetricWish {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: readonly { readonly name: string; readonly value: string }[];
  readonly periodSeconds: number;
  readonly statistic: Statistic;
  /** Null: any. */
  readonly unit: string | null;
}

export interface Point {
  /** Start of the period. */
  readonly atMs: number;
  readonly value: number;
}

export interface Span {
  /** Inclusive; rounded down to the period. */
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  readonly nowMs: number;
}

/**
 * In order of time; periods without data have no point. Load balancers report each minute when it is over, so a minute
 * that still runs has no data yet.
 */
export function pointsOf(wish: MetricWish, series: readonly TrafficSeries[], { startMs, endMs, nowMs }: Span): Point[] {
  const metric = Object.hasOwn(METRICS, wish.name) ? METRICS[wish.name] : undefined;
  if (metric === undefined || wish.namespace !== NAMESPACE) return [];
  if (wish.unit !== null && wish.unit !== metric.unit) return [];
  const periodMs = wish.periodSeconds * 1_000;
  const fromMs = Math.floor(startMs / periodMs) * periodMs;
  const periods = new Map<number, Readonly<TrafficMinute>[]>();
  for (const { traffic } of series.filter((one) => fits(wish, metric.byGroup, one))) {
    for (const minute of traffic.minutes()) {
      const minuteMs = minute.minute * 60_000;
      const atMs = Math.floor(minuteMs / periodMs) * periodMs;
      if (atMs < fromMs || atMs >= endMs || minuteMs + 60_000 > nowMs) continue;
      const period = periods.get(atMs);
      if (period === undefined) periods.set(atMs, [minute]);
      else period.push(minute);
    }
  }
  return [...periods]
    .sort(([a], [b]) => a - b)
    .flatMap(([atMs, minutes]) => {
      const value = told(metric.samples(minutes), wish.statistic);
      return value === null ? [] : [{ atMs, value }];
    });
}

/** Dimensions must be all of the metric's and no others. */
function fits({ dimensions }: MetricWish, byGroup: boolean, { balancerArn, groupArn }: TrafficSeries): boolean {
  const of = (name: string): string | undefined => dimensions.find((one) => one.name === name)?.value;
  // `app/NAME/ID` of `arn:...:loadbalancer/app/NAME/ID`, and `targetgroup/NAME/ID` of `arn:...:targetgroup/NAME/ID`.
  if (of('LoadBalancer') !== balancerArn.split(':loadbalancer/')[1]) return false;
  if (dimensions.length === 1) return true;
  return byGroup && dimensions.length === 2 && of('TargetGroup') === groupArn.split(':').at(-1);
}

/** Null when there is nothing to tell. Times are told in seconds. */
function told(samples: Samples, statistic: Statistic): number | null {
  if (samples.kind === 'ones') {
    if (samples.count === 0) return null;
    // Each is a sample of the value 1.
    return statistic.kind === 'Sum' || statistic.kind === 'SampleCount' ? samples.count : 1;
  }
  const { times } = samples;
  if (times.count === 0) return null;
  switch (statistic.kind) {
    case 'SampleCount':
      return times.count;
    case 'Sum':
      return times.sumMs / 1_000;
    case 'Average':
      return times.sumMs / times.count / 1_000;
    case 'Minimum':
      return times.minMs / 1_000;
    case 'Maximum':
      return times.maxMs / 1_000;
    case 'percentile':
      return (times.percentileMs(statistic.percent) ?? 0) / 1_000;
  }
}
