import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { LoadBalancing } from '../../lib/index.js';
import { synth } from './synth.js';

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

  it.each(['instance', 'volume', 'network-interface'])('tags each %s with its cluster', (ResourceType) => {
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

it('makes no load balancer when none is wanted', () => {
  const { template } = synth({ loadBalancing: LoadBalancing.none() });
  template.resourceCountIs('AWS::ElasticLoadBalancingV2::LoadBalancer', 0);
  template.resourceCountIs('AWS::ElasticLoadBalancingV2::TargetGroup', 0);
});
