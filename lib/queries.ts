/** Questions to the functions' logs, for Logs Insights and for the dashboard. */
import { aws_logs as logs } from 'aws-cdk-lib';
import type { SynktiCluster } from './cluster.js';
import type { Fallback } from './fallback.js';

/** How many lines an answer has at most. */
const MOST = 100;

interface Query {
  readonly title: string;
  readonly lines: readonly string[];
  readonly groups: readonly logs.ILogGroup[];
}

/** Ends of nodes with their figures, the newest first. */
export const incidentsQuery = ({ ended }: Fallback): Query => ({
  title: 'Incidents',
  lines: [
    'fields @timestamp, instanceId, cause, silent, cut, requestsLost, detectionMs, failoverMs, replacementMs, drainMs, replacement',
    "filter message = 'incident'",
    'sort @timestamp desc',
    `limit ${MOST}`,
  ],
  groups: [ended.logGroup],
});

/** What the functions did or couldn't do, the newest first. */
export const actsQuery = ({ interruption, ended, sweep, seeder }: Fallback): Query => ({
  title: 'Acts of the functions',
  lines: [
    'fields @timestamp, service, message, event, why, instanceId, slot, filled.0.instanceId, failures.0.error.code',
    "filter level in ['WARN', 'ERROR']",
    'sort @timestamp desc',
    `limit ${MOST}`,
  ],
  groups: [interruption, ended, sweep, seeder].map(({ logGroup }) => logGroup),
});

export function saveQueries(cluster: SynktiCluster, functions: Fallback): void {
  const saved = { IncidentsQuery: incidentsQuery(functions), ActsQuery: actsQuery(functions) };
  for (const [id, { title, lines, groups }] of Object.entries(saved)) {
    new logs.CfnQueryDefinition(cluster, id, {
      // A slash makes a folder.
      name: `Synkti/${cluster.clusterName}/${title}`,
      queryString: lines.join('\n| '),
      logGroupNames: groups.map(({ logGroupName }) => logGroupName),
    });
  }
}
