import type { aws_sns as sns } from 'aws-cdk-lib';
import { addAlarms } from './alarms.js';
import type { SynktiCluster } from './cluster.js';
import { addDashboard } from './dashboard.js';
import type { Fallback } from './fallback.js';
import type { ClusterMetrics, FallbackMetrics } from './metrics.js';
import { saveQueries } from './queries.js';

/** What tells people how a cluster does. docs/cost.md says what it costs, docs/runbook.md what to do. */
export interface MonitoringOptions {
  /**
   * Topic that alarms go to.
   *
   * @default - nobody is told
   */
  readonly alarmTopic?: sns.ITopic;
  /**
   * Whether to make alarms: slots that stay empty, something that only people can mend (rights, quotas, dead letters),
   * functions that act in the agents' place, a cluster that costs more than it should; and, behind a load balancer, too
   * few healthy nodes and failed requests. Each description links to its entry in the runbook.
   *
   * @default - true when there is an `alarmTopic`
   */
  readonly alarms?: boolean;
  /**
   * Whether to make a CloudWatch dashboard. It answers in this order: is it serving, did we lose something, did it heal
   * and who did it, what does it cost, is the fallback well?
   *
   * @default false
   */
  readonly dashboard?: boolean;
  /**
   * Whether to save queries for Logs Insights: incidents with their figures, and what the functions did.
   *
   * @default - as `dashboard`
   */
  readonly queries?: boolean;
  /**
   * Where the runbook stands that alarms link to. Give your own to add what only you know; keep its headings.
   *
   * @default - Synkti's own
   */
  readonly runbookUrl?: string;
}

/** The runbook of this library. */
const RUNBOOK = 'https://github.com/synkti/synkti/blob/main/docs/runbook.md';

/** What is watched. */
export interface Watched {
  readonly desired: number;
  /** Nodes that are wished to be on-demand. */
  readonly onDemandBase: number;
  readonly functions: Fallback;
  readonly fallback: FallbackMetrics;
  /** Undefined without a load balancer that counts. */
  readonly balancer: ClusterMetrics | undefined;
}

/** Makes what was asked for. */
export function monitor(cluster: SynktiCluster, watched: Watched, options: MonitoringOptions): void {
  const { alarmTopic, dashboard = false } = options;
  const runbook = options.runbookUrl ?? RUNBOOK;
  if (options.alarms ?? alarmTopic !== undefined) addAlarms(cluster, watched, runbook, alarmTopic);
  if (dashboard) addDashboard(cluster, watched, runbook);
  if (options.queries ?? dashboard) saveQueries(cluster, watched.functions);
}
