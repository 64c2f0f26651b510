import { aws_certificatemanager as acm, aws_ec2 as ec2, aws_elasticloadbalancingv2 as elbv2 } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
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
