import { aws_ec2 as ec2, aws_s3 as s3 } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { expect, it } from 'vitest';
import { SynktiCluster } from '../../lib/index.js';
import { newApp, newStack, synth } from './synth.js';

it('another stack finds a cluster by its name', () => {
  const { stack } = newStack(newApp(), 'Other');
  const cluster = SynktiCluster.fromClusterName(stack, 'Web', 'web');
  cluster.connections.allowFrom(ec2.Peer.ipv4('10.1.0.0/16'), ec2.Port.tcp(8080));
  new s3.Bucket(stack, 'Data').grantRead(cluster);
  expect(cluster.specParameter.parameterName).toBe('/synkti/web/spec');

  const template = Template.fromStack(stack);
  template.hasParameter('*', { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/synkti/web/attributes' });
  const attribute = (index: number) => ({
    'Fn::Select': [index, { 'Fn::Split': [',', { Ref: Match.stringLikeRegexp('attributes') }] }],
  });
  template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', { GroupId: attribute(2), FromPort: 8080 });
  template.hasResourceProperties('AWS::IAM::Policy', {
    Roles: [{ 'Fn::Select': [1, { 'Fn::Split': ['/', Match.anyValue()] }] }],
  });
});

it('a cluster writes what others find it by', () => {
  synth().template.hasResourceProperties('AWS::SSM::Parameter', {
    Name: '/synkti/web/attributes',
    Value: {
      'Fn::Join': [
        '',
        [
          { Ref: Match.stringLikeRegexp('^WebBucket') },
          ',',
          { 'Fn::GetAtt': [Match.stringLikeRegexp('^WebNodeRole'), 'Arn'] },
          ',',
          { 'Fn::GetAtt': [Match.stringLikeRegexp('^WebSecurityGroup'), 'GroupId'] },
        ],
      ],
    },
  });
});
