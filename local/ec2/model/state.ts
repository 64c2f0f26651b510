import type { InstanceState } from '../../../core/cloud.js';
import type { Context, MonoMs, Rng } from '../../../core/time.js';
import { AwsError } from '../../wire/error.js';
import type { Ec2Model, Ec2Options, EndCause, Instance, InstanceRecord, Pool, PoolOptions } from './types.js';

/** Everything that grows is bounded; what is oldest goes first. */
const MAX_TOKENS = 50_000;
const MAX_FLEETS = 10_000;
const MAX_OUTBOX = 100_000;

export const DEFAULT_EC2 = {
  accountId: '123456789012',
  launchDelayMs: 16_000,
  shutdownMs: 5_000,
  statusCheckMs: 0,
  visibleMs: 3_600_000,
  describeLagMs: 0,
  failedAttemptUsesToken: true,
  endedToken: 'error',
} as const;

export function createModel(options: Ec2Options, ctx: Context): Ec2Model {
  return {
    options,
    describeLagMs: options.describeLagMs,
    subnets: [...options.zones],
    instances: new Map(),
    pools: new Map(options.pools.map((pool) => [poolKey(pool.instanceType, pool.zone), newPool(pool, ctx)])),
    fleets: new Map(),
    templates: new Map(),
    tokens: new Map(),
    leftovers: new Map(),
    outbox: [],
    nextSeq: 1,
  };
}

export const poolKey = (instanceType: string, zone: string): string => `${zone}/${instanceType}`;

export function newPool(options: PoolOptions, ctx: Context): Pool {
  return {
    options,
    key: poolKey(options.instanceType, options.zone),
    capacity: { spot: options.capacity, 'on-demand': options.onDemandCapacity ?? null },
    shortage: { spot: 'InsufficientInstanceCapacity', 'on-demand': 'InsufficientInstanceCapacity' },
    spotPrice: options.spotPrice,
    prices: [{ atMs: ctx.wallMs, price: options.spotPrice }],
  };
}

/** `i-0123456789abcdef0`: a prefix and 17 hexadecimal digits. */
export function newId(prefix: string, rng: Rng): string {
  let hex = '';
  while (hex.length < 17) hex += Math.floor(rng.next() * 16).toString(16);
  return `${prefix}-${hex}`;
}

export const isEnded = (state: InstanceState): boolean => state === 'shutting-down' || state === 'terminated';

/** @throws AwsError `InvalidInstanceID.Malformed`, `InvalidInstanceID.NotFound`. */
export function instanceOf(model: Ec2Model, instanceId: string): Instance {
  const instance = model.instances.get(instanceId);
  if (instance === undefined) throw noSuchInstance(instanceId);
  return instance;
}

export function noSuchInstance(instanceId: string): AwsError {
  return /^i-([0-9a-f]{8}|[0-9a-f]{17})$/.test(instanceId)
    ? new AwsError('InvalidInstanceID.NotFound', `The instance ID '${instanceId}' does not exist`)
    : new AwsError('InvalidInstanceID.Malformed', `Invalid id: "${instanceId.slice(0, 100)}"`);
}

/** Replaces an instance's record, and keeps the old one for as long as lagging describes may ask for it. */
export function change(model: Ec2Model, instance: Instance, update: Partial<InstanceRecord>, ctx: Context): void {
  remember(model, instance, instance.record, ctx.nowMs);
  instance.record = { ...instance.record, ...update };
}

export function remember(model: Ec2Model, instance: Instance, was: InstanceRecord | null, nowMs: MonoMs): void {
  if (model.describeLagMs === 0) {
    instance.past.length = 0;
    return;
  }
  instance.past.push({ untilMs: nowMs, record: was });
  const keepFrom = nowMs - model.describeLagMs;
  while ((instance.past[0]?.untilMs ?? keepFrom) < keepFrom) instance.past.shift();
}

/** The instance as describes show it now; null when it can't be seen yet. */
export function visibleRecord(model: Ec2Model, instance: Instance, nowMs: MonoMs): InstanceRecord | null {
  const asOf = nowMs - model.describeLagMs;
  for (const version of instance.past) if (asOf < version.untilMs) return version.record;
  return instance.record;
}

export function setState(
  model: Ec2Model,
  instance: Instance,
  to: InstanceState,
  cause: 'launch' | EndCause,
  ctx: Context,
  more: Partial<InstanceRecord> = {},
): void {
  const from = instance.record.state;
  change(model, instance, { ...more, state: to }, ctx);
  emit(model, { type: 'state', instanceId: instance.instanceId, from, to, cause, wallMs: ctx.wallMs });
}

export function emit(model: Ec2Model, transition: Ec2Model['outbox'][number]): void {
  // A host that never calls advance() must not make the model grow without end.
  if (model.outbox.length < MAX_OUTBOX) model.outbox.push(transition);
}

/** Drops the oldest tokens and fleets beyond their bounds. */
export function bound(model: Ec2Model): void {
  for (const [map, max] of [
    [model.tokens, MAX_TOKENS],
    [model.fleets, MAX_FLEETS],
  ] as const) {
    for (const key of map.keys()) {
      if (map.size <= max) break;
      map.delete(key);
    }
  }
}
