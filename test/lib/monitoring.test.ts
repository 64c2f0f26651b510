import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type aws_cloudwatch as cloudwatch, type Stack, aws_sns as sns } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { METRICS, type MetricName } from '../../lambda/telemetry.js';
import { type MonitoringOptions, SynktiCluster, type SynktiClusterProps, Workload } from '../../lib/index.js';
import { newStack, synth, WEB } from './synth.js';

const DOCS = join(import.meta.dirname, '../../docs');
const read = (page: string): string => readFileSync(join(DOCS, page), 'utf8');
const worker = Workload.process({ command: ['work'] });
const withTopic = (stack: Stack) => sns.Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:eu-west-1:1:t');

function watched(options: MonitoringOptions = {}, props: Partial<SynktiClusterProps> = {}): Template {
  const { stack, vpc } = newStack();
  const monitoring = { alarmTopic: withTopic(stack), dashboard: true, ...options };
  new SynktiCluster(stack, 'Web', { vpc, workload: WEB, clusterName: 'web', ...props, monitoring });
  return Template.fromStack(stack);
}

interface Alarm {
  readonly AlarmDescription: string;
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: string }[];
  readonly Metrics?: readonly { readonly MetricStat?: { readonly Metric: Alarm } }[];
}

const alarms = (template: Template): readonly Alarm[] =>
  Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);

const anchorOf = ({ AlarmDescription }: Alarm): string => AlarmDescription.slice(AlarmDescription.indexOf('#') + 1);

/** Anchors as GitHub makes them of headings. */
const anchorsIn = (page: string): readonly string[] =>
  [...page.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replaceAll(' ', '-'));

/** Synkti's own metrics that a template names, in alarms and on the dashboard. */
function named(template: Template): readonly string[] {
  const inAlarms = alarms(template)
    .flatMap((alarm) => [alarm, ...(alarm.Metrics ?? []).flatMap(({ MetricStat }) => MetricStat?.Metric ?? [])])
    .flatMap(({ Namespace, MetricName: name }) => (Namespace === 'Synkti' ? (name ?? []) : []));
  const dashboard = JSON.stringify(template.findResources('AWS::CloudWatch::Dashboard')).replaceAll('\\', '');
  return [...inAlarms, ...[...dashboard.matchAll(/\["Synkti","(\w+)"/g)].map(([, name = '']) => name)];
}

describe('alarms', () => {
  const template = watched({}, { capacity: { desired: 4 } });

  it('are made with a topic, which they go to', () => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'HealthyHostCount',
      Threshold: 4,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
      AlarmActions: ['arn:aws:sns:eu-west-1:1:t'],
    });
    template.resourceCountIs('AWS::CloudWatch::Alarm', 6);
  });

  it('are made without a topic when they are asked for, and not made when not', () => {
    const { template: silent } = synth({ monitoring: { alarms: true } });
    silent.resourceCountIs('AWS::CloudWatch::Alarm', 6);
    expect(JSON.stringify(silent.findResources('AWS::CloudWatch::Alarm'))).not.toContain('AlarmActions');
    watched({ alarms: false }).resourceCountIs('AWS::CloudWatch::Alarm', 0);
  });

  it('link each to an entry of the runbook that names them, and each entry has its alarm', () => {
    const runbook = read('runbook.md');
    const entries = anchorsIn(runbook).filter((anchor) => anchor !== 'runbook');
    expect(alarms(template).map(anchorOf).sort()).toEqual([...entries].sort());
    for (const alarm of alarms(template)) {
      expect(alarm.AlarmDescription).toMatch(/^Synkti cluster web: .*\. https:\/\/\S+\/docs\/runbook\.md#[a-z-]+$/);
      // CloudWatch takes 1,024.
      expect(alarm.AlarmDescription.length).toBeLessThan(1_024);
    }
    for (const id of Object.keys(template.findResources('AWS::CloudWatch::Alarm'))) {
      expect(runbook).toContain(`**Alarm \`${/^Web(\w+?)[0-9A-F]{8}$/.exec(id)?.[1]}\`.**`);
    }
  });

  it("link to a runbook of one's own", () => {
    const own = watched({ runbookUrl: 'https://wiki.example/synkti' });
    for (const { AlarmDescription } of alarms(own)) expect(AlarmDescription).toContain('https://wiki.example/synkti#');
  });

  it('of workers are what the functions count', () => {
    const work = watched({}, { workload: worker });
    const counted: MetricName = 'EmptySlots';
    work.hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'Synkti',
      MetricName: counted,
      Dimensions: [
        { Name: 'cluster', Value: 'web' },
        { Name: 'service', Value: 'synkti' },
      ],
      TreatMissingData: 'breaching',
    });
    work.resourceCountIs('AWS::CloudWatch::Alarm', 4);
    work.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  });

  it('look back at most a day, as CloudWatch allows', () => {
    for (const { Properties } of Object.values(template.findResources('AWS::CloudWatch::Alarm'))) {
      const periods = JSON.stringify(Properties).matchAll(/"Period":(\d+)/g);
      for (const [, seconds] of periods) {
        expect(Number(seconds) * Properties.EvaluationPeriods).toBeLessThanOrEqual(86_400);
      }
    }
  });
});

describe('the dashboard', () => {
  const template = watched();
  const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
  const text = JSON.stringify(dashboard?.Properties.DashboardBody).replaceAll('\\', '');

  it('asks in the order in which an operator asks', () => {
    const asked = [...text.matchAll(/## ([^?]+\?)/g)].map(([, question]) => question);
    expect(asked).toEqual([
      'Is it serving?',
      'Did we lose something?',
      'Did it heal, and who did it?',
      'What does it cost?',
      'Is the fallback well?',
    ]);
  });

  it('fits: rows are as wide as the page, and at most 50 metrics keep it in the free tier', () => {
    const metrics = [...text.matchAll(/"(?:AWS\/\w+|Synkti)","\w+"/g)];
    expect(metrics.length).toBeGreaterThan(25);
    expect(metrics.length).toBeLessThanOrEqual(50);
    const places = [...text.matchAll(/"width":(\d+),"height":\d+,"x":(\d+)/g)];
    expect(places.length).toBeGreaterThan(15);
    for (const [, width, x] of places) expect(Number(x) + Number(width)).toBeLessThanOrEqual(24);
  });

  it('is made when asked for alone, with its queries', () => {
    const { template: plain } = synth();
    for (const type of ['Alarm', 'Dashboard']) plain.resourceCountIs(`AWS::CloudWatch::${type}`, 0);
    plain.resourceCountIs('AWS::Logs::QueryDefinition', 0);
    watched({ queries: false }).resourceCountIs('AWS::Logs::QueryDefinition', 0);
    synth({ monitoring: { queries: true } }).template.resourceCountIs('AWS::Logs::QueryDefinition', 2);
  });
});

describe('what is shown', () => {
  it('is what the functions write', () => {
    const names = named(watched());
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) expect(Object.keys(METRICS)).toContain(name);
    const { cluster } = synth();
    const own = [cluster.metricEmptySlots(), cluster.metricServingSlots(), cluster.metricFallbackActed()];
    for (const metric of own) expect(Object.keys(METRICS)).toContain((metric as cloudwatch.Metric).metricName);
  });

  it('is whatever is counted, but for three that tell nothing of the service', () => {
    const names = named(watched());
    const left = Object.keys(METRICS).filter((name) => !names.includes(name));
    expect(left.sort()).toEqual(['FallbackNotNeeded', 'LeaseEnded', 'PoisonMessage']);
  });

  it('of queries are fields that the functions log', () => {
    const queries = Object.values(watched().findResources('AWS::Logs::QueryDefinition'));
    const incidents = queries.find(({ Properties }) => Properties.Name === 'Synkti/web/Incidents');
    const code = ['core/fallback/figures.ts', 'core/drain/figures.ts', 'lambda/queue.ts']
      .map((path) => readFileSync(join(DOCS, '..', path), 'utf8'))
      .join();
    const [fields = ''] = String(incidents?.Properties.QueryString).split('\n');
    for (const field of fields.replace('fields @timestamp, ', '').split(', ')) expect(code).toContain(field);
  });

  it('is listed in docs/fallback.md', () => {
    for (const name of Object.keys(METRICS)) expect(read('fallback.md')).toContain(`\`${name}\``);
  });
});

it('the runbook names no command that there is not', () => {
  const help = read('cli.md');
  const code = readdirSync(join(DOCS, '../lib'))
    .map((file) => readFileSync(join(DOCS, '../lib', file), 'utf8'))
    .join();
  // In the runbook, and on the dashboard.
  const told = [...`${read('runbook.md')}${code}`.matchAll(/synkti ([a-z]+)(?= (?:--cluster|ID|--)|`)/g)];
  expect(told.length).toBeGreaterThan(10);
  for (const [, command] of told) expect(help).toContain(`synkti ${command}`);
});

it('metrics of a balancer say what they need', () => {
  expect(() => synth({ workload: worker }).cluster.metricHealthyNodes()).toThrow(/give its workload a port/);
});
