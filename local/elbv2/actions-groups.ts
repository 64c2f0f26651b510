import { AwsError, missingParameter } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import type { QueryAction } from '../wire/query-service.js';
import type { XmlObject } from '../wire/xml.js';
import type { Elbv2 } from './elbv2.js';
import { MAX_TARGETS, type TargetGroup, targetKey } from './model.js';
import { DEFAULT_HEALTH_CHECK, GROUP_ATTRIBUTES, readAttributes, readHealthCheck } from './settings.js';
import { attributesXml, membersXml, page, readTags } from './shapes.js';
import { INVALID_STATE, NOT_REGISTERED } from './target.js';

/** Actions on target groups and targets. */
export function groupActions(elb: Elbv2): [string, QueryAction][] {
  const { model } = elb;
  return [
    [
      'CreateTargetGroup',
      (params) => {
        const name = params.required('Name');
        params.oneOf('Protocol', ['HTTP']);
        params.oneOf('ProtocolVersion', ['HTTP1']);
        params.oneOf('IpAddressType', ['ipv4']);
        const port = params.integer('Port', 1, 65_535);
        if (port === undefined) throw missingParameter('Port');
        const targetType = params.oneOf('TargetType', ['instance', 'ip']) ?? 'instance';
        const vpcId = params.string('VpcId') ?? '';
        const healthCheck = readHealthCheck(params, DEFAULT_HEALTH_CHECK);
        const tags = readTags(params);
        params.refuseUnread();
        const group = model.createGroup({ name, port, targetType, vpcId, healthCheck, tags });
        return { TargetGroups: membersXml([groupXml(elb, group)]) };
      },
    ],
    [
      'ModifyTargetGroup',
      (params) => {
        const group = model.group(params.required('TargetGroupArn'));
        const healthCheck = readHealthCheck(params, group.healthCheck);
        params.refuseUnread();
        group.healthCheck = healthCheck;
        return { TargetGroups: membersXml([groupXml(elb, group)]) };
      },
    ],
    [
      'ModifyTargetGroupAttributes',
      (params) => {
        const group = model.group(params.required('TargetGroupArn'));
        const changes = readAttributes(params, GROUP_ATTRIBUTES);
        params.refuseUnread();
        for (const [key, value] of changes) group.attributes.set(key, value);
        return { Attributes: attributesXml(group.attributes) };
      },
    ],
    [
      'DescribeTargetGroupAttributes',
      (params) => {
        const group = model.group(params.required('TargetGroupArn'));
        params.refuseUnread();
        return { Attributes: attributesXml(group.attributes) };
      },
    ],
    [
      'DescribeTargetGroups',
      (params) => {
        const arns = params.strings('TargetGroupArns');
        const names = params.strings('Names');
        const balancerArn = params.string('LoadBalancerArn');
        let groups = [...model.groups.values()];
        if (arns.length > 0) groups = arns.map((arn) => model.group(arn));
        if (names.length > 0) groups = names.map((name) => byName(groups, name));
        if (balancerArn !== undefined) {
          model.balancer(balancerArn);
          groups = groups.filter((one) => model.listenersOf(one.arn).some((l) => l.balancerArn === balancerArn));
        }
        const { items, nextMarker } = page(params, groups);
        params.refuseUnread();
        return { TargetGroups: membersXml(items.map((one) => groupXml(elb, one))), NextMarker: nextMarker };
      },
    ],
    [
      'DeleteTargetGroup',
      (params) => {
        const arn = params.required('TargetGroupArn');
        params.refuseUnread();
        model.deleteGroup(arn);
        elb.forgetGroup(arn);
        return {};
      },
    ],
    [
      'RegisterTargets',
      (params) => {
        const group = model.group(params.required('TargetGroupArn'));
        const targets = readTargets(params, group);
        if (targets.length === 0) throw missingParameter('Targets');
        params.refuseUnread();
        checkTargets(elb, group, targets);
        for (const { id, port } of targets) elb.runtime(group).register(id, port);
        return {};
      },
    ],
    [
      'DeregisterTargets',
      (params) => {
        const group = model.group(params.required('TargetGroupArn'));
        const targets = readTargets(params, group);
        if (targets.length === 0) throw missingParameter('Targets');
        params.refuseUnread();
        for (const { id, port } of targets) elb.runtime(group).deregister(id, port);
        return {};
      },
    ],
    [
      'DescribeTargetHealth',
      (params) => {
        const group = model.group(params.required('TargetGroupArn'));
        const asked = readTargets(params, group);
        // What may be included besides (anomaly detection, administrative overrides) isn't there to be included.
        params.struct('Include').markRead();
        params.refuseUnread();
        const wanted = asked.length > 0 ? asked : [...group.targets.values()];
        return { TargetHealthDescriptions: membersXml(wanted.map(({ id, port }) => healthXml(elb, group, id, port))) };
      },
    ],
  ];
}

function byName(groups: readonly TargetGroup[], name: string): TargetGroup {
  const found = groups.find((one) => one.name === name);
  if (found === undefined) {
    throw new AwsError('TargetGroupNotFound', `One or more target groups not found: '${name.slice(0, 60)}'`);
  }
  return found;
}

interface TargetName {
  readonly id: string;
  readonly port: number;
}

function readTargets(params: Params, group: TargetGroup): TargetName[] {
  return params.structs('Targets').map((one) => {
    const id = one.required('Id');
    if (!/^[\w.-]{1,64}$/.test(id)) throw new AwsError('ValidationError', `'${id.slice(0, 80)}' is not a target id`);
    // "all" lets addresses of any zone in, which is how the local cloud treats them anyway.
    one.string('AvailabilityZone');
    return { id, port: one.integer('Port', 1, 65_535) ?? group.port };
  });
}

function checkTargets(elb: Elbv2, group: TargetGroup, targets: readonly TargetName[]): void {
  const fresh = new Set(targets.map(({ id, port }) => targetKey(id, port)).filter((key) => !group.targets.has(key)));
  if (group.targets.size + fresh.size > MAX_TARGETS) {
    throw new AwsError('TooManyTargets', `A target group holds at most ${MAX_TARGETS} targets`);
  }
  if (group.targetType === 'ip') {
    const wrong = targets.find(({ id }) => !/^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(id));
    if (wrong !== undefined) {
      throw new AwsError('ValidationError', `The target '${wrong.id}' is no address of the local cloud (127.0.0.0/8)`);
    }
    return;
  }
  const unknown = targets.filter(({ id }) => elb.options.directory.byInstanceId(id) === null);
  if (unknown.length > 0) {
    throw new AwsError('InvalidTarget', `The following targets are not valid instances: ${quoted(unknown)}`);
  }
  const idle = targets.filter(({ id }) => elb.options.directory.byInstanceId(id)?.running !== true);
  if (idle.length > 0) {
    throw new AwsError(
      'InvalidTarget',
      `The following targets are not in a running state and cannot be registered: ${quoted(idle)}`,
    );
  }
}

const quoted = (targets: readonly TargetName[]): string => targets.map(({ id }) => `'${id}'`).join(', ');

function healthXml(elb: Elbv2, group: TargetGroup, id: string, port: number): XmlObject {
  const key = targetKey(id, port);
  const target = group.targets.get(key);
  const absent = group.ended.has(key) ? INVALID_STATE : NOT_REGISTERED;
  const health = target === undefined ? absent : elb.model.describe(group, target);
  const check = group.healthCheck.port;
  return {
    Target: { Id: id, Port: port },
    HealthCheckPort: check === 'traffic-port' ? port : check,
    TargetHealth: {
      State: health.state,
      Reason: health.reason ?? undefined,
      Description: health.description ?? undefined,
    },
  };
}

function groupXml(elb: Elbv2, group: TargetGroup): XmlObject {
  const check = group.healthCheck;
  const balancers = new Set(elb.model.listenersOf(group.arn).map((one) => one.balancerArn));
  return {
    TargetGroupArn: group.arn,
    TargetGroupName: group.name,
    Protocol: 'HTTP',
    ProtocolVersion: 'HTTP1',
    Port: group.port,
    VpcId: group.vpcId === '' ? undefined : group.vpcId,
    TargetType: group.targetType,
    IpAddressType: 'ipv4',
    HealthCheckEnabled: true,
    HealthCheckProtocol: check.protocol,
    HealthCheckPort: check.port,
    HealthCheckPath: check.path,
    HealthCheckIntervalSeconds: check.intervalSeconds,
    HealthCheckTimeoutSeconds: check.timeoutSeconds,
    HealthyThresholdCount: check.healthyThreshold,
    UnhealthyThresholdCount: check.unhealthyThreshold,
    Matcher: { HttpCode: check.matcher },
    LoadBalancerArns: membersXml([...balancers]),
  };
}
