import type { Market } from '../ec2/model/types.js';
import { type NetworkFaults, PERFECT_NETWORK } from '../network/policy.js';

/**
 * How unkind the local cloud is, all of it in one place. Rates are probabilities from 0 to 1. Decisions are seeded:
 * the same seed and the same order of calls give the same faults.
 */
export interface UnkindOptions {
  /** The first rule that fits a call decides; each service and action has a bucket of its own. */
  readonly throttles: readonly ThrottleRule[];
  /** Answers that are lost after the act; the first rule that fits decides. */
  readonly lostReplies: readonly LostReplyRule[];
  /** Describes answer as of this long ago, in ms. */
  readonly describeLagMs: number;
  /** Capacity of pools from the start on. */
  readonly shortages: readonly Shortage[];
  readonly events: EventFaults;
  readonly notices: NoticeFaults;
  readonly imds: ImdsFaults;
  readonly network: NetworkFaults;
  readonly uploads: UploadFaults;
}

/** Which calls; what is left out fits all. */
export interface CallFilter {
  /** Signing name, such as `ec2`. */
  readonly service?: string;
  readonly action?: string;
}

export interface ThrottleRule extends CallFilter {
  /** Size of the token bucket: so many calls may come at once. */
  readonly burst: number;
  readonly perSecond: number;
}

export interface LostReplyRule extends CallFilter {
  readonly rate: number;
}

/** What is left out fits all pools, and both markets. */
export interface Shortage {
  readonly instanceType?: string;
  readonly zone?: string;
  readonly market?: Market;
  /** Default 0. */
  readonly capacity?: number;
  /** Default `InsufficientInstanceCapacity`; also `MaxSpotInstanceCountExceeded`, `VcpuLimitExceeded`, ... */
  readonly code?: string;
}

export interface UploadFaults {
  /** What each node can send to S3, in bytes/s; null: no limit. */
  readonly bytesPerSecond: number | null;
}

/** Of EventBridge: best effort, at least once, unordered. */
export interface EventFaults {
  readonly lossRate: number;
  readonly duplicateRate: number;
  /** Uniform between the two, for each copy. */
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

export interface NoticeFaults {
  /** Interruptions that are announced nowhere. */
  readonly missingRate: number;
  /** Interruptions with a shorter notice, and the notice they have, uniform between the two. */
  readonly shortRate: number;
  readonly shortMinMs: number;
  readonly shortMaxMs: number;
}

export interface ImdsFaults {
  /** Probability that a request begins a burst, in which every request of that node gets a 503. */
  readonly burstRate: number;
  readonly burstMs: number;
  /** Slow answers, and how slow, uniform between the two. */
  readonly slowRate: number;
  readonly slowMinMs: number;
  readonly slowMaxMs: number;
  /** Requests a second of one node before it gets 503s; null: no limit. */
  readonly perSecond: number | null;
}

export const KIND: UnkindOptions = {
  throttles: [],
  lostReplies: [],
  describeLagMs: 0,
  shortages: [],
  events: { lossRate: 0, duplicateRate: 0, minDelayMs: 0, maxDelayMs: 0 },
  notices: { missingRate: 0, shortRate: 0, shortMinMs: 0, shortMaxMs: 0 },
  imds: { burstRate: 0, burstMs: 0, slowRate: 0, slowMinMs: 0, slowMaxMs: 0, perSecond: null },
  network: PERFECT_NETWORK,
  uploads: { bytesPerSecond: null },
};

/** What a user may give: parts of the parts. */
export type UnkindInput = {
  readonly [K in keyof UnkindOptions]?: UnkindOptions[K] extends readonly unknown[] | number
    ? UnkindOptions[K]
    : Partial<UnkindOptions[K]>;
};

/** Fills in what is missing. @throws RangeError that names a value out of its range. */
export function unkindOptions(input: UnkindInput = {}): UnkindOptions {
  const options: UnkindOptions = {
    throttles: input.throttles ?? KIND.throttles,
    lostReplies: input.lostReplies ?? KIND.lostReplies,
    describeLagMs: input.describeLagMs ?? KIND.describeLagMs,
    shortages: input.shortages ?? KIND.shortages,
    events: { ...KIND.events, ...input.events },
    notices: { ...KIND.notices, ...input.notices },
    imds: { ...KIND.imds, ...input.imds },
    network: { ...KIND.network, ...input.network },
    uploads: { ...KIND.uploads, ...input.uploads },
  };
  atLeast('describeLagMs', options.describeLagMs, 0);
  for (const { burst, perSecond } of options.throttles) {
    atLeast('throttles.burst', burst, 1);
    atLeast('throttles.perSecond', perSecond, 0);
  }
  if (options.uploads.bytesPerSecond !== null) atLeast('uploads.bytesPerSecond', options.uploads.bytesPerSecond, 1);
  for (const { rate } of options.lostReplies) probability('lostReplies.rate', rate);
  for (const { capacity } of options.shortages) atLeast('shortages.capacity', capacity ?? 0, 0);
  for (const group of ['events', 'notices', 'imds'] as const) {
    for (const [name, value] of Object.entries(options[group])) {
      if (value === null) continue;
      if (name.endsWith('Rate')) probability(`${group}.${name}`, value);
      else atLeast(`${group}.${name}`, value, 0);
    }
  }
  return options;
}

function probability(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`unkind.${name} must be from 0 to 1, not ${value}`);
}

function atLeast(name: string, value: number, least: number): void {
  if (!(value >= least && value < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`unkind.${name} must be a number of at least ${least}, not ${value}`);
  }
}
