import {
  type _InstanceType,
  DeleteNetworkInterfaceCommand,
  DeleteVolumeCommand,
  DescribeInstanceStatusCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeVolumesCommand,
  type EC2Client,
  type Filter,
  type InstanceStatusSummary,
} from '@aws-sdk/client-ec2';
import type { Impaired, Orphan, Pool, SpotPrice } from '../../core/fallback/port.js';
import { TAG } from '../../core/seats/tags.js';
import { wallMs } from '../../core/time.js';

/** What the Lambdas ask of EC2 beyond what agents ask. */
export interface FallbackEc2 {
  findImpaired(instanceIds: readonly string[], signal: AbortSignal): Promise<readonly Impaired[]>;
  findOrphans(cluster: string, epoch: string, signal: AbortSignal): Promise<readonly Orphan[]>;
  /** Of those pools that EC2 has a price for. */
  findSpotPrices(pools: readonly Pool[], signal: AbortSignal): Promise<readonly SpotPrice[]>;
  deleteOrphan(kind: Orphan['kind'], id: string, signal: AbortSignal): Promise<null>;
}

/** EC2 takes at most 100 ids in one DescribeInstanceStatus. */
const IDS_AT_ONCE = 100;
/** Orphans are few; what doesn't fit on a page is left for the next look. */
const PAGE = 500;
/** One page; a cluster with more pools than that gets no price for the others. */
const MOST_PRICES = 1_000;

export function createFallbackEc2(client: EC2Client): FallbackEc2 {
  return {
    async findImpaired(instanceIds, signal) {
      const impaired: Impaired[] = [];
      for (let from = 0; from < instanceIds.length; from += IDS_AT_ONCE) {
        const InstanceIds = instanceIds.slice(from, from + IDS_AT_ONCE);
        const answer = await client.send(new DescribeInstanceStatusCommand({ InstanceIds }), { abortSignal: signal });
        for (const { InstanceId, InstanceStatus, SystemStatus } of answer.InstanceStatuses ?? []) {
          const failing = [InstanceStatus, SystemStatus].filter((check) => check?.Status === 'impaired');
          if (InstanceId !== undefined && failing.length > 0) {
            impaired.push({ instanceId: InstanceId, sinceMs: since(failing) });
          }
        }
      }
      return impaired;
    },

    async findOrphans(cluster, epoch, signal) {
      const ofCluster: Filter[] = [
        { Name: `tag:${TAG.cluster}`, Values: [cluster] },
        { Name: `tag:${TAG.epoch}`, Values: [epoch] },
        { Name: 'status', Values: ['available'] },
      ];
      const [volumes, interfaces] = await Promise.all([
        client.send(new DescribeVolumesCommand({ Filters: ofCluster, MaxResults: PAGE }), { abortSignal: signal }),
        client.send(new DescribeNetworkInterfacesCommand({ Filters: ofCluster, MaxResults: PAGE }), {
          abortSignal: signal,
        }),
      ]);
      const orphans: Orphan[] = [];
      for (const { VolumeId, CreateTime } of volumes.Volumes ?? []) {
        if (VolumeId === undefined || CreateTime === undefined) continue;
        orphans.push({ kind: 'volume', id: VolumeId, createdMs: wallMs(CreateTime.getTime()) });
      }
      for (const { NetworkInterfaceId } of interfaces.NetworkInterfaces ?? []) {
        if (NetworkInterfaceId === undefined) continue;
        orphans.push({ kind: 'network-interface', id: NetworkInterfaceId, createdMs: null });
      }
      return orphans;
    },

    async findSpotPrices(pools, signal) {
      const now = new Date();
      const answer = await client.send(
        new DescribeSpotPriceHistoryCommand({
          InstanceTypes: [...new Set(pools.map(({ instanceType }) => instanceType as _InstanceType))],
          Filters: [{ Name: 'availability-zone', Values: [...new Set(pools.map(({ zone }) => zone))] }],
          ProductDescriptions: ['Linux/UNIX'],
          // The history of this moment is the price that holds.
          StartTime: now,
          EndTime: now,
          MaxResults: MOST_PRICES,
        }),
        { abortSignal: signal },
      );
      return (answer.SpotPriceHistory ?? []).flatMap(({ InstanceType, AvailabilityZone, SpotPrice }) => {
        const usdPerHour = Number(SpotPrice);
        if (!InstanceType || !AvailabilityZone || !(usdPerHour > 0)) return [];
        return { instanceType: InstanceType, zone: AvailabilityZone, usdPerHour };
      });
    },

    async deleteOrphan(kind, id, signal) {
      const options = { abortSignal: signal };
      if (kind === 'volume') await client.send(new DeleteVolumeCommand({ VolumeId: id }), options);
      else await client.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId: id }), options);
      return null;
    },
  };
}

/** The earliest moment that EC2 gives for a failed check. */
function since(checks: readonly (InstanceStatusSummary | undefined)[]) {
  const times = checks.flatMap((check) =>
    (check?.Details ?? []).flatMap(({ ImpairedSince }) => (ImpairedSince === undefined ? [] : ImpairedSince.getTime())),
  );
  return times.length === 0 ? null : wallMs(Math.min(...times));
}
