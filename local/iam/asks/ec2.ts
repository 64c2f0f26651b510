/**
 * Which permissions EC2's calls need, as its table of actions, resources and condition keys says.
 *
 * A launch is asked for on everything that it uses or makes; a tag that is set in it asks for `ec2:CreateTags` with
 * `ec2:CreateAction`: `CreateFleet` for tags in the fleet's request, `RunInstances` for those of a template.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
 */
import { templateOf, versionOf } from '../../ec2/model/templates.js';
import type { Ec2Model, Tags, TemplateData } from '../../ec2/model/types.js';
import type { Params } from '../../wire/form.js';
import type { Ask } from '../evaluate.js';

export interface Ec2Asks {
  readonly model: Ec2Model;
  /** ARN of the role in an instance profile. */
  roleOfProfile(nameOrArn: string): string;
}

type Context = Record<string, string | readonly string[]>;

export function ec2Asks(host: Ec2Asks, action: string, params: Params): Ask[] {
  const { model } = host;
  const arn = (kind: string, id: string): string => arnOf(model, kind, id);
  const ask = (resource: string, context: Context = {}): Ask => ({ action: `ec2:${action}`, resource, context });
  const known = (id: string): Ask => {
    const resource = arn(kindOf(id), id);
    const { tags, context } = whatIs(model, id);
    return ask(resource, { ...context, ...resourceTags(tags), 'aws:ARN': resource });
  };
  switch (action) {
    case 'RunInstances':
      return runAsks(host, params);
    case 'CreateFleet':
      return fleetAsks(host, params);
    case 'TerminateInstances':
      return params.strings('InstanceId').map(known);
    case 'CreateTags':
    case 'DeleteTags': {
      const tags = tagsOf(params);
      return params.strings('ResourceId').map((id) => {
        const one = known(id);
        return { ...one, context: { ...one.context, ...requestTags(tags) } };
      });
    }
    case 'CreateLaunchTemplate':
      return [ask(arn('launch-template', '*'), requestTags(specified(params, 'launch-template')))];
    case 'CreateLaunchTemplateVersion':
    case 'DeleteLaunchTemplate': {
      const id = params.string('LaunchTemplateId');
      const template = find(() => templateOf(model, id, params.string('LaunchTemplateName')));
      return [known(template?.templateId ?? id ?? 'lt-unknown')];
    }
    case 'DeleteVolume':
      return [known(params.string('VolumeId') ?? 'vol-unknown')];
    case 'DeleteNetworkInterface':
      return [known(params.string('NetworkInterfaceId') ?? 'eni-unknown')];
    default:
      // Looking has no resources.
      return [ask('*')];
  }
}

function fleetAsks(host: Ec2Asks, params: Params): Ask[] {
  const { model } = host;
  const asks: Ask[] = [
    {
      action: 'ec2:CreateFleet',
      resource: arnOf(model, 'fleet', '*'),
      context: requestTags(specified(params, 'fleet')),
    },
  ];
  asks.push(...tagAsks(model, 'CreateFleet', 'fleet', specified(params, 'fleet')));
  const target = params.struct('TargetCapacitySpecification');
  const total = Number(target.string('TotalTargetCapacity') ?? 0);
  const spotTarget = target.string('SpotTargetCapacity');
  const spot =
    spotTarget === undefined
      ? target.string('DefaultTargetCapacityType') === 'spot' &&
        Number(target.string('OnDemandTargetCapacity') ?? 0) < total
      : Number(spotTarget) > 0;
  for (const config of params.structs('LaunchTemplateConfigs')) {
    const chosen = templateIn(model, config.struct('LaunchTemplateSpecification'));
    if (chosen === null) continue;
    const resource = arnOf(model, 'launch-template', chosen.id);
    const context = { ...resourceTags(chosen.tags), 'aws:ARN': resource };
    asks.push({ action: 'ec2:CreateFleet', resource, context });
    const overrides = config.structs('Overrides');
    const subnets = overrides.flatMap((one) => one.string('SubnetId') ?? []);
    asks.push(
      ...launchAsks(host, {
        template: chosen,
        data: chosen.data,
        subnets: new Set(subnets),
        instanceTypes: overrides.flatMap((one) => one.string('InstanceType') ?? []),
        spot,
        requested: (kind) => specified(params, kind),
        tagAction: 'CreateFleet',
      }),
    );
  }
  return asks;
}

function runAsks(host: Ec2Asks, params: Params): Ask[] {
  const chosen = params.has('LaunchTemplate') ? templateIn(host.model, params.struct('LaunchTemplate')) : null;
  const profile = params.struct('IamInstanceProfile');
  const groups = params.strings('SecurityGroupId');
  const own: Partial<TemplateData> = {
    ...(params.string('ImageId') === undefined ? {} : { imageId: params.string('ImageId') ?? null }),
    ...(params.string('KeyName') === undefined ? {} : { keyName: params.string('KeyName') ?? null }),
    ...(groups.length === 0 ? {} : { securityGroupIds: groups }),
    ...(params.has('IamInstanceProfile')
      ? { instanceProfile: profile.string('Arn') ?? profile.string('Name') ?? null }
      : {}),
  };
  return launchAsks(host, {
    template: chosen,
    data: { ...(chosen?.data ?? {}), ...own },
    subnets: new Set(params.string('SubnetId') === undefined ? [] : [params.string('SubnetId') ?? '']),
    instanceTypes: [params.string('InstanceType') ?? chosen?.data.instanceType ?? ''].filter((one) => one !== ''),
    spot: params.struct('InstanceMarketOptions').string('MarketType') === 'spot',
    requested: (kind) => specified(params, kind),
    tagAction: 'RunInstances',
  });
}

interface ChosenTemplate {
  readonly id: string;
  readonly tags: Tags;
  readonly data: TemplateData;
}

interface LaunchScope {
  readonly template: ChosenTemplate | null;
  readonly data: Partial<TemplateData>;
  readonly subnets: ReadonlySet<string>;
  readonly instanceTypes: readonly string[];
  readonly spot: boolean;
  /** Tags that the request itself gives to a kind of resource. */
  readonly requested: (kind: string) => Tags;
  readonly tagAction: string;
}

function launchAsks(host: Ec2Asks, scope: LaunchScope): Ask[] {
  const { model } = host;
  const { data, template } = scope;
  const fromTemplate = (kind: string): Tags =>
    Object.assign(
      {},
      ...(data.tagSpecifications ?? []).filter((one) => one.resourceType === kind).map((one) => one.tags),
    );
  const run = (resource: string, context: Context = {}): Ask => ({
    action: 'ec2:RunInstances',
    resource,
    context: {
      ...(template === null ? {} : { 'ec2:LaunchTemplate': arnOf(model, 'launch-template', template.id) }),
      'ec2:InstanceMarketType': scope.spot ? 'spot' : 'on-demand',
      ...context,
    },
  });
  const asks: Ask[] = [];
  const made = ['instance', 'volume', 'network-interface', ...(scope.spot ? ['spot-instances-request'] : [])];
  const subnetArns = [...scope.subnets].map((id) => arnOf(model, 'subnet', id));
  for (const kind of made) {
    const tags = { ...fromTemplate(kind), ...scope.requested(kind) };
    const more: Context =
      kind === 'instance'
        ? {
            'ec2:InstanceType': [...new Set(scope.instanceTypes)].slice(0, 1),
            'ec2:MetadataHttpTokens': data.metadata?.httpTokens ?? 'required',
            ...(data.instanceProfile == null ? {} : { 'ec2:InstanceProfile': profileArn(model, data.instanceProfile) }),
          }
        : kind === 'network-interface' && subnetArns[0] !== undefined
          ? { 'ec2:Subnet': subnetArns[0] }
          : {};
    asks.push(run(arnOf(model, kind, '*'), { ...requestTags(tags), ...more }));
    asks.push(...tagAsks(model, 'RunInstances', kind, fromTemplate(kind)));
    asks.push(...tagAsks(model, scope.tagAction, kind, scope.requested(kind)));
  }
  if (template !== null) {
    asks.push(run(arnOf(model, 'launch-template', template.id), resourceTags(template.tags)));
  }
  for (const resource of subnetArns) asks.push(run(resource));
  for (const id of data.securityGroupIds ?? []) asks.push(run(arnOf(model, 'security-group', id)));
  if (data.imageId != null) asks.push(run(`arn:aws:ec2:${model.options.region}::image/${data.imageId}`));
  if (data.keyName != null) asks.push(run(arnOf(model, 'key-pair', data.keyName)));
  if (data.instanceProfile != null) {
    asks.push({
      action: 'iam:PassRole',
      resource: host.roleOfProfile(data.instanceProfile),
      context: { 'iam:PassedToService': 'ec2.amazonaws.com' },
    });
  }
  return asks;
}

function tagAsks(model: Ec2Model, createAction: string, kind: string, tags: Tags): Ask[] {
  if (Object.keys(tags).length === 0) return [];
  const context = { 'ec2:CreateAction': createAction, ...requestTags(tags) };
  return [{ action: 'ec2:CreateTags', resource: arnOf(model, kind, '*'), context }];
}

function templateIn(model: Ec2Model, params: Params): ChosenTemplate | null {
  const template = find(() =>
    templateOf(model, params.string('LaunchTemplateId'), params.string('LaunchTemplateName')),
  );
  if (template === null) return null;
  const version = find(() => versionOf(template, params.string('Version') ?? '$Default'));
  return version === null ? null : { id: template.templateId, tags: template.tags, data: version.data };
}

/** What isn't there is for the call itself to say. */
function find<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}

const arnOf = (model: Ec2Model, kind: string, id: string): string =>
  `arn:aws:ec2:${model.options.region}:${model.options.accountId}:${kind}/${id}`;

const profileArn = (model: Ec2Model, given: string): string =>
  given.startsWith('arn:') ? given : `arn:aws:iam::${model.options.accountId}:instance-profile/${given}`;

const KINDS: Readonly<Record<string, string>> = {
  i: 'instance',
  fleet: 'fleet',
  lt: 'launch-template',
  vol: 'volume',
  eni: 'network-interface',
  sir: 'spot-instances-request',
  subnet: 'subnet',
  sg: 'security-group',
  vpc: 'vpc',
};

const kindOf = (id: string): string => KINDS[id.split('-')[0] ?? ''] ?? 'unknown';

function whatIs(model: Ec2Model, id: string): { tags: Tags; context: Context } {
  const record = model.instances.get(id)?.record;
  if (record !== undefined) {
    return {
      tags: record.tags,
      context: {
        'ec2:InstanceID': id,
        'ec2:InstanceType': record.instanceType,
        'ec2:AvailabilityZone': record.zone,
        ...(record.instanceProfile === null
          ? {}
          : { 'ec2:InstanceProfile': profileArn(model, record.instanceProfile) }),
      },
    };
  }
  const { tags = {} } = model.fleets.get(id) ?? model.templates.get(id) ?? model.leftovers.get(id) ?? {};
  return { tags, context: {} };
}

const resourceTags = (tags: Tags): Context =>
  Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`ec2:ResourceTag/${key}`, value],
    ]),
  );

function requestTags(tags: Tags): Context {
  const keys = Object.keys(tags);
  if (keys.length === 0) return {};
  return { ...Object.fromEntries(keys.map((key) => [`aws:RequestTag/${key}`, tags[key] ?? ''])), 'aws:TagKeys': keys };
}

function tagsOf(params: Params): Tags {
  return Object.fromEntries(params.structs('Tag').map((tag) => [tag.string('Key') ?? '', tag.string('Value') ?? '']));
}

function specified(params: Params, kind: string): Tags {
  const ofKind = params.structs('TagSpecification').filter((one) => one.string('ResourceType') === kind);
  return Object.assign({}, ...ofKind.map(tagsOf));
}
