/**
 * Which permissions CloudFormation's calls need. What the stack's resources need is the affair of its service role.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
 */
import type { Params } from '../../wire/form.js';
import type { Ask } from '../evaluate.js';

export interface CloudformationAsks {
  readonly region: string;
  readonly accountId: string;
  /** ARN of a stack by its name or ARN; null when there is none. */
  stackArn(nameOrId: string): string | null;
}

export function cloudformationAsks(host: CloudformationAsks, action: string, params: Params): Ask[] {
  const named = `cloudformation:${action}`;
  const given = params.string('StackName') ?? '';
  if (given === '' || action === 'ListStacks') return [{ action: named, resource: '*', context: {} }];
  const unknown = given.startsWith('arn:')
    ? given
    : `arn:aws:cloudformation:${host.region}:${host.accountId}:stack/${given}/*`;
  const role = params.string('RoleARN');
  return [
    {
      action: named,
      resource: host.stackArn(given) ?? unknown,
      context: role === undefined ? {} : { 'cloudformation:RoleArn': role },
    },
    ...(role === undefined
      ? []
      : [
          {
            action: 'iam:PassRole',
            resource: role,
            context: { 'iam:PassedToService': 'cloudformation.amazonaws.com' },
          },
        ]),
  ];
}
