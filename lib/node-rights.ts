/**
 * What a node may do, statement by statement. A node launches successors into its own cluster only, ends and tags only
 * itself, and registers with its own target groups. docs/construct.md says which call needs which statement.
 */
import { type aws_ec2 as ec2, type aws_ecr as ecr, aws_iam as iam, Stack, type aws_s3 as s3 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { SynktiCluster } from './cluster.js';
import { specParameterName, TAG_CLUSTER, TAG_EPOCH, TAG_STATE } from './names.js';
import type { Right } from './policy.js';
import { epoch } from './spec-json.js';

/** Everything that every node may do, whatever its workloads. */
export function nodeRights(
  cluster: SynktiCluster,
  launchTemplate: ec2.LaunchTemplate,
  subnets: readonly ec2.ISubnet[],
): readonly Right[] {
  return [
    ...launchRights(cluster, {
      cluster: cluster.clusterName,
      epoch: epoch(Stack.of(cluster)),
      templateId: launchTemplate.launchTemplateId ?? '',
      subnetIds: subnets.map((subnet) => subnet.subnetId),
      securityGroupId: cluster.securityGroup.securityGroupId,
      nodeRoleArn: cluster.role.roleArn,
    }),
    ...ownInstanceRights(cluster),
    lookRight(),
    ...bucketRights(cluster.bucket),
    {
      statement: new iam.PolicyStatement({
        sid: 'ReadSpec',
        actions: ['ssm:GetParameter'],
        // By name: the parameter is written after the rights of those who read it.
        resources: [specParameterArn(cluster)],
      }),
    },
    {
      statement: new iam.PolicyStatement({
        sid: 'ReadGossipKey',
        actions: ['secretsmanager:GetSecretValue'],
        resources: [cluster.gossipKey.secretArn],
      }),
    },
  ];
}

/** Its resources are added with each workload that has a target group. */
export const targetsRight = (): iam.PolicyStatement =>
  new iam.PolicyStatement({
    sid: 'Targets',
    actions: ['elasticloadbalancing:RegisterTargets', 'elasticloadbalancing:DeregisterTargets'],
  });

/** Pulling images from a private repository. */
export const pullRights = (repository: ecr.IRepository): readonly Right[] => [
  {
    statement: new iam.PolicyStatement({
      actions: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      resources: [repository.repositoryArn],
    }),
  },
  {
    statement: new iam.PolicyStatement({ actions: ['ecr:GetAuthorizationToken'], resources: ['*'] }),
    wildcards: 'A login to ECR is for no repository; it changes nothing.',
  },
];

interface LaunchScope {
  readonly cluster: string;
  readonly epoch: string;
  readonly templateId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupId: string;
  readonly nodeRoleArn: string;
}

/** Launching a node of this cluster: what an agent needs, and whoever else fills seats. */
function launchRights(scope: Construct, launch: LaunchScope): readonly Right[] {
  const made = ['fleet', 'instance', 'volume', 'network-interface'].map((kind) => ec2Arn(scope, kind, '*'));
  const ofCluster = {
    [`aws:RequestTag/${TAG_CLUSTER}`]: launch.cluster,
    [`aws:RequestTag/${TAG_EPOCH}`]: launch.epoch,
  };
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
          ec2Arn(scope, 'launch-template', launch.templateId),
          ...launch.subnetIds.map((id) => ec2Arn(scope, 'subnet', id)),
          ec2Arn(scope, 'security-group', launch.securityGroupId),
          // A template that on-demand launches share can't tag it; it starts nothing without the instance, which
          // must carry the tags.
          ec2Arn(scope, 'spot-instances-request', '*'),
          // An image is its publisher's, so its ARN has no account, and the template names the one.
          Stack.of(scope).formatArn({ service: 'ec2', account: '', resource: 'image', resourceName: '*' }),
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
        resources: [launch.nodeRoleArn],
        conditions: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
      }),
    },
  ];
}

/** A node's end and its tags are its own affair, and nobody else's. */
function ownInstanceRights(scope: Construct): readonly Right[] {
  const resources = [ec2Arn(scope, 'instance', '*')];
  // The caller's instance must be the one that is acted on. (`aws:ARN` for the latter is seen in the wild, but is no key
  // that IAM documents.)
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable of IAM
  const itself = { ArnEquals: { 'ec2:SourceInstanceARN': ec2Arn(scope, 'instance', '${ec2:InstanceID}') } };
  const wildcards = 'The condition leaves one instance: the caller itself.';
  return [
    {
      statement: new iam.PolicyStatement({
        sid: 'EndItself',
        actions: ['ec2:TerminateInstances'],
        resources,
        conditions: itself,
      }),
      wildcards,
    },
    {
      statement: new iam.PolicyStatement({
        sid: 'TagItself',
        actions: ['ec2:CreateTags'],
        resources,
        conditions: { ...itself, 'ForAllValues:StringEquals': { 'aws:TagKeys': [TAG_STATE] } },
      }),
      wildcards,
    },
  ];
}

const lookRight = (): Right => ({
  statement: new iam.PolicyStatement({
    sid: 'Look',
    actions: ['ec2:DescribeInstances', 'ec2:DescribeInstanceStatus'],
    resources: ['*'],
  }),
  wildcards: 'EC2 has no narrower right to look, and looking changes nothing.',
});

/** Hints are read and written; reports are only written. */
function bucketRights(bucket: s3.IBucket): readonly Right[] {
  return [
    {
      statement: new iam.PolicyStatement({
        sid: 'Hints',
        actions: ['s3:GetObject', 's3:PutObject'],
        resources: [bucket.arnForObjects('seats/*')],
      }),
      wildcards: 'One hint a slot.',
    },
    {
      statement: new iam.PolicyStatement({
        sid: 'Reports',
        actions: ['s3:PutObject'],
        resources: REPORT_PREFIXES.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
      }),
      wildcards: 'One report an incident, and the last words of each node.',
    },
    {
      // Without it S3 answers 403, not 404, when an object isn't there.
      statement: new iam.PolicyStatement({
        sid: 'SeeAbsence',
        actions: ['s3:ListBucket'],
        resources: [bucket.bucketArn],
      }),
    },
  ];
}

/** Where agents write what happened, in the cluster's bucket. */
export const REPORT_PREFIXES: readonly string[] = ['incidents/', 'last-words/'];

const specParameterArn = (cluster: SynktiCluster): string =>
  Stack.of(cluster).formatArn({
    service: 'ssm',
    resource: 'parameter',
    resourceName: specParameterName(cluster.clusterName).slice(1),
  });

const ec2Arn = (scope: Construct, resource: string, resourceName: string): string =>
  Stack.of(scope).formatArn({ service: 'ec2', resource, resourceName });
