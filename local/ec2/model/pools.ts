import type { Context } from '../../../core/time.js';
import { AwsError } from '../../wire/error.js';
import { newPool, poolKey } from './state.js';
import type { Ec2Model, FleetOverride, Market, Pool, PoolOptions, SpotAllocation } from './types.js';

/** Price changes that are kept of a pool. */
const MAX_PRICES = 1_000;
/** An endless pool is counted as if it had room for this many: so that a fleet spreads over equally cheap pools. */
const NOMINAL_SIZE = 20;

/** A place where an instance might be launched. */
export interface Candidate {
  readonly configIndex: number;
  readonly override: FleetOverride;
  readonly instanceType: string;
  readonly zone: string;
  readonly subnetId: string;
  /** Null: this type isn't offered in this zone. */
  readonly pool: Pool | null;
}

/** Instances of a pool that hold capacity now. */
export function inUse(model: Ec2Model, pool: Pool, market: Market): number {
  let count = 0;
  for (const { record } of model.instances.values()) {
    if (record.zone !== pool.options.zone || record.instanceType !== pool.options.instanceType) continue;
    if (record.lifecycle === market && (record.state === 'pending' || record.state === 'running')) count++;
  }
  return count;
}

export function hasRoom(model: Ec2Model, pool: Pool, market: Market): boolean {
  const capacity = pool.capacity[market];
  return capacity === null || inUse(model, pool, market) < capacity;
}

/**
 * Candidates in the order in which a fleet tries them: the best first, ties by zone and type. `price-capacity-optimized`
 * divides the price by the part of the pool that is free, which is this model's choice: AWS doesn't publish its own.
 */
export function ranked(
  model: Ec2Model,
  candidates: readonly Candidate[],
  market: Market,
  strategy: SpotAllocation | 'prioritized',
): Candidate[] {
  const scored = candidates.map((candidate) => ({
    candidate,
    score:
      candidate.pool === null ? Number.POSITIVE_INFINITY : score(model, candidate, candidate.pool, market, strategy),
  }));
  scored.sort(
    (a, b) =>
      compare(a.score, b.score) ||
      compare(a.candidate.zone, b.candidate.zone) ||
      compare(a.candidate.instanceType, b.candidate.instanceType),
  );
  return scored.map(({ candidate }) => candidate);
}

function score(
  model: Ec2Model,
  candidate: Candidate,
  pool: Pool,
  market: Market,
  strategy: SpotAllocation | 'prioritized',
): number {
  const price = market === 'spot' ? pool.spotPrice : pool.options.onDemandPrice;
  const used = inUse(model, pool, market);
  // A pool that is short of capacity keeps its nominal size here: the fleet finds out by trying, as callers see it.
  const size = Math.max(pool.options.capacity ?? NOMINAL_SIZE, 1);
  const free = Math.max((size - used) / size, 0.01);
  switch (strategy) {
    case 'lowest-price':
      return price;
    case 'price-capacity-optimized':
      return price / free;
    case 'capacity-optimized':
      return -free;
    case 'diversified':
      return used;
    case 'capacity-optimized-prioritized':
    case 'prioritized':
      return candidate.override.priority ?? Number.MAX_VALUE;
  }
}

const compare = (a: number | string, b: number | string): number => (a < b ? -1 : a > b ? 1 : 0);

/** False: there is one of this type in this zone. */
export function addPool(model: Ec2Model, options: PoolOptions, ctx: Context): boolean {
  const key = poolKey(options.instanceType, options.zone);
  if (model.pools.has(key)) return false;
  model.pools.set(key, newPool(options, ctx));
  return true;
}

/** Sets the capacity of all pools that match; `code` is what launches beyond it are refused with. */
export function setCapacity(
  model: Ec2Model,
  where: { readonly instanceType?: string; readonly zone?: string; readonly market?: Market },
  capacity: number | null,
  code = 'InsufficientInstanceCapacity',
): number {
  let matched = 0;
  for (const pool of model.pools.values()) {
    if (where.instanceType !== undefined && where.instanceType !== pool.options.instanceType) continue;
    if (where.zone !== undefined && where.zone !== pool.options.zone) continue;
    matched++;
    for (const market of where.market === undefined ? (['spot', 'on-demand'] as const) : [where.market]) {
      pool.capacity[market] = capacity;
      pool.shortage[market] = code;
    }
  }
  return matched;
}

export function setSpotPrice(model: Ec2Model, instanceType: string, zone: string, price: number, ctx: Context): void {
  const pool = model.pools.get(poolKey(instanceType, zone));
  if (pool === undefined) throw new AwsError('InvalidParameterValue', `There is no pool of ${instanceType} in ${zone}`);
  pool.spotPrice = price;
  pool.prices.unshift({ atMs: ctx.wallMs, price });
  if (pool.prices.length > MAX_PRICES) pool.prices.length = MAX_PRICES;
}

/** AWS's codes, in words of our own; the code is what programs read. */
export function shortageMessage(code: string, instanceType: string, zone: string, market: Market): string {
  switch (code) {
    case 'MaxSpotInstanceCountExceeded':
      return `The account's limit of Spot Instances doesn't allow another ${instanceType}`;
    case 'VcpuLimitExceeded':
      return `The account's vCPU limit doesn't allow another ${market} ${instanceType}`;
    case 'Unsupported':
      return `Instance type ${instanceType} is not offered in ${zone}`;
    default:
      return `No ${market} capacity for ${instanceType} in ${zone} at the moment`;
  }
}
