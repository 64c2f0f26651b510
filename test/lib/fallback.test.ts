/** What starts the fallback's functions, and the order in which a stack makes and removes things. */
import { Duration, aws_logs as logs, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { readEvent } from '../../core/fallback/event.js';
import { SynktiCluster } from '../../lib/index.js';
import { dependencyGraph } from '../../local/cloudformation/graph.js';
import { parseTemplate } from '../../local/cloudformation/template.js';
import { compilePattern } from '../../local/events/pattern.js';
import { EXAMPLES } from './examples.js';
import { newApp, newStack, synth, WEB } from './synth.js';

const { template } = synth();

const event = (source: string, detailType: string, detail: object) => ({
  source,
  'detail-type': detailType,
  time: '2026-01-17T10:00:00Z',
  detail: { 'instance-id': 'i-0aaaaaaaaaaaaaaaa', ...detail },
});
const health = (category: string) =>
  event('aws.health', 'AWS Health Event', {
    service: 'EC2',
    eventTypeCategory: category,
    eventTypeCode: 'AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED',
    affectedEntities: [{ entityValue: 'i-0aaaaaaaaaaaaaaaa' }],
  });
const state = (name: string) => event('aws.ec2', 'EC2 Instance State-change Notification', { state: name });

/** Queue to which the template's rules send an event, if any. */
function queueOf(one: object): string | null {
  const hit = Object.values(template.findResources('AWS::Events::Rule')).find(
    ({ Properties: { EventPattern } }) =>
      EventPattern !== undefined && compilePattern(JSON.stringify(EventPattern))(one),
  );
  const arn = hit?.Properties.Targets[0].Arn['Fn::GetAtt'][0] ?? null;
  return arn === null ? null : (/(Warnings|Ends)Queue/.exec(arn)?.[1] ?? arn);
}

describe('events', () => {
  it.each([
    ['a spot warning', event('aws.ec2', 'EC2 Spot Instance Interruption Warning', {}), 'Warnings'],
    ['a rebalance recommendation', event('aws.ec2', 'EC2 Instance Rebalance Recommendation', {}), 'Warnings'],
    ['a scheduled change', health('scheduledChange'), 'Warnings'],
    ['an end', state('shutting-down'), 'Ends'],
    ['an end that is over', state('terminated'), 'Ends'],
    ['a stop', state('stopping'), 'Ends'],
    ['a stop that is over', state('stopped'), 'Ends'],
  ])('%s reaches its queue, and the function reads it', (_what, one, queue) => {
    expect(queueOf(one)).toBe(queue);
    const reading = readEvent(JSON.stringify(one));
    expect(reading.ok && reading.event.kind).not.toBe('irrelevant');
  });

  it.each([
    ['a start', state('running')],
    ['news of another kind', health('accountNotification')],
    ['an event of Auto Scaling', event('aws.autoscaling', 'EC2 Instance Launch Successful', {})],
  ])('%s reaches nothing', (_what, one) => {
    expect(queueOf(one)).toBeNull();
  });

  it('are kept for minutes, not for a day, and what fails is a dead letter', () => {
    for (const { Properties } of Object.values(template.findResources('AWS::Events::Rule'))) {
      const [target] = Properties.Targets;
      expect(target.RetryPolicy.MaximumEventAgeInSeconds).toBeLessThanOrEqual(3_600);
      if (Properties.EventPattern !== undefined) expect(target.DeadLetterConfig.Arn).toBeDefined();
    }
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { 'detail-type': Match.arrayWith(['EC2 Spot Instance Interruption Warning']) },
      Targets: [Match.objectLike({ RetryPolicy: { MaximumEventAgeInSeconds: 300 } })],
    });
  });
});

describe('queues', () => {
  const queues = Object.values(template.findResources('AWS::SQS::Queue')).map(({ Properties }) => Properties);

  it('give the node its chance, try three times, and keep a message longer than that takes', () => {
    const fed = queues.filter(({ RedrivePolicy }) => RedrivePolicy !== undefined);
    expect(fed.map(({ DelaySeconds }) => DelaySeconds).sort()).toEqual([30, 60]);
    for (const { RedrivePolicy, VisibilityTimeout, MessageRetentionPeriod } of fed) {
      expect(RedrivePolicy.maxReceiveCount).toBe(3);
      expect(VisibilityTimeout).toBeGreaterThanOrEqual(6 * 120);
      expect(MessageRetentionPeriod).toBeGreaterThan(3 * VisibilityTimeout + 60);
    }
  });

  it('take nothing without TLS', () => {
    const policies = Object.values(template.findResources('AWS::SQS::QueuePolicy'));
    expect(policies).toHaveLength(queues.length);
    for (const { Properties } of policies) {
      expect(Properties.PolicyDocument.Statement[0]).toMatchObject({
        Effect: 'Deny',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      });
    }
  });

  it('feed functions that name the messages that failed', () => {
    for (const { Properties } of Object.values(template.findResources('AWS::Lambda::EventSourceMapping'))) {
      expect(Properties).toMatchObject({ BatchSize: 10, FunctionResponseTypes: ['ReportBatchItemFailures'] });
    }
  });
});

describe('functions', () => {
  it('are four, on Node.js 24, and know their cluster', () => {
    const functions = Object.values(template.findResources('AWS::Lambda::Function')).map(
      ({ Properties }) => Properties,
    );
    expect(functions).toHaveLength(4);
    for (const { Runtime, Handler, Environment } of functions) {
      expect({ Runtime, Handler }).toEqual({ Runtime: 'nodejs24.x', Handler: 'index.handler' });
      expect(Environment.Variables.SYNKTI_CLUSTER).toBe('web');
    }
  });

  it('sweep every five minutes, without retries, or as often as is wished', () => {
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(5 minutes)' });
    synth({ failover: { sweepPeriod: Duration.minutes(1) } }).template.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(1 minute)',
    });
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 0 });
  });

  it('know of a lease where there is one, and of none otherwise', () => {
    const leased = synth({ lease: Duration.minutes(20) });
    leased.template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: {
          SYNKTI_CLUSTER: 'web',
          SYNKTI_LEASE_MS: '1200000',
          SYNKTI_LEASE_BUCKET: { Ref: Match.stringLikeRegexp('^WebBucket') },
          SYNKTI_STACK_ID: { Ref: 'AWS::StackId' },
        },
      },
    });
    const mentions = (one: Template) => JSON.stringify(one.toJSON()).match(/LEASE_|owner.lease|DeleteStack/g);
    expect(mentions(leased.template)?.length).toBeGreaterThan(3);
    expect(mentions(template)).toBeNull();
    const counts = (one: Template) => Object.keys(one.toJSON().Resources).length;
    expect(counts(leased.template)).toBe(counts(template));
  });

  it('tell a node to drain with a document that does nothing else', () => {
    template.hasResourceProperties('AWS::SSM::Document', {
      DocumentType: 'Command',
      Content: {
        schemaVersion: '2.2',
        mainSteps: [{ inputs: { runCommand: ['systemctl stop --no-block synkti.service'] } }],
      },
    });
  });

  it('keep their logs as long as told, and no longer than the stack', () => {
    const told = synth({ logRetention: logs.RetentionDays.ONE_WEEK }).template.findResources('AWS::Logs::LogGroup');
    expect(Object.values(told)).toHaveLength(4);
    for (const group of Object.values(told)) {
      expect(group).toMatchObject({ DeletionPolicy: 'Delete', Properties: { RetentionInDays: 7 } });
    }
  });
});

/** For each resource everything that stands before it, and so is removed after it. */
function before(one: Template): ReadonlyMap<string, ReadonlySet<string>> {
  const graph = dependencyGraph(parseTemplate(one.toJSON()).resources, () => true);
  const all = new Map<string, Set<string>>();
  const collect = (id: string): Set<string> => {
    const known = all.get(id);
    if (known !== undefined) return known;
    const found = new Set<string>();
    all.set(id, found);
    for (const next of graph.get(id) ?? []) for (const far of [next, ...collect(next)]) found.add(far);
    return found;
  };
  for (const id of graph.keys()) collect(id);
  return all;
}

const only = (ids: Iterable<string>, part: RegExp): string => {
  const found = [...ids].filter((id) => part.test(id));
  if (found.length !== 1) throw new Error(`${part} names ${found.join(', ') || 'nothing'}.`);
  return found[0] ?? '';
};

describe.each(Object.entries(EXAMPLES))('the order of example %s', (_name, make) => {
  const cluster = make(newApp());
  const order = before(Template.fromStack(Stack.of(cluster)));
  const seats = only(order.keys(), /Seats/);
  const contents = only(order.keys(), /Contents/);

  it('makes the seats last, and so ends the nodes first', () => {
    // What others may do with the cluster is their own stack's affair.
    const own = [...order.keys()].filter((id) => id.startsWith(cluster.node.id) && id !== seats);
    expect(own.length).toBeGreaterThan(40);
    expect(own.filter((id) => !order.get(seats)?.has(id))).toEqual([]);
  });

  it('empties the bucket after the last right to write there is gone', () => {
    const writers = [...order.keys()].filter((id) =>
      /(NodePolicy|BucketPolicy)|(Interruption|Ended|Sweep)Policy/.test(id),
    );
    expect(writers).toHaveLength(5);
    for (const id of writers) expect([id, order.get(id)?.has(contents)]).toEqual([id, true]);
    expect([...(order.get(contents) ?? [])].some((id) => /Bucket/.test(id))).toBe(true);
    expect([...(order.get(contents) ?? [])].some((id) => /SeederPolicy/.test(id))).toBe(true);
  });
});

it('nodes wait for the way out of their subnets', () => {
  const order = before(template);
  const routes = [...order.keys()].filter((id) => /PrivateSubnet\dDefaultRoute/.test(id));
  expect(routes).toHaveLength(3);
  for (const route of routes) expect(order.get(only(order.keys(), /Seats/))?.has(route)).toBe(true);
});

it('a change of the spec is a change of the seats', () => {
  const spec = only(Object.keys(template.findResources('AWS::SSM::Parameter')), /Spec/);
  template.hasResourceProperties('Custom::SynktiSeats', { Spec: { 'Fn::GetAtt': [spec, 'Value'] } });
});

describe('the contents of the bucket', () => {
  it('are deleted only where the bucket is', () => {
    template.hasResourceProperties('Custom::SynktiContents', { Empty: true });
    const kept = synth({ removalPolicy: RemovalPolicy.RETAIN }).template;
    kept.hasResourceProperties('Custom::SynktiContents', { Empty: false });
    expect(JSON.stringify(kept.toJSON())).not.toContain('s3:DeleteObject');
  });
});

it('three clusters in one stack have nothing in common', () => {
  const { stack, vpc } = newStack();
  for (let i = 0; i < 3; i++) new SynktiCluster(stack, `C${i}x`, { vpc, workload: WEB, clusterName: `c${i}` });
  const resources = Object.entries(Template.fromStack(stack).toJSON().Resources as object);
  for (const [id, resource] of resources) {
    const own = /^C(\d)x/.exec(id)?.[1];
    if (own === undefined) continue;
    const others = new Set([...JSON.stringify(resource).matchAll(/"C(\d)x/g)].map(([, other]) => other));
    expect([...others].filter((other) => other !== own)).toEqual([]);
  }
});
