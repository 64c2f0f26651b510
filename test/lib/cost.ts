/**
 * What a cluster costs a month besides its machines and its balancer, from its template: list prices of us-east-1 as of
 * February 2026, without any free tier. docs/cost.md shows the sum, and a test holds it to this.
 */
import { METRICS, type MetricName } from '../../lambda/telemetry.js';

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

export interface Line {
  readonly what: string;
  readonly how: string;
  readonly usd: number;
}

export const PRICE = {
  /** A month, prorated by the hour in which it is written. */
  metric: 0.3,
  alarmMetric: 0.1,
  dashboard: 3,
  logGb: 0.5,
  logGbMonth: 0.03,
  scannedGb: 0.005,
  lambdaGbSecond: 0.0000133334,
  lambdaRequest: 0.2e-6,
  sqsRequest: 0.4e-6,
  s3Write: 5e-6,
  s3Read: 0.4e-6,
  secret: 0.4,
  secretCall: 5e-6,
  /** When it takes more than 4 kB. */
  advancedParameter: 0.05,
} as const;

/** What every sweep writes while nothing happens. */
export const QUIET: readonly MetricName[] = [
  'EmptySlots',
  'ServingSlots',
  'OnDemandNodes',
  'SurplusNodes',
  'GossipApart',
  'SpotCostPerHour',
  'FallbackNotNeeded',
];

/** All but the one that is written when a cluster is over. */
export const STANDING: readonly string[] = Object.keys(METRICS).filter((name) => name !== 'LeaseEnded');

const HOURS = 730;
const MINUTES = HOURS * 60;
const DAYS = HOURS / 24;

/** A bad month: each of six nodes is taken once a day. AWS calls 5% a month and less typical of most pools. */
export const NODES = 6;
const INCIDENTS = NODES * DAYS;
/** The account's other instances: their events start the functions, which look whose they are. */
const FOREIGN_EVENTS = 100 * DAYS;
/** Of an incident: a warning, a recommendation, and four changes of state. */
const EVENTS = 6;
/** Measured in a rehearsal, rounded up: the log line, the metrics' line, START, END and REPORT. */
const LOG_BYTES = 3_000;
/** Of a call on Arm with 512 MB, a cold start included, rounded up. */
const CALL_SECONDS = 1;
/** Lambda looks into a queue over five connections, each look waits for 20 seconds. */
const LOOKS_A_MINUTE = 15;
/** Per incident: hint, record of the launch, report twice, last words; and what the function reads of it. */
const [WRITES, READS] = [8, 12];
/** A load balancer's node writes its log every five minutes, in each of three zones. */
const BALANCER_LOGS = (MINUTES / 5) * 3;
/** Every agent reads the key again every ten minutes. */
const KEY_READS = (MINUTES / 10) * NODES;
/** Months that logs are kept. */
const KEPT = 3;
/** The dashboard is looked at for as many refreshes, and its two tables look through a day of logs. */
const REFRESHES = 1_000;

/** Types that cost nothing by themselves: rights, settings, and what is billed by its use, which stands in another line. */
const FREE = new Set([
  'AWS::IAM::Role',
  'AWS::IAM::Policy',
  'AWS::IAM::InstanceProfile',
  'AWS::EC2::SecurityGroup',
  'AWS::EC2::SecurityGroupIngress',
  'AWS::EC2::SecurityGroupEgress',
  'AWS::EC2::LaunchTemplate',
  'AWS::SSM::Document',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Permission',
  'AWS::SQS::QueuePolicy',
  'AWS::S3::BucketPolicy',
  'AWS::Events::Rule',
  'AWS::Logs::QueryDefinition',
  'AWS::CloudFormation::CustomResource',
  'Custom::SynktiContents',
  'Custom::SynktiSeats',
  'Custom::SynktiInstanceTypes',
  'AWS::ElasticLoadBalancingV2::Listener',
  'AWS::ElasticLoadBalancingV2::TargetGroup',
]);
/** Costs of the service itself, whatever keeps it running. */
const NOT_OURS = new Set(['AWS::ElasticLoadBalancingV2::LoadBalancer']);

/** @throws Error at a type of which it isn't known what it costs */
export function monthlyCost(resources: Readonly<Record<string, Resource>>): readonly Line[] {
  const all = Object.values(resources);
  const of = (type: string): readonly Resource[] => all.filter(({ Type }) => Type === type);
  const names = STANDING;
  const functions = of('AWS::Lambda::Function').length;
  const queues = of('AWS::Lambda::EventSourceMapping').length;
  const sweeps = of('AWS::Events::Rule').reduce((sum, rule) => sum + runs(rule.Properties?.ScheduleExpression), 0);
  const calls = functions === 0 ? 0 : sweeps + INCIDENTS * EVENTS + FOREIGN_EVENTS;
  const loggedGb = (calls * LOG_BYTES) / 1e9;
  const alarmed = of('AWS::CloudWatch::Alarm').reduce((sum, alarm) => sum + metricsOf(alarm), 0);
  const dashboards = of('AWS::CloudWatch::Dashboard').length;
  const balancers = of('AWS::ElasticLoadBalancingV2::LoadBalancer').length;
  const [gbSeconds, looks] = [calls * 0.5 * CALL_SECONDS, queues * LOOKS_A_MINUTE * MINUTES];
  const secrets = of('AWS::SecretsManager::Secret').length;
  const parameters = of('AWS::SSM::Parameter').filter(({ Properties }) => Properties?.Tier === 'Intelligent-Tiering');
  const writes = of('AWS::S3::Bucket').length * INCIDENTS * WRITES + balancers * BALANCER_LOGS;
  const reads = of('AWS::S3::Bucket').length * INCIDENTS * READS;
  const scanned = dashboards * REFRESHES * 2 * (loggedGb / DAYS);

  const priced = new Set([
    ...['AWS::Lambda::Function', 'AWS::Lambda::EventSourceMapping', 'AWS::SQS::Queue', 'AWS::Logs::LogGroup'],
    ...['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::Dashboard', 'AWS::SecretsManager::Secret', 'AWS::SSM::Parameter'],
    'AWS::S3::Bucket',
  ]);
  for (const { Type } of all) {
    if (!FREE.has(Type) && !NOT_OURS.has(Type) && !priced.has(Type)) throw new Error(`What does ${Type} cost?`);
  }
  return [
    {
      what: 'CloudWatch metrics',
      how: `${names.length}, each written in every hour, x $${PRICE.metric.toFixed(2)}`,
      usd: functions === 0 ? 0 : names.length * PRICE.metric,
    },
    {
      what: 'Alarms',
      how: `${alarmed} metrics in ${of('AWS::CloudWatch::Alarm').length} alarms x $0.10`,
      usd: alarmed * PRICE.alarmMetric,
    },
    { what: 'Dashboard', how: `${dashboards} x $3.00`, usd: dashboards * PRICE.dashboard },
    {
      what: 'Logs',
      how: `${(loggedGb * 1_000).toFixed(0)} MB in, kept for ${KEPT} months; ${scanned.toFixed(1)} GB looked through`,
      usd: loggedGb * (PRICE.logGb + KEPT * PRICE.logGbMonth) + scanned * PRICE.scannedGb,
    },
    {
      what: 'Lambdas',
      how: `${thousands(calls)} calls, ${thousands(sweeps)} of them sweeps, ${thousands(gbSeconds)} GB-seconds`,
      usd: calls * PRICE.lambdaRequest + gbSeconds * PRICE.lambdaGbSecond,
    },
    { what: 'Queues', how: `${thousands(looks)} looks of Lambda into ${queues} queues`, usd: looks * PRICE.sqsRequest },
    {
      what: 'S3 requests',
      how: `${thousands(writes)} writes, most of them the balancer's log, ${thousands(reads)} reads`,
      usd: writes * PRICE.s3Write + reads * PRICE.s3Read,
    },
    {
      what: 'Secret',
      how: `${secrets} x $0.40, read ${thousands(secrets * KEY_READS)} times`,
      usd: secrets * (PRICE.secret + KEY_READS * PRICE.secretCall),
    },
    {
      what: 'Parameter',
      how: 'advanced when the spec takes more than 4 kB',
      usd: parameters.length * PRICE.advancedParameter,
    },
  ];
}

export const sumOf = (lines: readonly Line[]): number => lines.reduce((sum, { usd }) => sum + usd, 0);

export const usdText = (usd: number): string => `$${usd.toFixed(2)}`;

/** Runs a month of `rate(5 minutes)`. */
function runs(expression: unknown): number {
  const found = /^rate\((\d+) minutes?\)$/.exec(String(expression));
  return found === null ? 0 : MINUTES / Number(found[1]);
}

/** Metrics that an alarm reads: those of its expression, or its one. */
function metricsOf({ Properties }: Resource): number {
  const queries = Properties?.Metrics;
  return Array.isArray(queries) ? queries.filter((query) => 'MetricStat' in query).length : 1;
}

const thousands = (count: number): string => Math.round(count).toLocaleString('en-US');
