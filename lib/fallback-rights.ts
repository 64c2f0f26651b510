/**
 * What each function of the fallback may do besides filling seats and writing its log. docs/construct.md says which call
 * needs which statement.
 */
import { aws_iam as iam, Stack, type aws_ssm as ssm } from 'aws-cdk-lib';
import type { SynktiCluster } from './cluster.js';
import { LEASE_KEY } from './names.js';
import type { Right } from './policy.js';
import { ec2Arn, specParameterArn, tagsOf } from './seat-rights.js';

/** Telling an agent to drain: with this one document, on nodes of this cluster. */
export const drainRights = (cluster: SynktiCluster, document: ssm.CfnDocument): readonly Right[] => [
  {
    statement: new iam.PolicyStatement({
      sid: 'SendDrain',
      actions: ['ssm:SendCommand'],
      resources: [Stack.of(cluster).formatArn({ service: 'ssm', resource: 'document', resourceName: document.ref })],
    }),
  },
  {
    statement: new iam.PolicyStatement({
      sid: 'SendToNodes',
      actions: ['ssm:SendCommand'],
      resources: [ec2Arn(cluster, 'instance', '*')],
      conditions: { StringEquals: tagsOf(cluster, 'ssm:resourceTag') },
    }),
    wildcards: OF_CLUSTER,
  },
];

/** Ending nodes. */
export const endRights = (cluster: SynktiCluster): readonly Right[] => [
  {
    statement: new iam.PolicyStatement({
      sid: 'EndNodes',
      actions: ['ec2:TerminateInstances'],
      resources: [ec2Arn(cluster, 'instance', '*')],
      conditions: { StringEquals: tagsOf(cluster, 'aws:ResourceTag') },
    }),
    wildcards: OF_CLUSTER,
  },
];

/** Removing what nodes left behind; EC2 refuses what is in use. */
export const leftoverRights = (cluster: SynktiCluster): readonly Right[] => [
  {
    statement: new iam.PolicyStatement({
      sid: 'RemoveLeftovers',
      actions: ['ec2:DeleteVolume', 'ec2:DeleteNetworkInterface'],
      resources: [ec2Arn(cluster, 'volume', '*'), ec2Arn(cluster, 'network-interface', '*')],
      conditions: { StringEquals: tagsOf(cluster, 'aws:ResourceTag') },
    }),
    wildcards: OF_CLUSTER,
  },
];

/** Actions that find leftovers. */
export const LOOK_FOR_LEFTOVERS: readonly string[] = ['ec2:DescribeVolumes', 'ec2:DescribeNetworkInterfaces'];

/** Actions that find instance types by what they have. */
export const LOOK_FOR_TYPES: readonly string[] = [
  'ec2:GetInstanceTypesFromInstanceRequirements',
  'ec2:DescribeInstanceTypes',
  'ec2:DescribeInstanceTypeOfferings',
];

/** Reading how a node's end went, and writing the incident of a node that couldn't. */
export const incidentRights = (cluster: SynktiCluster): readonly Right[] => [
  {
    statement: new iam.PolicyStatement({
      sid: 'Reports',
      actions: ['s3:GetObject', 's3:PutObject'],
      resources: [cluster.bucket.arnForObjects('incidents/*')],
    }),
    wildcards: 'One report an incident.',
  },
];

/** Taking the wish back, so that agents fill no seat while the cluster is deleted. */
export const takeBackRights = (cluster: SynktiCluster): readonly Right[] => [
  {
    statement: new iam.PolicyStatement({
      sid: 'TakeBack',
      actions: ['ssm:PutParameter'],
      resources: [specParameterArn(cluster)],
    }),
  },
];

/** Looking at the lease, and deleting the stack when it ran out; with the stack's service role, which isn't passed on. */
export const leaseRights = (cluster: SynktiCluster): readonly Right[] => [
  {
    statement: new iam.PolicyStatement({
      sid: 'Lease',
      actions: ['s3:GetObject', 's3:PutObject'],
      resources: [cluster.bucket.arnForObjects(LEASE_KEY)],
    }),
  },
  {
    statement: new iam.PolicyStatement({
      sid: 'EndStack',
      actions: ['cloudformation:DeleteStack'],
      resources: [Stack.of(cluster).stackId],
    }),
  },
];

/** Emptying the cluster's own bucket before it is deleted. */
export const emptyingRights = (cluster: SynktiCluster): readonly Right[] => [
  {
    statement: new iam.PolicyStatement({
      sid: 'ListVersions',
      actions: ['s3:ListBucketVersions'],
      resources: [cluster.bucket.bucketArn],
    }),
  },
  {
    statement: new iam.PolicyStatement({
      sid: 'EmptyBucket',
      actions: ['s3:DeleteObject', 's3:DeleteObjectVersion'],
      resources: [cluster.bucket.arnForObjects('*')],
    }),
    wildcards: "Everything in the cluster's own bucket goes with it, as removalPolicy says.",
  },
];

const OF_CLUSTER = 'Ids come and go; the condition leaves what carries the tags of this cluster.';
