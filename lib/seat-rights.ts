/**
 * What everybody needs who fills seats, nodes and functions alike: they send the same launch request. Nothing can be
 * launched but a node of this cluster, from its launch template, with its tags.
 */
import { type aws_ec2 as ec2, aws_iam as iam, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { SynktiCluster } from './cluster.js';
import { specParameterName, TAG_CLUSTER, TAG_EPOCH } from './names.js';
import type { Right } from './policy.js';
import { epoch } from './spec-json.js';

/** @param looks actions of EC2 that only look, beyond the one that finds the cluster's nodes */
export const seatRights = (
  cluster: SynktiCluster,
  subnets: readonly ec2.ISubnet[],
  looks: readonly string[] = [],
): readonly Right[] => [
  ...launchRights(cluster, subnets),
  {
    statement: new iam.PolicyStatement({
      sid: 'Look',
      actions: ['ec2:DescribeInstances', ...looks],
      resources: ['*'],
    }),
    wildcards: 'EC2 has no narrower right to look, and looking changes nothing.',
  },
  {
    statement: new iam.PolicyStatement({
      sid: 'Hints',
      actions: ['s3:GetObject', 's3:PutObject'],
      resources: [cluster.bucket.arnForObjects('seats/*')],
    }),
    wildcards: 'One hint a slot.',
  },
  {
    // Without it S3 answers 403, not 404, when an object isn't there.
    statement: new iam.PolicyStatement({
      sid: 'SeeAbsence',
      actions: ['s3:ListBucket'],
      resources: [cluster.bucket.bucketArn],
    }),
  },
  {
    statement: new iam.PolicyStatement({
      sid: 'ReadSpec',
      actions: ['ssm:GetParameter'],
      resources: [specParameterArn(cluster)],
    }),
  },
];

function launchRights(cluster: SynktiCluster, subnets: readonly ec2.ISubnet[]): readonly Right[] {
  const made = ['fleet', 'instance', 'volume', 'network-interface'].map((kind) => ec2Arn(cluster, kind, '*'));
  const ofCluster = tagsOf(cluster, 'aws:RequestTag');
  const actions = ['ec2:CreateFleet', 'ec2:RunInstances'];
  return [
    {
      statement: new iam.PolicyStatement({
        sid: 'LaunchInto',
        actions,
        resources: made,
        conditions: { StringEquals: ofCluster },
      }),
      wildcards: "What is launched has no id before; it must carry the cluster's tags.",
    },
    {
      statement: new iam.PolicyStatement({
        sid: 'LaunchWith',
        actions,
        resources: [
          ec2Arn(cluster, 'launch-template', cluster.launchTemplate.launchTemplateId ?? ''),
          ...subnets.map(({ subnetId }) => ec2Arn(cluster, 'subnet', subnetId)),
          ec2Arn(cluster, 'security-group', cluster.securityGroup.securityGroupId),
          // A template that on-demand launches share can't tag it; it starts nothing without the instance, which
          // must carry the tags.
          ec2Arn(cluster, 'spot-instances-request', '*'),
          // An image is its publisher's, so its ARN has no account, and the template names the one.
          Stack.of(cluster).formatArn({ service: 'ec2', account: '', resource: 'image', resourceName: '*' }),
        ],
      }),
      wildcards: 'A spot request has no id before, and the image is the one of the launch template.',
    },
    {
      statement: new iam.PolicyStatement({
        sid: 'TagAtLaunch',
        actions: ['ec2:CreateTags'],
        resources: made,
        conditions: { StringEquals: { 'ec2:CreateAction': ['CreateFleet', 'RunInstances'], ...ofCluster } },
      }),
      wildcards: 'Tags may be set only in the launch itself.',
    },
    {
      statement: new iam.PolicyStatement({
        sid: 'PassNodeRole',
        actions: ['iam:PassRole'],
        resources: [cluster.role.roleArn],
        conditions: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
      }),
    },
  ];
}

/** The cluster's two tags as conditions, such as of `aws:ResourceTag`. */
export const tagsOf = (cluster: SynktiCluster, key: string): Record<string, string> => ({
  [`${key}/${TAG_CLUSTER}`]: cluster.clusterName,
  [`${key}/${TAG_EPOCH}`]: epoch(Stack.of(cluster)),
});

/** By name: the parameter is written after the rights of those who read it. */
export const specParameterArn = (cluster: SynktiCluster): string =>
  Stack.of(cluster).formatArn({
    service: 'ssm',
    resource: 'parameter',
    resourceName: specParameterName(cluster.clusterName).slice(1),
  });

export const ec2Arn = (scope: Construct, resource: string, resourceName: string): string =>
  Stack.of(scope).formatArn({ service: 'ec2', resource, resourceName });
