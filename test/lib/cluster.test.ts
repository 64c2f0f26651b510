import { aws_ec2 as ec2, Stack, Tags } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { LoadBalancing, SynktiCluster } from '../../lib/index.js';
import { complaints, newApp, newStack, synth, WEB } from './synth.js';

describe('a cluster with its defaults', () => {
  const { template } = synth();

  it('requires IMDSv2 with one hop, and shows a node its tags', () => {
    template.hasResourceProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: {
        MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1, InstanceMetadataTags: 'enabled' },
        InstanceInitiatedShutdownBehavior: 'terminate',
      },
    });
  });

  it('encrypts the volume', () => {
    template.hasResourceProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: { BlockDeviceMappings: [{ Ebs: { Encrypted: true, VolumeType: 'gp3' } }] },
    });
  });

  it.each(['volume', 'network-interface'])('tags each %s with its cluster', (ResourceType) => {
    template.hasResourceProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: {
        TagSpecifications: Match.arrayWith([
          { ResourceType, Tags: Match.arrayWith([{ Key: 'synkti:cluster', Value: 'web' }]) },
        ]),
      },
    });
  });

  it('opens the gossip to the nodes alone', () => {
    for (const IpProtocol of ['udp', 'tcp']) {
      template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
        IpProtocol,
        FromPort: 7946,
        ToPort: 7946,
        SourceSecurityGroupId: Match.anyValue(),
        CidrIp: Match.absent(),
      });
    }
  });

  it('keeps its bucket private', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  it('checks targets every 5 s and lets them go after 30 s', () => {
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', {
      Port: 8080,
      TargetType: 'instance',
      HealthCheckIntervalSeconds: 5,
      HealthCheckPath: '/health',
      TargetGroupAttributes: Match.arrayWith([{ Key: 'deregistration_delay.timeout_seconds', Value: '30' }]),
    });
  });

  it('has at most 60 resources besides the VPC', () => {
    const own = Object.keys(template.toJSON().Resources).filter((id) => id.startsWith('Web'));
    expect(own.length).toBeGreaterThan(10);
    expect(own.length).toBeLessThanOrEqual(60);
  });
});

it('an instance gets from the template the tags of the app, but none that every launch request gives it', () => {
  const { stack, vpc } = newStack();
  new SynktiCluster(stack, 'Web', { vpc, workload: WEB });
  Tags.of(stack).add('cost:center', '42');
  const [template] = Object.values(Template.fromStack(stack).findResources('AWS::EC2::LaunchTemplate'));
  const specifications: readonly { ResourceType: string; Tags: readonly { Key: string }[] }[] =
    template?.Properties.LaunchTemplateData.TagSpecifications;
  const keys = (type: string) =>
    specifications
      .filter(({ ResourceType }) => ResourceType === type)
      .flatMap(({ Tags }) => Tags.map(({ Key }) => Key));
  expect(keys('instance')).toEqual(['cost:center']);
  expect(keys('volume')).toEqual(['cost:center', 'Name', 'synkti:cluster', 'synkti:epoch']);
  expect(keys('network-interface')).toEqual(keys('volume'));
});

it('works in a stack whose Region only the deployment knows', () => {
  const stack = new Stack(newApp(), 'Anywhere');
  new SynktiCluster(stack, 'Web', { vpc: new ec2.Vpc(stack, 'Vpc'), workload: WEB });
  expect(complaints(stack)).toEqual([]);
  Template.fromStack(stack).resourceCountIs('AWS::EC2::LaunchTemplate', 1);
});

it('makes no load balancer when none is wanted', () => {
  const { template } = synth({ loadBalancing: LoadBalancing.none() });
  template.resourceCountIs('AWS::ElasticLoadBalancingV2::LoadBalancer', 0);
  template.resourceCountIs('AWS::ElasticLoadBalancingV2::TargetGroup', 0);
});
