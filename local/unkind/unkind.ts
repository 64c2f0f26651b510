import { chance, forkRng, randomBetween } from '../../core/rng.js';
import type { MonoMs, Rng } from '../../core/time.js';
import type { Announce } from '../ec2/model/types.js';
import { Bucket } from './bucket.js';
import type { CallFilter, UnkindOptions } from './options.js';

/** Nodes and actions that have a bucket. */
const MAX_BUCKETS = 10_000;

export interface ImdsFate {
  /** 503 instead of an answer. */
  readonly busy: boolean;
  readonly delayMs: number;
}

/** Decides about faults. Each kind draws from a generator of its own, so that one doesn't shift another. */
export class Unkind {
  readonly options: UnkindOptions;
  readonly #replies: Rng;
  readonly #events: Rng;
  readonly #notices: Rng;
  readonly #imds: Rng;
  readonly #buckets = new Map<string, Bucket>();
  readonly #bursts = new Map<string, MonoMs>();

  constructor(options: UnkindOptions, rng: Rng) {
    this.options = options;
    this.#replies = forkRng(rng, 'replies');
    this.#events = forkRng(rng, 'events');
    this.#notices = forkRng(rng, 'notices');
    this.#imds = forkRng(rng, 'imds');
  }

  /** Is this call one too many? Takes a token from its bucket if not. */
  throttles(service: string, action: string, nowMs: MonoMs): boolean {
    const rule = this.options.throttles.find((one) => fits(one, service, action));
    if (rule === undefined) return false;
    return !this.#bucket(`${service}.${action}`, rule.burst, rule.perSecond, nowMs).take(nowMs);
  }

  losesReply(service: string, action: string): boolean {
    const rule = this.options.lostReplies.find((one) => fits(one, service, action));
    return rule !== undefined && chance(this.#replies, rule.rate);
  }

  /** Delays of the copies of an event; empty when it is lost. Draws equally often whatever happens. */
  eventCopies(): number[] {
    const { lossRate, duplicateRate, minDelayMs, maxDelayMs } = this.options.events;
    const lost = chance(this.#events, lossRate);
    const twice = chance(this.#events, duplicateRate);
    const delays = [0, 0].map(() => Math.round(randomBetween(this.#events, minDelayMs, maxDelayMs)));
    return lost ? [] : twice ? delays : delays.slice(0, 1);
  }

  /** What becomes of an interruption that should have been announced with `noticeMs`. */
  notice(noticeMs: number, announce: Announce): { readonly noticeMs: number; readonly announce: Announce } {
    const { missingRate, shortRate, shortMinMs, shortMaxMs } = this.options.notices;
    const missing = chance(this.#notices, missingRate);
    const short = chance(this.#notices, shortRate);
    const shortMs = Math.round(randomBetween(this.#notices, shortMinMs, shortMaxMs));
    return {
      noticeMs: short ? Math.min(noticeMs, shortMs) : noticeMs,
      announce: missing ? 'none' : announce,
    };
  }

  imds(instanceId: string, nowMs: MonoMs): ImdsFate {
    const { burstRate, burstMs, slowRate, slowMinMs, slowMaxMs, perSecond } = this.options.imds;
    const begins = chance(this.#imds, burstRate);
    const slow = chance(this.#imds, slowRate);
    const slowMs = Math.round(randomBetween(this.#imds, slowMinMs, slowMaxMs));
    if (begins && !this.#inBurst(instanceId, nowMs)) {
      if (this.#bursts.size >= MAX_BUCKETS) this.#bursts.clear();
      this.#bursts.set(instanceId, (nowMs + burstMs) as MonoMs);
    }
    const throttled =
      perSecond !== null && !this.#bucket(`imds ${instanceId}`, perSecond, perSecond, nowMs).take(nowMs);
    return { busy: this.#inBurst(instanceId, nowMs) || throttled, delayMs: slow ? slowMs : 0 };
  }

  #inBurst(instanceId: string, nowMs: MonoMs): boolean {
    return nowMs < (this.#bursts.get(instanceId) ?? Number.NEGATIVE_INFINITY);
  }

  #bucket(key: string, burst: number, perSecond: number, nowMs: MonoMs): Bucket {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_BUCKETS) this.#buckets.clear();
      bucket = new Bucket(burst, perSecond, nowMs);
      this.#buckets.set(key, bucket);
    }
    return bucket;
  }
}

const fits = (filter: CallFilter, service: string, action: string): boolean =>
  (filter.service ?? service) === service && (filter.action ?? action) === action;
