/** Where requests come into a stack: the listener that sends to the cluster, by itself or by a rule. */
import {
  DescribeListenersCommand,
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
  type RuleCondition,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { type ClientConfig, clientOptions } from '../../../aws/client.js';
import type { LocalCloud } from '../../../local/cloud-types.js';
import { UserError } from '../../user-error.js';

export interface Entrance {
  /** Without a path. */
  readonly url: string;
  /** That the rule asks for; null: any. */
  readonly path: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Null: no listener sends to any of the target groups. @throws UserError for a rule that no GET meets */
export async function entranceTo(
  targetGroupArns: readonly string[],
  cloud: LocalCloud,
  config: ClientConfig,
): Promise<Entrance | null> {
  const client = new ElasticLoadBalancingV2Client(clientOptions(config, 3));
  const isOurs = (one: { readonly TargetGroupArn?: string | undefined }): boolean =>
    targetGroupArns.includes(one.TargetGroupArn ?? '');
  try {
    for (const { arn, listeners } of cloud.balancers()) {
      const { Listeners = [] } = await client.send(new DescribeListenersCommand({ LoadBalancerArn: arn }));
      for (const { ListenerArn, Port, DefaultActions = [] } of Listeners) {
        const url = listeners.find(({ port }) => port === Port)?.url;
        if (url === undefined) continue;
        if (DefaultActions.some(isOurs)) return { url, path: null, headers: {} };
        const { Rules = [] } = await client.send(new DescribeRulesCommand({ ListenerArn }));
        const rule = Rules.find(({ Actions = [] }) => Actions.some(isOurs));
        if (rule !== undefined) return { url, ...requestFor(rule.Conditions ?? []) };
      }
    }
    return null;
  } finally {
    client.destroy();
  }
}

/** A GET that meets all conditions. @throws UserError */
export function requestFor(conditions: readonly RuleCondition[]): Pick<Entrance, 'path' | 'headers'> {
  let path: string | null = null;
  const headers: Record<string, string> = {};
  for (const { Field, Values = [], ...config } of conditions) {
    const first = (values: readonly string[] | undefined): string => sample((values ?? Values)[0] ?? Values[0] ?? '');
    if (Field === 'path-pattern') path = first(config.PathPatternConfig?.Values);
    else if (Field === 'host-header') headers.host = first(config.HostHeaderConfig?.Values);
    else if (Field === 'http-header') {
      headers[config.HttpHeaderConfig?.HttpHeaderName ?? ''] = first(config.HttpHeaderConfig?.Values);
    } else if (Field !== 'http-request-method' || !methods(config, Values).includes('GET')) {
      throw new UserError(
        `The rule that sends to the cluster has a condition on ${Field}, which the rehearsal's GET requests can't meet.`,
      );
    }
  }
  return { path, headers };
}

const methods = ({ HttpRequestMethodConfig }: RuleCondition, values: readonly string[]): readonly string[] =>
  HttpRequestMethodConfig?.Values ?? values;

/** A text that fits a pattern: `*` stands for any characters, `?` for one. */
const sample = (pattern: string): string => pattern.replaceAll('*', '').replaceAll('?', 'x');
