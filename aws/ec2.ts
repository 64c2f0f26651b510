import {
  type _InstanceType,
  CreateFleetCommand,
  type CreateFleetCommandInput,
  type CreateFleetError,
  CreateTagsCommand,
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  EC2Client,
  type Filter,
  type Instance,
  type InstanceStatus,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { InstanceState, LaunchAnswer, LaunchRequest, NodeView, PoolError } from '../core/cloud.js';
import { hearsFromTags, phaseFromTags, seatFromTags, TAG, waitingFromTags } from '../core/seats/tags.js';
import { type ClientConfig, clientOptions } from './client.js';
import { classify, isNotFound, kindOfCode } from './errors.js';

/**
 * EC2. One attempt a call: a launch that failed must be seen by the caller before anybody repeats it, and EC2 answers
 * "no capacity" with a 500, which the SDK would otherwise repeat by itself.
 */
export interface Ec2 {
  launch(request: LaunchRequest, signal: AbortSignal): Promise<LaunchAnswer>;
  findNodes(cluster: string, epoch: string, slot: number | null, signal: AbortSignal): Promise<readonly NodeView[]>;
  /** Null when EC2 doesn't know the id, which is no proof that it doesn't exist: describes lag. */
  describeNode(instanceId: string, signal: AbortSignal): Promise<NodeView | null>;
  terminate(instanceId: string, signal: AbortSignal): Promise<null>;
  tagNode(instanceId: string, tags: Readonly<Record<string, string>>, signal: AbortSignal): Promise<null>;
  close(): void;
}

const PAGE = 500;
/** 100 pages of 500: five times the largest fleet. */
const MAX_PAGES = 100;

export const ec2Client = (config: ClientConfig): EC2Client => new EC2Client(clientOptions(config, 1));

export function createEc2(client: EC2Client): Ec2 {
  return {
    async launch(request, signal) {
      const answer = await client.send(new CreateFleetCommand(fleetInput(request)), { abortSignal: signal });
      return {
        instanceIds: (answer.Instances ?? []).flatMap((instance) => instance.InstanceIds ?? []),
        errors: (answer.Errors ?? []).map((error) => poolError(error, request)),
      };
    },

    async findNodes(cluster, epoch, slot, signal) {
      const filters: Filter[] = [tagFilter(TAG.cluster, cluster), tagFilter(TAG.epoch, epoch)];
      if (slot !== null) filters.push(tagFilter(TAG.slot, String(slot)));
      const found: NodeView[] = [];
      let token: string | undefined;
      for (let page = 0; page < MAX_PAGES; page++) {
        const answer = await client.send(
          new DescribeInstancesCommand({ Filters: filters, MaxResults: PAGE, ...(token ? { NextToken: token } : {}) }),
          { abortSignal: signal },
        );
        for (const reservation of answer.Reservations ?? []) {
          for (const instance of reservation.Instances ?? []) {
            const view = nodeView(instance, null);
            if (view !== null) found.push(view);
          }
        }
        token = answer.NextToken;
        if (!token) return found;
      }
      throw new Error(`DescribeInstances did not end after ${MAX_PAGES} pages`);
    },

    async describeNode(instanceId, signal) {
      const options = { abortSignal: signal };
      const ids = { InstanceIds: [instanceId] };
      try {
        const [answer, status] = await Promise.all([
          client.send(new DescribeInstancesCommand(ids), options),
          // Without its status the state is still worth having.
          client
            .send(new DescribeInstanceStatusCommand({ ...ids, IncludeAllInstances: true }), options)
            .catch(() => null),
        ]);
        const instance = answer.Reservations?.[0]?.Instances?.[0];
        return instance === undefined ? null : nodeView(instance, statusOk(status?.InstanceStatuses?.[0]));
      } catch (error) {
        if (isNotFound(classify(error))) return null;
        throw error;
      }
    },

    async terminate(instanceId, signal) {
      await client.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }), { abortSignal: signal });
      return null;
    },

    async tagNode(instanceId, tags, signal) {
      const list = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      await client.send(new CreateTagsCommand({ Resources: [instanceId], Tags: list }), { abortSignal: signal });
      return null;
    },

    close: () => client.destroy(),
  };
}

const tagFilter = (key: string, value: string): Filter => ({ Name: `tag:${key}`, Values: [value] });

/** The wire form of a launch; nothing but the request goes into it, so that all callers send the same bytes. */
export function fleetInput(request: LaunchRequest): CreateFleetCommandInput {
  const tags = request.tags.map(([Key, Value]) => ({ Key, Value }));
  return {
    ClientToken: request.token,
    Type: 'instant',
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: {
          LaunchTemplateId: request.templateId,
          Version: String(request.templateVersion),
        },
        Overrides: request.overrides.map(({ instanceType, subnetId }) => ({
          InstanceType: instanceType as _InstanceType,
          SubnetId: subnetId,
        })),
      },
    ],
    TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: request.market },
    // No max price: it raises interruptions.
    ...(request.market === 'spot'
      ? { SpotOptions: { AllocationStrategy: 'price-capacity-optimized' as const } }
      : { OnDemandOptions: { AllocationStrategy: 'lowest-price' as const } }),
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tags },
      { ResourceType: 'fleet', Tags: tags },
    ],
  };
}

function poolError(error: CreateFleetError, request: LaunchRequest): PoolError {
  const override = error.LaunchTemplateAndOverrides?.Overrides;
  const code = error.ErrorCode ?? 'Unknown';
  const pool = request.overrides.find(({ subnetId }) => subnetId === override?.SubnetId);
  return {
    // EC2 said that this pool launched nothing, whatever the code.
    kind: kindOfCode(code) ?? 'configuration',
    code,
    message: error.ErrorMessage ?? '',
    instanceType: override?.InstanceType ?? null,
    zone: override?.AvailabilityZone ?? pool?.zone ?? null,
  };
}

const STATES: ReadonlySet<string> = new Set<InstanceState>([
  'pending',
  'running',
  'shutting-down',
  'terminated',
  'stopping',
  'stopped',
]);

/** Null for an answer that lacks what every instance has. */
export function nodeView(instance: Instance, status: boolean | null): NodeView | null {
  const state = instance.State?.Name;
  if (!instance.InstanceId || state === undefined || !STATES.has(state)) return null;
  const tags: Record<string, string> = {};
  for (const { Key, Value } of instance.Tags ?? []) if (Key !== undefined && Value !== undefined) tags[Key] = Value;
  return {
    instanceId: instance.InstanceId,
    state,
    statusOk: status,
    privateIp: instance.PrivateIpAddress ?? null,
    zone: instance.Placement?.AvailabilityZone ?? '',
    instanceType: instance.InstanceType ?? '',
    lifecycle: instance.InstanceLifecycle === 'spot' ? 'spot' : 'on-demand',
    launchTimeMs: instance.LaunchTime?.getTime() ?? 0,
    seat: seatFromTags(tags),
    token: tags[TAG.token] ?? null,
    phase: phaseFromTags(tags),
    waiting: waitingFromTags(tags),
    hears: hearsFromTags(tags),
    endReason: instance.StateReason?.Code ?? null,
  };
}

/** False as soon as one check fails; null while they are being made. */
function statusOk(status: InstanceStatus | undefined): boolean | null {
  const checks = [status?.SystemStatus?.Status, status?.InstanceStatus?.Status];
  if (checks.includes('impaired')) return false;
  return checks.every((check) => check === 'ok') ? true : null;
}
