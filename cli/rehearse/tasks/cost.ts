import type { PoolSettings } from '../pools.js';
import type { NodeInfo, TimelineEvent } from '../timeline.js';
import type { TaskCost } from './facts.js';

const HOUR_MS = 3_600_000;

/**
 * What the instances of a stretch of time cost, by the second, from `running` to the begin of their end, as EC2 bills
 * them; the 60 s that it bills at least, and the first hour that it gives back to the interrupted, are left out, since a
 * rehearsal's seconds stand for longer times.
 *
 * @param desired nodes that on-demand capacity would have to have
 */
export function costOf(
  events: readonly TimelineEvent[],
  pools: readonly PoolSettings[],
  fromMs: number,
  toMs: number,
  desired: number,
): TaskCost {
  const nodes = new Map<string, NodeInfo>();
  const began = new Map<string, number>();
  const over = new Map<string, number>();
  for (const event of events) {
    if (event.type === 'launched') nodes.set(event.node.instanceId, event.node);
    else if (event.type === 'running') began.set(event.instanceId, event.atMs);
    else if (event.type === 'ending' || event.type === 'ended' || event.type === 'died') {
      over.set(event.instanceId, Math.min(over.get(event.instanceId) ?? Number.POSITIVE_INFINITY, event.atMs));
    }
  }
  let usd = 0;
  let ms = 0;
  for (const [id, startMs] of began) {
    const node = nodes.get(id);
    const lived = Math.min(over.get(id) ?? toMs, toMs) - Math.max(startMs, fromMs);
    const pool = pools.find(({ instanceType, zone }) => instanceType === node?.instanceType && zone === node.zone);
    if (lived <= 0 || node === undefined || pool === undefined) continue;
    ms += lived;
    usd += (lived / HOUR_MS) * (node.market === 'spot' ? pool.spotPrice : pool.onDemandPrice);
  }
  const cheapest = Math.min(...pools.map(({ onDemandPrice }) => onDemandPrice));
  const onDemandUsd = pools.length === 0 ? 0 : (Math.max(0, toMs - fromMs) / HOUR_MS) * desired * cheapest;
  return { usd, instanceSeconds: ms / 1_000, onDemandUsd };
}
