/**
 * What a workload of tasks brings into the template: rights of the nodes, rights of those who submit, and the life of
 * what lies under `tasks/` in the bucket. core/tasks/keys.ts says what that is.
 */
import { Duration, aws_iam as iam, type aws_s3 as s3 } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { ISynktiCluster } from './cluster-props.js';
import { pullRights } from './node-rights.js';
import { acknowledgeWildcards, type Right } from './policy.js';
import type { TasksOptions } from './tasks-options.js';

/** Everything of the queue lies under it. */
const TASKS = 'tasks/';
/** What is kept of ended tasks: their records, poison tasks with their logs, long logs. */
const KEPT: readonly string[] = ['tasks/ended/', 'tasks/failed/', 'tasks/logs/'];
const KEEP_ENDED = Duration.days(90);

/** What nodes may do for tasks. That something isn't there they see by their right `SeeAbsence`. */
export const taskRights = (bucket: s3.IBucket, options: TasksOptions): readonly Right[] => [
  {
    statement: new iam.PolicyStatement({
      sid: 'Tasks',
      actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      resources: [bucket.arnForObjects(`${TASKS}*`)],
    }),
    wildcards: 'One lease a task, its checkpoints and its record.',
  },
  ...(options.dataBuckets ?? []).flatMap(readRights),
  ...(options.images ?? []).flatMap(({ repository }) => pullRights(repository)),
];

/** A whole bucket, but only to read: which part of it a task needs is known when it is submitted. */
const readRights = (bucket: s3.IBucket): readonly Right[] => [
  {
    statement: new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: [bucket.arnForObjects('*')] }),
    wildcards: 'Tasks name the data that they need when they are submitted.',
  },
  { statement: new iam.PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }) },
  ...(bucket.encryptionKey === undefined
    ? []
    : [
        {
          statement: new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [bucket.encryptionKey.keyArn] }),
        },
      ]),
];

/**
 * Ended tasks go after a while. A lease is overwritten several times a minute: where the bucket keeps versions (of
 * models), those of tasks go the next day, and delete markers with them, which would make listings slow.
 */
export function expireTasks(bucket: s3.Bucket, options: TasksOptions): void {
  const days = (options.keepEnded ?? KEEP_ENDED).toDays({ integral: false });
  const expiration = Duration.days(Math.max(1, Math.ceil(days)));
  for (const prefix of KEPT) bucket.addLifecycleRule({ prefix, expiration });
  bucket.addLifecycleRule({
    prefix: TASKS,
    noncurrentVersionExpiration: Duration.days(1),
    expiredObjectDeleteMarker: true,
  });
}

/**
 * Exactly what `synkti submit` and `synkti tasks` ask for. docs/tasks.md says which call needs which statement. The
 * wildcards under `tasks/` are acknowledged for cdk-nag where the grantee is a construct; that of the last one isn't,
 * since it would hide others.
 */
export function grantSubmit(cluster: ISynktiCluster, grantee: iam.IGrantable): iam.Grant {
  const { bucket, specParameter } = cluster;
  const objects = (...prefixes: readonly string[]): string[] => prefixes.map((p) => bucket.arnForObjects(`${p}*`));
  const inTasks = { StringLike: { 's3:prefix': `${TASKS}*` } };
  const reads = objects(TASKS);
  const puts = objects('tasks/open/', 'tasks/lease/', 'tasks/ended/');
  const deletes = objects('tasks/open/', 'tasks/checkpoints/');
  const allow = (actions: string[], resourceArns: string[], more: Partial<iam.CommonGrantOptions> = {}): iam.Grant =>
    iam.Grant.addToPrincipal({ grantee, actions, resourceArns, ...more });
  const { grantPrincipal } = grantee;
  if (Construct.isConstruct(grantPrincipal)) {
    acknowledgeWildcards(grantPrincipal, [...reads, ...puts, ...deletes], 'Tasks have the names that users give them.');
  }
  return [
    allow(['ssm:GetParameter'], [specParameter.parameterArn]),
    allow(['s3:ListBucket'], [bucket.bucketArn], { conditions: inTasks }),
    allow(['s3:GetObject'], reads),
    allow(['s3:PutObject'], puts),
    allow(['s3:DeleteObject'], deletes),
    allow(['ec2:DescribeInstanceTypes', 'ec2:DescribeSpotPriceHistory'], ['*']),
  ].reduce((all, one) => all.combine(one));
}
