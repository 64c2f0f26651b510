/**
 * What a node may do, statement by statement. A node launches successors into its own cluster only, ends and tags only
 * itself, and registers with its own target groups.
 */
import { aws_iam as iam, Stack, type aws_s3 as s3 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { TAG_CLUSTER, TAG_EPOCH, TAG_STATE } from './names.js';

export interface LaunchScope {
  readonly cluster: string;
  readonly epoch: string;
  readonly templateId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  readonly nodeRoleArn: string;
}

/** Launching a node of this cluster: what an agent needs, and whoever else fills seats. */
export function launchStatements(scope: Construct, launch: LaunchScope): iam.PolicyStatement[] {
  const ec2Arn = ec2ArnOf(scope);
  const clusterTags = {
    [`aws:RequestTag/${TAG_CLUSTER}`]: launch.cluster,
    [`aws:RequestTag/${TAG_EPOCH}`]: launch.epoch,
  };
  const launches = ['ec2:CreateFleet', 'ec2:RunInstances'];
  return [
    new iam.PolicyStatement({
      sid: 'LaunchOwnThings',
      actions: launches,
      resources: ['fleet/*', 'instance/*', 'volume/*', 'network-interface/*'].map(ec2Arn),
      conditions: { StringEquals: clusterTags },
    }),
    new iam.PolicyStatement({
      sid: 'LaunchWith',
      actions: launches,
      resources: [
        ec2Arn(`launch-template/${launch.templateId}`),
        ...launch.subnetIds.map((id) => ec2Arn(`subnet/${id}`)),
        ...launch.securityGroupIds.map((id) => ec2Arn(`security-group/${id}`)),
        // It can't be tagged through a template that on-demand launches use too; a spot request launches nothing
        // without the instance, which must carry the cluster's tags.
        ec2Arn('spot-instances-request/*'),
        // An image belongs to its publisher: no account in its ARN.
        Stack.of(scope).formatArn({ service: 'ec2', account: '', resource: 'image', resourceName: '*' }),
      ],
    }),
    new iam.PolicyStatement({
      sid: 'TagAtLaunch',
      actions: ['ec2:CreateTags'],
      resources: ['fleet/*', 'instance/*', 'volume/*', 'network-interface/*'].map(ec2Arn),
      conditions: { StringEquals: { 'ec2:CreateAction': ['CreateFleet', 'RunInstances'], ...clusterTags } },
    }),
    new iam.PolicyStatement({
      sid: 'PassNodeRole',
      actions: ['iam:PassRole'],
      resources: [launch.nodeRoleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    }),
  ];
}

/** A node's end and its tags are its own affair, and nobody else's. */
export function ownInstanceStatements(scope: Construct): iam.PolicyStatement[] {
  const resources = [ec2ArnOf(scope)('instance/*')];
  // `ec2:SourceInstanceARN` is the caller's instance; it can stand in a condition, not in `Resource`.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable of IAM
  const itself = { 'aws:ARN': '${ec2:SourceInstanceARN}' };
  return [
    new iam.PolicyStatement({
      sid: 'EndItself',
      actions: ['ec2:TerminateInstances'],
      resources,
      conditions: { StringEquals: itself },
    }),
    new iam.PolicyStatement({
      sid: 'TagItself',
      actions: ['ec2:CreateTags'],
      resources,
      conditions: { StringEquals: itself, 'ForAllValues:StringEquals': { 'aws:TagKeys': [TAG_STATE] } },
    }),
  ];
}

/** EC2 has no narrower right to look. */
export const describeStatement = (): iam.PolicyStatement =>
  new iam.PolicyStatement({
    sid: 'Look',
    actions: ['ec2:DescribeInstances', 'ec2:DescribeInstanceStatus'],
    resources: ['*'],
  });

export const targetsStatement = (targetGroupArns: readonly string[]): iam.PolicyStatement =>
  new iam.PolicyStatement({
    sid: 'Targets',
    actions: ['elasticloadbalancing:RegisterTargets', 'elasticloadbalancing:DeregisterTargets'],
    resources: [...targetGroupArns],
  });

/** Hints are read and written; incidents and last words only written. */
export function bucketStatements(bucket: s3.IBucket): iam.PolicyStatement[] {
  return [
    new iam.PolicyStatement({
      sid: 'Hints',
      actions: ['s3:GetObject', 's3:PutObject'],
      resources: [bucket.arnForObjects('seats/*')],
    }),
    new iam.PolicyStatement({
      sid: 'Reports',
      actions: ['s3:PutObject'],
      resources: [bucket.arnForObjects('incidents/*'), bucket.arnForObjects('last-words/*')],
    }),
    // Without it S3 answers 403, not 404, when an object isn't there.
    new iam.PolicyStatement({ sid: 'SeeAbsence', actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }),
  ];
}

const ec2ArnOf =
  (scope: Construct) =>
  (resource: string): string => {
    const [kind, name] = resource.split('/', 2);
    return Stack.of(scope).formatArn({ service: 'ec2', resource: kind ?? '', resourceName: name ?? '' });
  };
