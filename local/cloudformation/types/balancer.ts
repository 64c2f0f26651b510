import {
  type Action,
  type ActionTypeEnum,
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  type CreateLoadBalancerCommandInput,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  DeleteListenerCommand,
  DeleteLoadBalancerCommand,
  DeleteRuleCommand,
  DeleteTargetGroupCommand,
  ModifyLoadBalancerAttributesCommand,
  ModifyRuleCommand,
  ModifyTargetGroupAttributesCommand,
  ModifyTargetGroupCommand,
  type RuleCondition,
  type TargetTypeEnum,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { type Call, type Handler, type Handlers, known, type Made, nameFor } from '../handler.js';
import type { Props } from '../props.js';
import { letGo, listenerFor } from './imported.js';

const attributesIn = (props: Props, name: string) =>
  props.structs(name).map((one) => ({ Key: one.required('Key'), Value: one.text('Value') ?? '' }));

const tagsIn = (props: Props) => {
  const tags = Object.entries(props.tags()).map(([Key, Value]) => ({ Key, Value }));
  return tags.length === 0 ? {} : { Tags: tags };
};

const loadBalancer: Handler = {
  immutable: ['Name', 'Scheme', 'Type', 'Subnets', 'SubnetMappings', 'SecurityGroups', 'IpAddressType'],
  create: async (call) => {
    const { props, host } = call;
    const name = props.text('Name') ?? nameFor(call, { maxLength: 32 });
    if ((props.text('Type') ?? 'application') !== 'application') {
      throw props.unsupported('Type', 'can be "application" only: the local cloud has no other load balancers');
    }
    const mapped = props.structs('SubnetMappings').map((one) => one.required('SubnetId'));
    const { LoadBalancers } = await host.clients.elb.send(
      new CreateLoadBalancerCommand({
        Name: name,
        Scheme: props.text('Scheme') as CreateLoadBalancerCommandInput['Scheme'],
        Subnets: [...props.texts('Subnets'), ...mapped],
        SecurityGroups: props.texts('SecurityGroups'),
        ...tagsIn(props),
      }),
    );
    const made = LoadBalancers?.[0];
    const arn = known(made?.LoadBalancerArn, 'load balancer');
    await changeBalancer(call, arn);
    return {
      physicalId: arn,
      attributes: {
        LoadBalancerArn: arn,
        LoadBalancerName: name,
        LoadBalancerFullName: arn.split(':loadbalancer/')[1] ?? '',
        DNSName: made?.DNSName ?? '',
        CanonicalHostedZoneID: made?.CanonicalHostedZoneId ?? '',
        SecurityGroups: props.texts('SecurityGroups'),
      },
    };
  },
  update: async (call, { physicalId, attributes }) => {
    await changeBalancer(call, physicalId);
    return { physicalId, attributes };
  },
  remove: async ({ physicalId }, { clients }) => {
    await clients.elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: physicalId }));
  },
};

async function changeBalancer({ props, host }: Call, arn: string): Promise<void> {
  const Attributes = attributesIn(props, 'LoadBalancerAttributes');
  if (Attributes.some(({ Key, Value }) => Key === 'access_logs.s3.enabled' && Value === 'true')) {
    host.note(null, 'Load balancers write no access logs.');
  }
  props.harmless('Name', 'Scheme', 'Type', 'Subnets', 'SubnetMappings', 'SecurityGroups', 'IpAddressType', 'Tags');
  props.refuseUnread();
  if (Attributes.length === 0) return;
  await host.clients.elb.send(new ModifyLoadBalancerAttributesCommand({ LoadBalancerArn: arn, Attributes }));
}

const healthCheckIn = (props: Props) => {
  const matcher = props.struct('Matcher').text('HttpCode');
  return {
    HealthCheckPath: props.text('HealthCheckPath'),
    HealthCheckPort: props.text('HealthCheckPort'),
    HealthCheckProtocol: props.text('HealthCheckProtocol') as 'HTTP' | undefined,
    HealthCheckIntervalSeconds: props.number('HealthCheckIntervalSeconds'),
    HealthCheckTimeoutSeconds: props.number('HealthCheckTimeoutSeconds'),
    HealthyThresholdCount: props.number('HealthyThresholdCount'),
    UnhealthyThresholdCount: props.number('UnhealthyThresholdCount'),
    ...(matcher === undefined ? {} : { Matcher: { HttpCode: matcher } }),
  };
};

const targetGroup: Handler = {
  immutable: ['Name', 'Port', 'Protocol', 'ProtocolVersion', 'TargetType', 'VpcId', 'IpAddressType'],
  create: async (call) => {
    const { props, host } = call;
    const name = props.text('Name') ?? nameFor(call, { maxLength: 32 });
    const port = props.number('Port') ?? 80;
    const { TargetGroups } = await host.clients.elb.send(
      new CreateTargetGroupCommand({
        Name: name,
        Protocol: props.text('Protocol') as 'HTTP' | undefined,
        Port: host.portOf(port),
        TargetType: props.text('TargetType') as TargetTypeEnum | undefined,
        VpcId: props.text('VpcId'),
        ...healthCheckIn(props),
        ...tagsIn(props),
      }),
    );
    const arn = known(TargetGroups?.[0]?.TargetGroupArn, 'target group');
    await changeAttributes(call, arn);
    return {
      physicalId: arn,
      attributes: {
        TargetGroupArn: arn,
        TargetGroupName: name,
        TargetGroupFullName: arn.split(':').at(-1) ?? '',
        LoadBalancerArns: [],
      },
    };
  },
  update: async (call, { physicalId, attributes }) => {
    await call.host.clients.elb.send(
      new ModifyTargetGroupCommand({ TargetGroupArn: physicalId, ...healthCheckIn(call.props) }),
    );
    await changeAttributes(call, physicalId);
    return { physicalId, attributes };
  },
  remove: async ({ physicalId }, { clients }) => {
    await clients.elb.send(new DeleteTargetGroupCommand({ TargetGroupArn: physicalId }));
  },
};

async function changeAttributes({ props, host }: Call, arn: string): Promise<void> {
  const Attributes = attributesIn(props, 'TargetGroupAttributes');
  props.harmless('Name', 'Port', 'Protocol', 'ProtocolVersion', 'TargetType', 'VpcId', 'IpAddressType', 'Tags');
  props.harmless('HealthCheckEnabled');
  props.refuseUnread();
  if (Attributes.length === 0) return;
  await host.clients.elb.send(new ModifyTargetGroupAttributesCommand({ TargetGroupArn: arn, Attributes }));
}

/** A listener or rule that redirects is left out: there is no HTTPS on loopback to be sent to. */
const LEFT_OUT = 'left-out';

const listener: Handler = {
  create: async (call): Promise<Made> => {
    const { props, host, logicalId } = call;
    const protocol = props.text('Protocol') ?? 'HTTP';
    const port = props.number('Port') ?? 80;
    const DefaultActions = actionsIn(props, 'DefaultActions');
    props.harmless('Certificates', 'SslPolicy', 'AlpnPolicy', 'MutualAuthentication', 'ListenerAttributes');
    const balancerArn = props.required('LoadBalancerArn');
    props.refuseUnread();
    if (DefaultActions === null) {
      host.note(logicalId, `The listener on port ${port} redirects; it isn't opened.`);
      const arn = `${balancerArn.replace(':loadbalancer/', ':listener/')}/${LEFT_OUT}`;
      return { physicalId: arn, attributes: { ListenerArn: arn } };
    }
    if (protocol === 'HTTPS') host.note(logicalId, `The listener on port ${port} speaks plain HTTP, not HTTPS.`);
    const { Listeners } = await host.clients.elb.send(
      new CreateListenerCommand({ LoadBalancerArn: balancerArn, Protocol: 'HTTP', Port: port, DefaultActions }),
    );
    const arn = known(Listeners?.[0]?.ListenerArn, 'listener');
    return { physicalId: arn, attributes: { ListenerArn: arn } };
  },
  remove: async ({ physicalId }, { clients }) => {
    if (physicalId.endsWith(LEFT_OUT)) return;
    await clients.elb.send(new DeleteListenerCommand({ ListenerArn: physicalId }));
  },
};

const rule: Handler = {
  immutable: ['ListenerArn', 'Priority'],
  create: async (call): Promise<Made> => {
    const { props, host, logicalId } = call;
    const wanted = props.required('ListenerArn');
    const Priority = props.number('Priority') ?? 1;
    const wish = ruleIn(props);
    if (wish === null || wanted.endsWith(LEFT_OUT)) {
      host.note(logicalId, 'The rule redirects, or its listener does; it is left out.');
      return { physicalId: `${wanted}/${LEFT_OUT}`, attributes: { RuleArn: `${wanted}/${LEFT_OUT}` } };
    }
    const { arn: ListenerArn, imported } = await listenerFor(host, wanted);
    const { Rules } = await host.clients.elb.send(new CreateRuleCommand({ ListenerArn, Priority, ...wish }));
    const arn = known(Rules?.[0]?.RuleArn, 'listener rule');
    return { physicalId: arn, attributes: { RuleArn: arn, IsDefault: false }, memo: imported ? { wanted } : {} };
  },
  update: async ({ props, host }, { physicalId, attributes, memo }) => {
    const wish = ruleIn(props.harmless('ListenerArn', 'Priority'));
    if (wish === null) throw props.unsupported('Actions', "can't be changed to a redirect");
    await host.clients.elb.send(new ModifyRuleCommand({ RuleArn: physicalId, ...wish }));
    return { physicalId, attributes, memo };
  },
  remove: async ({ physicalId, memo }, host) => {
    if (physicalId.endsWith(LEFT_OUT)) return;
    await host.clients.elb.send(new DeleteRuleCommand({ RuleArn: physicalId }));
    if (memo.wanted !== undefined) await letGo(host, String(memo.wanted));
  },
};

function ruleIn(props: Props): { Conditions: RuleCondition[]; Actions: Action[] } | null {
  const Actions = actionsIn(props, 'Actions');
  const Conditions = (props.json('Conditions') ?? []) as unknown as RuleCondition[];
  props.refuseUnread();
  return Actions === null ? null : { Conditions, Actions };
}

/** Null: they redirect. */
function actionsIn(props: Props, name: string): Action[] | null {
  const actions = props.structs(name).map((one): Action | null => {
    const Type = one.required('Type') as ActionTypeEnum;
    one.harmless('Order');
    if (Type === 'redirect') {
      one.harmless('RedirectConfig');
      return null;
    }
    if (Type === 'fixed-response') {
      const fixed = one.struct('FixedResponseConfig');
      const StatusCode = fixed.required('StatusCode');
      return {
        Type,
        FixedResponseConfig: {
          StatusCode,
          ContentType: fixed.text('ContentType'),
          MessageBody: fixed.text('MessageBody'),
        },
      };
    }
    if (Type !== 'forward') throw one.unsupported(`Type ${Type}`, "isn't emulated by the local cloud's listeners");
    const forward = one.struct('ForwardConfig').harmless('TargetGroupStickinessConfig');
    const groups = forward.structs('TargetGroups').map((group) => group.harmless('Weight').required('TargetGroupArn'));
    const single = one.text('TargetGroupArn');
    const arns = new Set(single === undefined ? groups : [...groups, single]);
    if (arns.size !== 1) throw one.unsupported(`${arns.size} target groups`, "aren't emulated: an action has one");
    return { Type, TargetGroupArn: [...arns][0] };
  });
  const kept = actions.filter((one) => one !== null);
  return kept.length < actions.length ? null : kept;
}

export const BALANCER: Handlers = {
  'AWS::ElasticLoadBalancingV2::LoadBalancer': loadBalancer,
  'AWS::ElasticLoadBalancingV2::TargetGroup': targetGroup,
  'AWS::ElasticLoadBalancingV2::Listener': listener,
  'AWS::ElasticLoadBalancingV2::ListenerRule': rule,
};
