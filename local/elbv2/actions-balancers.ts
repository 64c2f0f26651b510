import { AwsError, missingParameter } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import type { QueryAction } from '../wire/query-service.js';
import type { XmlObject } from '../wire/xml.js';
import { actionXml } from './actions-rules.js';
import type { Elbv2 } from './elbv2.js';
import type { Listener, LoadBalancer } from './model.js';
import { readAction } from './routing.js';
import { BALANCER_ATTRIBUTES, readAttributes } from './settings.js';
import { attributesXml, membersXml, page, readTags, tagsXml } from './shapes.js';

/** Actions on load balancers, their listeners, and tags. */
export function balancerActions(elb: Elbv2): [string, QueryAction][] {
  const { model } = elb;
  return [
    [
      'CreateLoadBalancer',
      (params) => {
        const name = params.required('Name');
        params.oneOf('Type', ['application']);
        params.oneOf('IpAddressType', ['ipv4']);
        const scheme = params.oneOf('Scheme', ['internet-facing', 'internal']) ?? 'internet-facing';
        const subnets = readSubnets(elb, params);
        const securityGroups = params.strings('SecurityGroups');
        const tags = readTags(params);
        params.refuseUnread();
        const vpcId = subnets[0]?.vpcId ?? '';
        const wish = { name, scheme, subnets, securityGroups, vpcId, tags, createdAtMs: Date.now() };
        return { LoadBalancers: membersXml([balancerXml(model.createBalancer(wish, elb.options.nextAddress))]) };
      },
    ],
    [
      'DescribeLoadBalancers',
      (params) => {
        const arns = params.strings('LoadBalancerArns');
        const names = params.strings('Names');
        let balancers = [...model.balancers.values()];
        if (arns.length > 0) balancers = arns.map((arn) => model.balancer(arn));
        if (names.length > 0) balancers = names.map((name) => byName(balancers, name));
        const { items, nextMarker } = page(params, balancers);
        params.refuseUnread();
        return { LoadBalancers: membersXml(items.map(balancerXml)), NextMarker: nextMarker };
      },
    ],
    [
      'DeleteLoadBalancer',
      async (params) => {
        const arn = params.required('LoadBalancerArn');
        params.refuseUnread();
        if (model.balancers.get(arn)?.attributes.get('deletion_protection.enabled') === 'true') {
          throw new AwsError('OperationNotPermitted', `Load balancer '${arn}' can't be deleted: it is protected`);
        }
        for (const listener of [...model.listeners.values()]) {
          if (listener.balancerArn === arn) await elb.closeListener(listener);
        }
        model.balancers.delete(arn);
        return {};
      },
    ],
    [
      'ModifyLoadBalancerAttributes',
      (params) => {
        const balancer = model.balancer(params.required('LoadBalancerArn'));
        const changes = readAttributes(params, BALANCER_ATTRIBUTES);
        params.refuseUnread();
        for (const [key, value] of changes) balancer.attributes.set(key, value);
        return { Attributes: attributesXml(balancer.attributes) };
      },
    ],
    [
      'DescribeLoadBalancerAttributes',
      (params) => {
        const balancer = model.balancer(params.required('LoadBalancerArn'));
        params.refuseUnread();
        return { Attributes: attributesXml(balancer.attributes) };
      },
    ],
    [
      'CreateListener',
      async (params) => {
        const balancerArn = params.required('LoadBalancerArn');
        params.oneOf('Protocol', ['HTTP']);
        const port = params.integer('Port', 1, 65_535);
        if (port === undefined) throw missingParameter('Port');
        const action = readAction(params, 'DefaultActions');
        const tags = readTags(params);
        params.refuseUnread();
        const listener = model.createListener({ balancerArn, port, action, tags });
        await elb.openListener(listener);
        return { Listeners: membersXml([listenerXml(listener)]) };
      },
    ],
    [
      'DescribeListeners',
      (params) => {
        const balancerArn = params.string('LoadBalancerArn');
        const arns = params.strings('ListenerArns');
        if (balancerArn === undefined && arns.length === 0) {
          throw new AwsError('ValidationError', 'You must specify either listener ARNs or a load balancer ARN');
        }
        if (balancerArn !== undefined) model.balancer(balancerArn);
        const listeners =
          arns.length > 0
            ? arns.map((arn) => model.listener(arn))
            : [...model.listeners.values()].filter((one) => one.balancerArn === balancerArn);
        const { items, nextMarker } = page(params, listeners);
        params.refuseUnread();
        return { Listeners: membersXml(items.map(listenerXml)), NextMarker: nextMarker };
      },
    ],
    [
      'DeleteListener',
      async (params) => {
        const listener = model.listener(params.required('ListenerArn'));
        params.refuseUnread();
        await elb.closeListener(listener);
        return {};
      },
    ],
    [
      'AddTags',
      (params) => {
        const all = params.strings('ResourceArns').map((arn) => tagsOf(elb, arn));
        const tags = readTags(params);
        params.refuseUnread();
        if (all.some((one) => new Set([...one.keys(), ...tags.keys()]).size > 50)) {
          throw new AwsError('TooManyTags', 'At most 50 tags');
        }
        for (const one of all) for (const [key, value] of tags) one.set(key, value);
        return {};
      },
    ],
    [
      'RemoveTags',
      (params) => {
        const all = params.strings('ResourceArns').map((arn) => tagsOf(elb, arn));
        const keys = params.strings('TagKeys');
        params.refuseUnread();
        for (const one of all) for (const key of keys) one.delete(key);
        return {};
      },
    ],
    [
      'DescribeTags',
      (params) => {
        const arns = params.strings('ResourceArns');
        params.refuseUnread();
        return {
          TagDescriptions: membersXml(arns.map((arn) => ({ ResourceArn: arn, Tags: tagsXml(tagsOf(elb, arn)) }))),
        };
      },
    ],
  ];
}

function byName(balancers: readonly LoadBalancer[], name: string): LoadBalancer {
  const found = balancers.find((one) => one.name === name);
  if (found === undefined)
    throw new AwsError('LoadBalancerNotFound', `Load balancers '[${name.slice(0, 60)}]' not found`);
  return found;
}

function readSubnets(elb: Elbv2, params: Params): { subnetId: string; zone: string; vpcId: string }[] {
  const mapped = params.structs('SubnetMappings').map((one) => one.required('SubnetId'));
  const ids = [...params.strings('Subnets'), ...mapped];
  if (ids.length === 0) throw new AwsError('ValidationError', 'At least two subnets in two zones must be specified');
  const subnets = ids.map((subnetId) => {
    const subnet = elb.options.directory.subnet(subnetId);
    if (subnet === null) {
      throw new AwsError('SubnetNotFound', `The subnet ID '${subnetId.slice(0, 60)}' does not exist`);
    }
    return { subnetId, ...subnet };
  });
  if (new Set(subnets.map(({ zone }) => zone)).size < subnets.length) {
    throw new AwsError(
      'InvalidConfigurationRequest',
      'A load balancer cannot be attached to multiple subnets of a zone',
    );
  }
  return subnets;
}

function tagsOf(elb: Elbv2, arn: string): Map<string, string> {
  const kind = arn.split(':')[5]?.split('/')[0];
  if (kind === 'targetgroup') return elb.model.group(arn).tags;
  if (kind === 'loadbalancer') return elb.model.balancer(arn).tags;
  if (kind === 'listener-rule') return elb.model.rule(arn).rule.tags;
  return elb.model.listener(arn).tags;
}

function balancerXml(balancer: LoadBalancer): XmlObject {
  return {
    LoadBalancerArn: balancer.arn,
    DNSName: balancer.address,
    CanonicalHostedZoneId: 'Z000000000000000000000',
    CreatedTime: new Date(balancer.createdAtMs),
    LoadBalancerName: balancer.name,
    Scheme: balancer.scheme,
    VpcId: balancer.vpcId === '' ? undefined : balancer.vpcId,
    State: { Code: 'active' },
    Type: 'application',
    AvailabilityZones: membersXml(
      balancer.subnets.map(({ subnetId, zone }) => ({ ZoneName: zone, SubnetId: subnetId })),
    ),
    SecurityGroups: membersXml(balancer.securityGroups),
    IpAddressType: 'ipv4',
  };
}

function listenerXml(listener: Listener): XmlObject {
  return {
    ListenerArn: listener.arn,
    LoadBalancerArn: listener.balancerArn,
    Port: listener.port,
    Protocol: 'HTTP',
    DefaultActions: membersXml([actionXml(listener.action)]),
  };
}
