/**
 * What a node may do besides filling seats, statement by statement. It ends and tags only itself, and registers with its
 * own target groups. docs/construct.md says which call needs which statement.
 */
import { type aws_ec2 as ec2, type aws_ecr as ecr, aws_iam as iam, type aws_s3 as s3 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { SynktiCluster } from './cluster.js';
import { TAG_HEARS, TAG_STATE, TAG_WAITING } from './names.js';
import type { Right } from './policy.js';
import { ec2Arn, seatRights } from './seat-rights.js';

/** Everything that every node may do, whatever its workloads. */
export const nodeRights = (cluster: SynktiCluster, subnets: readonly ec2.ISubnet[]): readonly Right[] => [
  ...seatRights(cluster, subnets, ['ec2:DescribeInstanceStatus']),
  ...ownInstanceRights(cluster),
  ...hearDrainRights(cluster),
  reportsRight(cluster.bucket),
  {
    statement: new iam.PolicyStatement({
      sid: 'ReadGossipKey',
      actions: ['secretsmanager:GetSecretValue'],
      resources: [cluster.gossipKey.secretArn],
    }),
  },
];

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
        conditions: { ...itself, 'ForAllValues:StringEquals': { 'aws:TagKeys': [TAG_STATE, TAG_WAITING, TAG_HEARS] } },
      }),
      wildcards,
    },
  ];
}

/**
 * SSM's agent on a node signs on and waits for the drain document. Without the data channel nobody gets a shell.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
 */
function hearDrainRights(scope: Construct): readonly Right[] {
  const instances = ec2Arn(scope, 'instance', '*');
  const conditions = { ArnLike: { 'ec2:SourceInstanceARN': instances } };
  return [
    {
      statement: new iam.PolicyStatement({
        sid: 'SignOn',
        actions: ['ssm:UpdateInstanceInformation'],
        resources: [instances],
        conditions,
      }),
      wildcards: "Only from an instance with this role; what it tells of itself is that SSM's agent runs.",
    },
    {
      statement: new iam.PolicyStatement({
        sid: 'HearDrain',
        actions: ['ssmmessages:CreateControlChannel', 'ssmmessages:OpenControlChannel'],
        resources: ['*'],
        conditions,
      }),
      wildcards: 'A channel to listen on has no ARN; listening changes nothing.',
    },
  ];
}

/** Reports are only written. */
const reportsRight = (bucket: s3.IBucket): Right => ({
  statement: new iam.PolicyStatement({
    sid: 'Reports',
    actions: ['s3:PutObject'],
    resources: REPORT_PREFIXES.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
  }),
  wildcards: 'One report an incident, and the last words of each node.',
});

/** Where agents write what happened, in the cluster's bucket. */
export const REPORT_PREFIXES: readonly string[] = ['incidents/', 'last-words/'];
