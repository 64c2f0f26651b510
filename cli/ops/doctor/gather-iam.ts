/** Service-linked roles, and what the node's role may do, by IAM's own simulation: nothing is called for it. */
import {
  type ContextEntry,
  GetInstanceProfileCommand,
  GetRoleCommand,
  SimulatePrincipalPolicyCommand,
} from '@aws-sdk/client-iam';
import { classify } from '../../../aws/errors.js';
import { TAG } from '../../../core/seats/tags.js';
import type { Spec } from '../../../core/spec/spec.js';
import type { Session } from '../../aws/session.js';
import { inParallel } from '../../parallel.js';
import type { Fact, Simulated } from './facts.js';
import { FLEET_ROLE, SPOT_ROLE } from './machine-checks.js';

export async function readRoles(session: Session): Promise<{ readonly name: string; readonly there: boolean }[]> {
  const iam = await session.client('iam');
  return inParallel([SPOT_ROLE, FLEET_ROLE], async (name) => {
    try {
      await iam.send(new GetRoleCommand({ RoleName: name }));
      return { name, there: true };
    } catch (error) {
      if (/^NoSuchEntity/.test(classify(error).code)) return { name, there: false };
      throw error;
    }
  });
}

interface Ask {
  readonly action: string;
  readonly resource: string;
  readonly context: readonly ContextEntry[];
}

/** What agents do, each with what the condition of its statement looks at. */
export function asksOf(spec: Spec, account: string, region: string, roleArn: string): Ask[] {
  const partition = /^arn:(aws[a-z-]*):/.exec(roleArn)?.[1] ?? 'aws';
  const ec2 = (what: string): string => `arn:${partition}:ec2:${region}:${account}:${what}`;
  const instance = ec2('instance/i-00000000000000000');
  const entry = (ContextKeyName: string, value: string): ContextEntry => ({
    ContextKeyName,
    ContextKeyValues: [value],
    ContextKeyType: 'string',
  });
  const tags = [entry(`aws:RequestTag/${TAG.cluster}`, spec.cluster), entry(`aws:RequestTag/${TAG.epoch}`, spec.epoch)];
  const itself = [
    entry('ec2:SourceInstanceARN', instance),
    entry('ec2:InstanceID', 'i-00000000000000000'),
    { ContextKeyName: 'aws:TagKeys', ContextKeyValues: [TAG.state], ContextKeyType: 'stringList' as const },
  ];
  const bucket = `arn:${partition}:s3:::${spec.bucket}`;
  const plain = (action: string, resource: string, context: readonly ContextEntry[] = []): Ask => ({
    action,
    resource,
    context,
  });
  const [subnet] = spec.launch.pools;
  return [
    plain('ec2:CreateFleet', ec2('fleet/*'), tags),
    plain('ec2:CreateFleet', ec2(`launch-template/${spec.launch.templateId}`)),
    plain('ec2:RunInstances', ec2('instance/*'), tags),
    ...(subnet === undefined ? [] : [plain('ec2:RunInstances', ec2(`subnet/${subnet.subnetId}`))]),
    plain('ec2:CreateTags', ec2('instance/*'), [...tags, entry('ec2:CreateAction', 'CreateFleet')]),
    plain('iam:PassRole', roleArn, [entry('iam:PassedToService', 'ec2.amazonaws.com')]),
    plain('ec2:DescribeInstances', '*'),
    plain('ec2:DescribeInstanceStatus', '*'),
    plain('ec2:TerminateInstances', instance, itself),
    plain('ec2:CreateTags', instance, itself),
    plain('s3:GetObject', `${bucket}/seats/0.json`),
    plain('s3:PutObject', `${bucket}/seats/0.json`),
    plain('s3:ListBucket', bucket),
    plain('s3:PutObject', `${bucket}/incidents/x.json`),
    plain('s3:PutObject', `${bucket}/last-words/x.log`),
    plain('ssm:GetParameter', `arn:${partition}:ssm:${region}:${account}:parameter/synkti/${spec.cluster}/spec`),
    ...(spec.gossip.secretId.startsWith('arn:') ? [plain('secretsmanager:GetSecretValue', spec.gossip.secretId)] : []),
    ...[...new Set(spec.workloads.flatMap((workload) => workload.targetGroupArns))].flatMap((arn) => [
      plain('elasticloadbalancing:RegisterTargets', arn),
      plain('elasticloadbalancing:DeregisterTargets', arn),
    ]),
  ];
}

export async function readRights(
  session: Session,
  spec: Spec,
  profile: string | null,
  identity: Promise<Fact<{ readonly account: string }>>,
): Promise<Simulated[]> {
  if (profile === null) return [];
  const iam = await session.client('iam');
  const InstanceProfileName = profile.slice(profile.lastIndexOf('/') + 1);
  const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName }));
  const roleArn = InstanceProfile?.Roles?.[0]?.Arn;
  const who = await identity;
  if (roleArn === undefined || !who.ok) return [];
  return inParallel(
    asksOf(spec, who.value.account, session.region, roleArn),
    async ({ action, resource, context }) => {
      const answer = await iam.send(
        new SimulatePrincipalPolicyCommand({
          PolicySourceArn: roleArn,
          ActionNames: [action],
          ResourceArns: [resource],
          ContextEntries: [...context],
        }),
      );
      return { action, resource, allowed: answer.EvaluationResults?.[0]?.EvalDecision === 'allowed' };
    },
    // IAM throttles early.
    { atOnce: 4 },
  );
}
