import {
  aws_certificatemanager as acm,
  type aws_cloudwatch as cloudwatch,
  aws_ec2 as ec2,
  aws_elasticloadbalancingv2 as elbv2,
  type Stack,
  aws_sns as sns,
} from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import type { MetricName } from '../../lambda/telemetry.js';
import { LoadBalancing, SynktiCluster, Workload } from '../../lib/index.js';
import { newStack, synth, WEB } from './synth.js';

const API = Workload.container({ name: 'api', image: 'x', port: 9000, healthCheck: { path: '/up' } });

/** From which security groups the nodes take requests on a port. */
const sources = (template: Template, port: number): readonly unknown[] =>
  Object.values(template.findResources('AWS::EC2::SecurityGroupIngress', { Properties: { FromPort: port } })).map(
    ({ Properties }) => Properties.SourceSecurityGroupId,
  );

describe('a load balancer of its own', () => {
  it('takes requests from its VPC alone by default', () => {
    const { template } = synth();
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', { Scheme: 'internal' });
    template.hasResourceProperties('AWS::EC2::SecurityGroup', {
      SecurityGroupIngress: [
        Match.objectLike({ FromPort: 80, CidrIp: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Vpc'), 'CidrBlock'] } }),
      ],
    });
    expect(sources(template, 8080)).toHaveLength(1);
  });

  it('writes its log into the bucket, where only it may', () => {
    const { template } = synth();
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', {
      LoadBalancerAttributes: Match.arrayWith([
        { Key: 'access_logs.s3.enabled', Value: 'true' },
        { Key: 'access_logs.s3.bucket', Value: { Ref: Match.stringLikeRegexp('^WebBucket') } },
      ]),
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Action: 's3:PutObject',
            Principal: { Service: 'logdelivery.elasticloadbalancing.amazonaws.com' },
          }),
        ]),
      },
    });
  });

  it('speaks HTTPS and sends HTTP there when it has a certificate', () => {
    const { stack, vpc } = newStack();
    const certificate = acm.Certificate.fromCertificateArn(stack, 'C', 'arn:aws:acm:eu-west-1:1:certificate/a');
    new SynktiCluster(stack, 'Web', {
      vpc,
      workload: WEB,
      loadBalancing: LoadBalancing.ownBalancer({ internetFacing: true, certificates: [certificate] }),
    });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', { Scheme: 'internet-facing' });
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', { Port: 443, Protocol: 'HTTPS' });
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', {
      Port: 80,
      DefaultActions: [Match.objectLike({ Type: 'redirect' })],
    });
  });
});

describe('an existing listener', () => {
  it('gets a rule, and its balancer reaches the nodes', () => {
    const { stack, vpc } = newStack();
    const listener = elbv2.ApplicationListener.fromApplicationListenerAttributes(stack, 'Listener', {
      listenerArn: 'arn:aws:elasticloadbalancing:eu-west-1:1:listener/app/a/b/c',
      securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Balancer', 'sg-1'),
    });
    new SynktiCluster(stack, 'Web', {
      vpc,
      workload: API,
      loadBalancing: LoadBalancing.listener(listener, {
        priority: 7,
        conditions: [elbv2.ListenerCondition.pathPatterns(['/api/*'])],
      }),
    });
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::ElasticLoadBalancingV2::LoadBalancer', 0);
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::ListenerRule', { Priority: 7 });
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', { Port: 9000, HealthCheckPath: '/up' });
    expect(sources(template, 9000)).toEqual(['sg-1']);
  });
});

it('an existing target group is registered in', () => {
  const { stack, vpc } = newStack();
  const arn = 'arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/a/b';
  const targets = elbv2.ApplicationTargetGroup.fromTargetGroupAttributes(stack, 'T', { targetGroupArn: arn });
  const cluster = new SynktiCluster(stack, 'Web', {
    vpc,
    workload: API,
    loadBalancing: LoadBalancing.targetGroup(targets),
  });
  expect(cluster.targetGroups).toEqual([targets]);
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Sid: 'Targets', Resource: arn })]) },
  });
});

describe('several workloads', () => {
  const { stack, vpc } = newStack();
  const cluster = new SynktiCluster(stack, 'Web', { vpc, workload: WEB });
  if (cluster.listener === undefined) throw new Error('The cluster has no listener.');
  cluster.addWorkload(
    API,
    LoadBalancing.listener(cluster.listener, {
      priority: 1,
      conditions: [elbv2.ListenerCondition.pathPatterns(['/api/*'])],
    }),
  );
  cluster.addWorkload(Workload.process({ name: 'worker', command: ['work'] }));
  const template = Template.fromStack(stack);

  it('share the balancer, each with a target group of its own', () => {
    template.resourceCountIs('AWS::ElasticLoadBalancingV2::LoadBalancer', 1);
    template.resourceCountIs('AWS::ElasticLoadBalancingV2::TargetGroup', 2);
    expect(sources(template, 9000)).toEqual(sources(template, 8080));
  });

  it('let the agents register in both groups', () => {
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Sid: 'Targets', Resource: [{ Ref: Match.anyValue() }, { Ref: Match.anyValue() }] }),
        ]),
      },
    });
  });

  it('stand in the spec together', () => {
    const [spec] = Object.values(
      template.findResources('AWS::SSM::Parameter', { Properties: { Tier: 'Intelligent-Tiering' } }),
    );
    const text = JSON.stringify(spec?.Properties.Value).replaceAll('\\"', '"');
    for (const name of ['main', 'api', 'worker']) expect(text).toContain(`"name":"${name}"`);
  });
});

describe('monitoring', () => {
  const withTopic = (stack: Stack) => sns.Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:eu-west-1:1:t');

  it('makes alarms and a dashboard when asked to', () => {
    const { stack, vpc } = newStack();
    new SynktiCluster(stack, 'Web', {
      vpc,
      workload: WEB,
      capacity: { desired: 4 },
      monitoring: { alarmTopic: withTopic(stack), dashboard: true },
    });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'HealthyHostCount',
      Threshold: 4,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
      AlarmActions: ['arn:aws:sns:eu-west-1:1:t'],
    });
    template.resourceCountIs('AWS::CloudWatch::Alarm', 4);
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  });

  it('makes nothing by default', () => {
    const { template } = synth();
    template.resourceCountIs('AWS::CloudWatch::Alarm', 0);
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
  });

  const worker = Workload.process({ command: ['work'] });

  it('of workers is what the sweep counts', () => {
    const { stack, vpc } = newStack();
    const monitoring = { alarmTopic: withTopic(stack), dashboard: true };
    new SynktiCluster(stack, 'Work', { vpc, workload: worker, clusterName: 'work', monitoring });
    const template = Template.fromStack(stack);
    const counted: MetricName = 'EmptySlots';
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'Synkti',
      MetricName: counted,
      Dimensions: [
        { Name: 'cluster', Value: 'work' },
        { Name: 'service', Value: 'sweep' },
      ],
      TreatMissingData: 'breaching',
    });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'ApproximateNumberOfMessagesVisible' });
    template.resourceCountIs('AWS::CloudWatch::Alarm', 2);
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  });

  it('graphs what the functions write', () => {
    const { cluster } = synth();
    const written: readonly MetricName[] = ['EmptySlots', 'ServingSlots', 'FallbackActed'];
    const graphed = [
      cluster.metricEmptySlots(),
      cluster.metricServingSlots(),
      ...Object.values(cluster.metricFallbackActed().usingMetrics).slice(0, 1),
    ].map((metric) => (metric as cloudwatch.Metric).metricName);
    expect(graphed).toEqual(written);
  });

  it('says what it needs', () => {
    expect(() => synth({ workload: worker }).cluster.metricHealthyNodes()).toThrow(/give its workload a port/);
  });
});
