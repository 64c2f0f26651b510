/**
 * What application load balancers tell CloudWatch of a cluster's requests, as the live page's figures of the last hour. Pure.
 *
 * Metrics and dimensions as in AWS's page on an Application Load Balancer's CloudWatch metrics. A minute without requests has
 * no data there, and the newest minutes come late.
 */
import type { TrafficCard } from '../../ui/picture.js';
import { timeText } from '../show.js';

/** A target group and the application load balancer that sends to it, as CloudWatch's dimensions have them. */
export interface BalancedGroup {
  /** `targetgroup/NAME/ID` */
  readonly group: string;
  /** `app/NAME/ID` */
  readonly balancer: string;
}

export interface Query {
  readonly id: string;
  readonly metric: string;
  readonly stat: 'Sum' | 'p99';
  readonly dimensions: readonly { readonly Name: string; readonly Value: string }[];
}

/** Of one metric: when its minutes begin, and their values. */
export interface Series {
  readonly id: string;
  readonly atMs: readonly number[];
  readonly values: readonly number[];
}

export const MINUTE_MS = 60_000;
export const MINUTES = 60;
/** With nothing told for this long there were no requests: CloudWatch is at most so many minutes behind. */
const LATE_MINUTES = 5;

/** Null: no application load balancer's. */
export function balancedGroup(groupArn: string, balancerArn: string): BalancedGroup | null {
  const group = /:(targetgroup\/[^/]+\/[^/]+)$/.exec(groupArn)?.[1];
  const balancer = /:loadbalancer\/(app\/[^/]+\/[^/]+)$/.exec(balancerArn)?.[1];
  return group === undefined || balancer === undefined ? null : { group, balancer };
}

const balancersOf = (groups: readonly BalancedGroup[]): string[] => [...new Set(groups.map((one) => one.balancer))];

/** Three of each group, and what each balancer refused itself once, however many groups it has. */
export function queriesOf(groups: readonly BalancedGroup[]): Query[] {
  return [
    ...groups.flatMap(({ group, balancer }, i) => {
      const dimensions = [
        { Name: 'TargetGroup', Value: group },
        { Name: 'LoadBalancer', Value: balancer },
      ];
      return [
        { id: `requests${i}`, metric: 'RequestCount', stat: 'Sum', dimensions } as const,
        { id: `failed${i}`, metric: 'HTTPCode_Target_5XX_Count', stat: 'Sum', dimensions } as const,
        { id: `time${i}`, metric: 'TargetResponseTime', stat: 'p99', dimensions } as const,
      ];
    }),
    ...balancersOf(groups).map(
      (balancer, i) =>
        ({
          id: `refused${i}`,
          metric: 'HTTPCode_ELB_5XX_Count',
          stat: 'Sum',
          dimensions: [{ Name: 'LoadBalancer', Value: balancer }],
        }) as const,
    ),
  ];
}

/** @param endMs a whole minute: the hour before it is shown */
export function trafficCard(series: readonly Series[], endMs: number): TrafficCard {
  const startMs = endMs - MINUTES * MINUTE_MS;
  const requests = minutes(0);
  const failures = minutes(0);
  const p99 = minutes<number | null>(null);
  let last = MINUTES - LATE_MINUTES;
  for (const { id, atMs, values } of series) {
    atMs.forEach((ms, k) => {
      const value = values[k];
      const i = Math.floor((ms - startMs) / MINUTE_MS);
      if (!(i >= 0 && i < MINUTES) || value === undefined || !(value >= 0 && value < Number.MAX_VALUE)) return;
      if (id.startsWith('time')) p99[i] = Math.max(p99[i] ?? 0, tidy(value * 1_000));
      else {
        const counts = id.startsWith('requests') ? requests : failures;
        counts[i] = (counts[i] ?? 0) + value;
        last = Math.max(last, i);
      }
    });
  }
  // A balancer doesn't count as requests of a group what it refused before it chose a target.
  const sent = requests.reduce((sum, count, i) => sum + Math.max(count, failures[i] ?? 0), 0);
  return {
    sent: Math.round(sent),
    failed: Math.round(failures.reduce((sum, count) => sum + count, 0)),
    rate: tidy((requests[last] ?? 0) / (MINUTE_MS / 1_000)),
    p99Ms: p99[last] ?? null,
    p99,
    failures,
    byMinute: { at: `${timeText(startMs + last * MINUTE_MS).slice(11, 16)} UTC` },
  };
}

const minutes = <T>(value: T): T[] => Array.from({ length: MINUTES }, () => value);

/** No more digits than are read. */
function tidy(value: number): number {
  const scale = value < 1 ? 100 : value < 100 ? 10 : 1;
  return Math.round(value * scale) / scale;
}
