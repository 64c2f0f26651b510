/** One dashboard, in the order in which an operator asks. */
import { aws_cloudwatch as cloudwatch, Duration } from 'aws-cdk-lib';
import type { SynktiCluster } from './cluster.js';
import type { Watched } from './monitoring.js';
import { actsQuery, incidentsQuery } from './queries.js';

const ROW = 24;
const HEIGHT = 6;

export function addDashboard(cluster: SynktiCluster, watched: Watched, runbook: string): void {
  const name = cluster.clusterName;
  const { functions } = watched;
  const table = ({ title, lines, groups }: ReturnType<typeof incidentsQuery>): cloudwatch.IWidget =>
    new cloudwatch.LogQueryWidget({
      title,
      queryLines: [...lines],
      logGroupNames: groups.map(({ logGroupName }) => logGroupName),
      view: cloudwatch.LogQueryVisualizationType.TABLE,
      width: ROW,
      height: HEIGHT,
    });
  const { fallback } = watched;
  const wish = { leftAnnotations: [{ value: watched.desired, label: 'desired' }], leftYAxis: { min: 0 } };
  new cloudwatch.Dashboard(cluster, 'Dashboard', {
    widgets: [
      [question('Is it serving?', `Cluster ${name}. [Runbook](${runbook})`)],
      serving(watched),
      [
        question(
          'Did we lose something?',
          'Requests that no node answered, drains cut short, nodes gone without a word, nodes that do not hear the others.',
        ),
      ],
      lost(watched),
      [question('Did it heal, and who did it?', '`synkti incidents` names who launched each replacement.')],
      row(
        graph('Slots', { left: [fallback.servingSlots(), fallback.emptySlots()], ...wish }),
        graph('From the sign to ..., the longest', {
          left: [
            fallback.most('DetectionDelay', { label: '... known to its node' }),
            fallback.most('FailoverTime', { label: '... out of the load balancer' }),
            fallback.most('ReplacementTime', { label: '... the replacement launched' }),
            fallback.most('DrainTime', { label: '... the workloads stopped' }),
          ],
          leftYAxis: { min: 0, label: 'ms', showUnits: false },
        }),
        graph('In the place of agents', {
          left: [
            fallback.acted({ label: 'acts' }),
            fallback.sum('NodesLaunched', { label: 'seats filled' }),
            fallback.sum('NodesEnded', { label: 'nodes ended' }),
          ],
          leftYAxis: { min: 0 },
        }),
      ),
      [table(incidentsQuery(functions))],
      [
        question(
          'What does it cost?',
          '`synkti savings` compares with on-demand, `synkti incident ID` for one incident.',
        ),
      ],
      row(
        graph('Spot nodes, USD an hour', { left: [fallback.most('SpotCostPerHour')], leftYAxis: { min: 0 } }),
        graph('On-demand nodes', {
          left: [fallback.most('OnDemandNodes')],
          leftAnnotations: [{ value: watched.onDemandBase, label: 'wished' }],
          leftYAxis: { min: 0 },
        }),
        graph('Nodes beyond one a slot', { left: [fallback.most('SurplusNodes')], leftYAxis: { min: 0 } }),
      ),
      [question('Is the fallback well?', 'Four functions and a queue of what they could not settle.')],
      wellness(cluster, watched),
      [table(actsQuery(functions))],
    ],
  });
}

function serving({ balancer, fallback, desired }: Watched): cloudwatch.IWidget[] {
  const wish = { leftAnnotations: [{ value: desired, label: 'desired' }], leftYAxis: { min: 0 } };
  if (balancer === undefined)
    return row(graph('Slots whose node serves', { left: [fallback.servingSlots()], ...wish }));
  return row(
    graph('Healthy nodes', { left: [balancer.healthyNodes()], ...wish }),
    graph('Requests, and failed ones in %', { left: [balancer.requests()], right: [balancer.failedRequests()] }),
    graph('Response time, p99', { left: [balancer.responseTime()], leftYAxis: { min: 0 } }),
  );
}

function lost({ balancer, fallback }: Watched): cloudwatch.IWidget[] {
  const answered = balancer === undefined ? [] : [balancer.lostRequests({ label: 'answered by the balancer, 5xx' })];
  return row(
    graph('Requests lost', {
      left: [...answered, fallback.sum('RequestsLost', { label: 'in flight when their node stopped' })],
      leftYAxis: { min: 0 },
    }),
    graph('Nodes', {
      left: [
        fallback.sum('Notices', { label: 'interruption notices' }),
        fallback.sum('SilentDeaths', { label: 'gone without a word' }),
        fallback.most('GossipApart', { label: 'that hear few of the others' }),
      ],
      leftYAxis: { min: 0 },
    }),
    graph('Drains cut short', { left: [fallback.sum('DrainsCut')], leftYAxis: { min: 0 } }),
  );
}

function wellness(cluster: SynktiCluster, { fallback, functions }: Watched): cloudwatch.IWidget[] {
  const { interruption, ended, sweep, seeder } = functions;
  const of = { statistic: 'Sum', period: Duration.minutes(5) };
  return row(
    graph('Errors of functions', {
      left: [
        interruption.handler.metricErrors({ ...of, label: 'interruption' }),
        ended.handler.metricErrors({ ...of, label: 'ended' }),
        sweep.handler.metricErrors({ ...of, label: 'sweep' }),
        seeder.handler.metricErrors({ ...of, label: 'seeder' }),
      ],
      leftYAxis: { min: 0 },
    }),
    graph('Calls to AWS that failed, by class', {
      left: [
        fallback.sum('CapacityMissing', { label: 'capacity' }),
        fallback.sum('QuotaReached', { label: 'quota' }),
        fallback.sum('Throttled', { label: 'throttled' }),
        fallback.sum('ConfigurationError', { label: 'configuration' }),
        fallback.sum('OtherError', { label: 'other' }),
      ],
      leftYAxis: { min: 0 },
    }),
    graph('Dead letters', {
      left: [cluster.deadLetterQueue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum' })],
      leftYAxis: { min: 0 },
    }),
  );
}

const question = (asked: string, more: string): cloudwatch.IWidget =>
  new cloudwatch.TextWidget({ markdown: `## ${asked}\n${more}`, width: ROW, height: 2 });

const graph = (title: string, graphed: cloudwatch.GraphWidgetProps) => (width: number) =>
  new cloudwatch.GraphWidget({ title, width, height: HEIGHT, ...graphed });

/** Graphs side by side over the whole width. */
const row = (...graphs: readonly ((width: number) => cloudwatch.IWidget)[]): cloudwatch.IWidget[] =>
  graphs.map((make) => make(ROW / graphs.length));
