import type { LaunchAnswer, LaunchRequest, NodeView } from '../../../core/cloud.js';
import { hearsFromTags, phaseFromTags, seatFromTags, TAG, waitingFromTags } from '../../../core/seats/tags.js';
import type { FleetAnswer, FleetRequest, InstanceRecord } from './types.js';

/** The CreateFleet that a launch request stands for, as aws/ sends it: for hosts without a wire between. */
export function fleetRequestOf(launch: LaunchRequest): FleetRequest {
  const tags = Object.fromEntries(launch.tags);
  return {
    clientToken: launch.token,
    configs: [
      {
        templateId: launch.templateId,
        version: String(launch.templateVersion),
        overrides: launch.overrides.map(({ instanceType, subnetId }) => ({
          instanceType,
          subnetId,
          zone: null,
          priority: null,
        })),
      },
    ],
    total: 1,
    spot: null,
    onDemand: null,
    defaultMarket: launch.market,
    spotAllocation: launch.market === 'spot' ? 'price-capacity-optimized' : null,
    onDemandAllocation: launch.market === 'on-demand' ? 'lowest-price' : null,
    interruptionBehavior: null,
    minSpot: null,
    minOnDemand: null,
    tagSpecifications: [
      { resourceType: 'instance', tags },
      { resourceType: 'fleet', tags },
    ],
  };
}

/** `kindOf` sorts AWS's codes; the local cloud doesn't decide what its callers make of them. */
export function launchAnswerOf(
  launch: LaunchRequest,
  answer: FleetAnswer,
  kindOf: (code: string) => LaunchAnswer['errors'][number]['kind'],
): LaunchAnswer {
  return {
    instanceIds: answer.instances.flatMap(({ instanceIds }) => instanceIds),
    errors: answer.errors.map(({ code, message, override }) => ({
      kind: kindOf(code),
      code,
      message,
      instanceType: override.instanceType,
      zone: launch.overrides.find(({ subnetId }) => subnetId === override.subnetId)?.zone ?? null,
    })),
  };
}

export function nodeViewOf(record: InstanceRecord, statusOk: boolean | null = null): NodeView {
  return {
    instanceId: record.instanceId,
    state: record.state,
    statusOk,
    privateIp: record.privateIp,
    zone: record.zone,
    instanceType: record.instanceType,
    lifecycle: record.lifecycle,
    launchTimeMs: record.launchTimeMs,
    seat: seatFromTags(record.tags),
    token: record.tags[TAG.token] ?? null,
    phase: phaseFromTags(record.tags),
    waiting: waitingFromTags(record.tags),
    hears: hearsFromTags(record.tags),
    endReason: record.stateReason?.code ?? null,
  };
}
