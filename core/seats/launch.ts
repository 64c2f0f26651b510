import type { LaunchRequest } from '../cloud.js';
import type { PoolSpec, Spec } from '../spec/spec.js';
import { type Market, marketOf } from './rung.js';
import type { HeldSeat } from './seat.js';
import { TAG } from './tags.js';

/**
 * The one builder of launch requests. Whoever wants a seat filled - the dying node, a peer, a Lambda, the seeder -
 * sends the same bytes, so that EC2 launches once. Nothing of the caller, and not the spec's version, goes in.
 *
 * The market is the seat's own, unless a caller that knows of pressure (work with a deadline that falls behind on spot)
 * names another one. The token doesn't hold it: of two callers that differ one gets a mismatch, which means that
 * somebody acted.
 */
export function launchRequest(spec: Spec, seat: HeldSeat, market: Market = seatMarket(spec, seat)): LaunchRequest {
  const token = launchToken(spec.cluster, spec.epoch, seat);
  const tags: [string, string][] = [
    ['Name', `synkti ${spec.cluster} slot ${seat.slot}`],
    [TAG.cluster, spec.cluster],
    [TAG.epoch, spec.epoch],
    [TAG.slot, String(seat.slot)],
    [TAG.generation, String(seat.generation)],
    [TAG.rung, String(seat.rung)],
    [TAG.token, token],
    [TAG.template, String(spec.launch.templateVersion)],
  ];
  return {
    token,
    seat: { slot: seat.slot, generation: seat.generation, rung: seat.rung },
    market,
    templateId: spec.launch.templateId,
    templateVersion: spec.launch.templateVersion,
    overrides: spec.launch.pools
      .map(({ instanceType, subnetId, zone }) => ({ instanceType, subnetId, zone }))
      .sort(comparePools),
    tags: tags.sort(([a], [b]) => compareText(a, b)),
  };
}

/** Where a seat is launched when nothing presses. */
export const seatMarket = (spec: Spec, seat: HeldSeat): Market =>
  seat.slot < (spec.launch.onDemandBase ?? 0) ? 'on-demand' : marketOf(seat.rung, spec.launch.onDemandAfter);

/**
 * The ClientToken of a seat's rung: readable, so that it can be found in CloudTrail, and unique by construction, which
 * a hash would only be by chance. At most 64 ASCII characters: 7 + 24 (cluster) + 1 + 12 (epoch) + 20 for the numbers.
 */
export function launchToken(cluster: string, epoch: string, seat: HeldSeat): string {
  return `synkti.${cluster}.${epoch}.${base36(seat.slot)}.${base36(seat.generation)}.${base36(seat.rung)}`;
}

const base36 = (n: number): string => n.toString(36);

function comparePools(a: PoolSpec, b: PoolSpec): number {
  const byPool = compareText(a.zone, b.zone) || compareText(a.instanceType, b.instanceType);
  return byPool || compareText(a.subnetId, b.subnetId);
}

/** By code unit: the same order on every machine, whatever its locale. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
