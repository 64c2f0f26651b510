import { AwsError, invalidValue } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import type { QueryAction } from '../wire/query-service.js';
import type { XmlObject } from '../wire/xml.js';
import type { Ec2Host } from './host.js';
import { filtersIn, pagingIn, refuseDryRun, tagSpecificationsIn } from './inputs.js';
import { matcher } from './model/filter.js';
import { createFleet } from './model/fleet.js';
import { templateOf } from './model/templates.js';
import type { Ec2Model, Fleet, FleetAnswer, FleetConfig, FleetRequest } from './model/types.js';
import { tagSet } from './output.js';

const SPOT_ALLOCATIONS = [
  'price-capacity-optimized',
  'capacity-optimized',
  'capacity-optimized-prioritized',
  'lowest-price',
  'diversified',
] as const;

export function fleetActions(host: Ec2Host): [string, QueryAction][] {
  return [
    [
      'CreateFleet',
      (params) => {
        const request = fleetRequestIn(host.model, params);
        params.refuseUnread();
        refuseDryRun(params);
        const answer = createFleet(host.model, request, host.context());
        host.changed();
        return { fleetId: answer.fleetId, ...resultSets(answer) };
      },
    ],
    [
      'DescribeFleets',
      (params) => {
        const ids = params.strings('FleetId');
        const matches = matcher<Fleet>(filtersIn(params), { type: () => ['instant'], 'fleet-state': () => ['active'] });
        pagingIn(params);
        params.boolean('DryRun');
        params.refuseUnread();
        // Instant fleets show only to those who know their id.
        const fleets = ids.map((id) => {
          const fleet = host.model.fleets.get(id);
          if (fleet === undefined) throw new AwsError('InvalidFleetId.NotFound', `The fleet ID '${id}' does not exist`);
          return fleet;
        });
        return { fleetSet: { item: fleets.filter(matches).map(fleetXml) } };
      },
    ],
  ];
}

function fleetRequestIn(model: Ec2Model, params: Params): FleetRequest {
  const type = params.string('Type') ?? 'maintain';
  if (type !== 'instant') throw invalidValue('Type', type, 'The local cloud knows fleets of type instant only.');
  const target = params.struct('TargetCapacitySpecification');
  const spot = params.struct('SpotOptions');
  const onDemand = params.struct('OnDemandOptions');
  const total = target.integer('TotalTargetCapacity', 0, 10_000);
  if (total === undefined) {
    throw new AwsError('MissingParameter', 'The request must contain the parameter TotalTargetCapacity');
  }
  target.oneOf('TargetCapacityUnitType', ['units']);
  return {
    clientToken: params.string('ClientToken') ?? null,
    configs: params.structs('LaunchTemplateConfigs').map((config) => configIn(model, config)),
    total,
    spot: target.integer('SpotTargetCapacity', 0, 10_000) ?? null,
    onDemand: target.integer('OnDemandTargetCapacity', 0, 10_000) ?? null,
    defaultMarket: target.oneOf('DefaultTargetCapacityType', ['spot', 'on-demand']) ?? 'on-demand',
    spotAllocation: spot.oneOf('AllocationStrategy', SPOT_ALLOCATIONS) ?? null,
    onDemandAllocation: onDemand.oneOf('AllocationStrategy', ['lowest-price', 'prioritized']) ?? null,
    interruptionBehavior: spot.oneOf('InstanceInterruptionBehavior', ['terminate', 'stop', 'hibernate']) ?? null,
    minSpot: spot.integer('MinTargetCapacity', 1, 10_000) ?? null,
    minOnDemand: onDemand.integer('MinTargetCapacity', 1, 10_000) ?? null,
    tagSpecifications: tagSpecificationsIn(params),
  };
}

function configIn(model: Ec2Model, config: Params): FleetConfig {
  const template = config.struct('LaunchTemplateSpecification');
  const id = template.string('LaunchTemplateId');
  const name = template.string('LaunchTemplateName');
  return {
    templateId: templateOf(model, id, name).templateId,
    version: template.required('Version'),
    overrides: config.structs('Overrides').map((override) => ({
      instanceType: override.string('InstanceType') ?? null,
      subnetId: override.string('SubnetId') ?? null,
      zone: override.string('AvailabilityZone') ?? null,
      priority: numberIn(override, 'Priority'),
    })),
  };
}

function numberIn(params: Params, name: string): number | null {
  const text = params.string(name);
  if (text === undefined) return null;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw invalidValue(params.name(name), text, 'Expected a number of at least 0.');
  }
  return value;
}

function resultSets(answer: FleetAnswer): XmlObject {
  return {
    errorSet: {
      item: answer.errors.map((error) => ({
        launchTemplateAndOverrides: templateAndOverrides(error),
        lifecycle: error.market,
        errorCode: error.code,
        errorMessage: error.message,
      })),
    },
    fleetInstanceSet: {
      item: answer.instances.map((one) => ({
        launchTemplateAndOverrides: templateAndOverrides(one),
        lifecycle: one.market,
        instanceIds: { item: one.instanceIds },
        instanceType: one.instanceType,
      })),
    },
  };
}

function templateAndOverrides(of: FleetAnswer['instances'][number] | FleetAnswer['errors'][number]): XmlObject {
  return {
    launchTemplateSpecification: { launchTemplateId: of.templateId, version: of.version },
    overrides: overrideXml(of.override),
  };
}

const overrideXml = (override: FleetConfig['overrides'][number]): XmlObject => ({
  instanceType: override.instanceType,
  subnetId: override.subnetId,
  availabilityZone: override.zone,
  priority: override.priority,
});

function fleetXml({ fleetId, createTimeMs, request, answer, tags }: Fleet): XmlObject {
  const launched = (market: 'spot' | 'on-demand'): number =>
    answer.instances.reduce((sum, one) => sum + (one.market === market ? one.instanceIds.length : 0), 0);
  return {
    fleetId,
    createTime: new Date(createTimeMs),
    fleetState: 'active',
    activityStatus: answer.errors.length > 0 ? 'error' : 'fulfilled',
    clientToken: request.clientToken,
    type: 'instant',
    fulfilledCapacity: launched('spot') + launched('on-demand'),
    fulfilledOnDemandCapacity: launched('on-demand'),
    launchTemplateConfigs: {
      item: request.configs.map(({ templateId, version, overrides }) => ({
        launchTemplateSpecification: { launchTemplateId: templateId, version },
        overrides: { item: overrides.map(overrideXml) },
      })),
    },
    targetCapacitySpecification: {
      totalTargetCapacity: request.total,
      spotTargetCapacity: request.spot,
      onDemandTargetCapacity: request.onDemand,
      defaultTargetCapacityType: request.defaultMarket,
    },
    spotOptions: { allocationStrategy: request.spotAllocation },
    tagSet: tagSet(tags),
    ...resultSets(answer),
  };
}
