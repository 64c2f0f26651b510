import type { Ec2Model } from '../ec2/model/types.js';
import { profileArn } from '../ec2/output.js';
import type { Iam } from '../iam/iam.js';

/**
 * Whether the SSM agent of an instance can sign on: it runs, and its role lets it. Commands come over the control
 * channel; data channels are for sessions.
 */
export function isManaged(
  { model, iam }: { readonly model: Ec2Model; readonly iam: Iam },
  instanceId: string,
): boolean {
  const record = model.instances.get(instanceId)?.record;
  if (record === undefined || record.state !== 'running') return false;
  const profile = profileArn(record, model.options);
  // Without a role of its own, by the account's default host management.
  if (profile === null) return true;
  const { region, accountId } = model.options;
  const arn = `arn:aws:ec2:${region}:${accountId}:instance/${instanceId}`;
  const caller = {
    roleArn: iam.roleOfProfile(profile).arn,
    session: instanceId,
    context: { 'ec2:SourceInstanceARN': arn },
  };
  const asks = [
    { action: 'ssm:UpdateInstanceInformation', resource: arn, context: {} },
    { action: 'ssmmessages:CreateControlChannel', resource: '*', context: {} },
    { action: 'ssmmessages:OpenControlChannel', resource: '*', context: {} },
  ];
  return iam.missing(caller, asks) === null;
}

/** Instances that carry one of the values of each tag. */
export const instancesWith = (model: Ec2Model, tags: Readonly<Record<string, readonly string[]>>): string[] =>
  [...model.instances.values()]
    .filter(({ record }) => Object.entries(tags).every(([key, values]) => values.includes(record.tags[key] ?? '\0')))
    .map(({ instanceId }) => instanceId);
