/**
 * Which permissions ELBv2's calls need: changes on the ARN of what is changed, looks on `*`.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
 */
import type { ElbModel } from '../../elbv2/model.js';
import type { Params } from '../../wire/form.js';
import type { Ask } from '../evaluate.js';

export interface Elbv2Asks {
  readonly model: Pick<ElbModel, 'groups' | 'balancers' | 'listeners'>;
  readonly region: string;
  readonly accountId: string;
}

export function elbv2Asks({ model, region, accountId }: Elbv2Asks, action: string, params: Params): Ask[] {
  const named = `elasticloadbalancing:${action}`;
  const base = `arn:aws:elasticloadbalancing:${region}:${accountId}`;
  if (action.startsWith('Describe')) return [{ action: named, resource: '*', context: {} }];
  if (action === 'CreateTargetGroup') {
    return [
      { action: named, resource: `${base}:targetgroup/${params.string('Name')}/*`, context: requestTags(params) },
    ];
  }
  if (action === 'CreateLoadBalancer') {
    return [
      { action: named, resource: `${base}:loadbalancer/app/${params.string('Name')}/*`, context: requestTags(params) },
    ];
  }
  const arns = [
    ...['TargetGroupArn', 'ListenerArn', 'LoadBalancerArn'].flatMap((name) => params.string(name) ?? []).slice(0, 1),
    ...params.strings('ResourceArns'),
  ];
  if (arns.length === 0) return [{ action: named, resource: '*', context: {} }];
  return arns.map((arn) => {
    const owner = model.groups.get(arn) ?? model.balancers.get(arn) ?? model.listeners.get(arn);
    const tags = [...(owner?.tags ?? [])].map(([key, value]) => [`aws:ResourceTag/${key}`, value]);
    return { action: named, resource: arn, context: { ...Object.fromEntries(tags), ...requestTags(params) } };
  });
}

function requestTags(params: Params): Record<string, string | readonly string[]> {
  const tags = params.structs('Tags').map((tag) => [tag.string('Key') ?? '', tag.string('Value') ?? ''] as const);
  if (tags.length === 0) return {};
  const context = Object.fromEntries(tags.map(([key, value]) => [`aws:RequestTag/${key}`, value]));
  return { ...context, 'aws:TagKeys': tags.map(([key]) => key) };
}
