import { Histogram } from './histogram.js';

/** What became of a request, as a load balancer's metrics tell it. */
export interface CountedRequest {
  /** False: there was no target to choose. */
  readonly chosen: boolean;
  /** What the target answered; 0: no head of an answer came. */
  readonly targetStatus: number;
  /** From sending the request to the target until the head of its answer came. */
  readonly headMs: number;
  /** What the load balancer answered in the target's place; 0: it did not. */
  readonly ownStatus: number;
}

/** Requests of a minute, between one load balancer and one target group. */
export interface TrafficMinute {
  /** Minutes since the epoch. */
  readonly minute: number;
  /** For which a target was chosen. */
  requests: number;
  /** Answers of targets by the first digit of their status. */
  readonly targetAnswers: number[];
  /** Answers of the load balancer's own by status. */
  readonly ownAnswers: Map<number, number>;
  /** Null: no target has answered. */
  times: Histogram | null;
}

/** Minutes that are kept: three hours. */
export const KEPT_MINUTES = 180;

/** Counts by minute, of the wall clock at a request's end. */
export class Traffic {
  readonly #minutes: TrafficMinute[] = [];

  count(wallMs: number, { chosen, targetStatus, headMs, ownStatus }: CountedRequest): void {
    const now = this.#at(Math.floor(wallMs / 60_000));
    if (chosen) now.requests++;
    if (targetStatus > 0) {
      const digit = Math.floor(targetStatus / 100) % 10;
      now.targetAnswers[digit] = (now.targetAnswers[digit] ?? 0) + 1;
      now.times ??= new Histogram();
      now.times.add(headMs);
    }
    if (ownStatus > 0) now.ownAnswers.set(ownStatus, (now.ownAnswers.get(ownStatus) ?? 0) + 1);
  }

  /** In order; none without requests. */
  minutes(): readonly Readonly<TrafficMinute>[] {
    return this.#minutes;
  }

  #at(minute: number): TrafficMinute {
    const last = this.#minutes.at(-1);
    // What comes after the clock was set back counts into the latest minute.
    if (last !== undefined && minute <= last.minute) return last;
    const fresh: TrafficMinute = { minute, requests: 0, targetAnswers: [], ownAnswers: new Map(), times: null };
    this.#minutes.push(fresh);
    while ((this.#minutes[0]?.minute ?? minute) <= minute - KEPT_MINUTES) this.#minutes.shift();
    return fresh;
  }
}

export interface TrafficSeries {
  readonly balancerArn: string;
  readonly groupArn: string;
  readonly traffic: Traffic;
}

/** With {@link KEPT_MINUTES} busy minutes each, these take 35 MiB at most. */
const MAX_SERIES = 64;

/** Traffic by load balancer and target group; it outlives both, as metrics do. */
export class TrafficBook {
  readonly #series = new Map<string, Map<string, Traffic>>();
  readonly #order: TrafficSeries[] = [];

  /** The oldest series gives way when there are too many. */
  of(balancerArn: string, groupArn: string): Traffic {
    const known = this.#series.get(balancerArn)?.get(groupArn);
    if (known !== undefined) return known;
    if (this.#order.length >= MAX_SERIES) {
      const oldest = this.#order.shift();
      if (oldest !== undefined) this.#series.get(oldest.balancerArn)?.delete(oldest.groupArn);
    }
    const traffic = new Traffic();
    const groups = this.#series.get(balancerArn) ?? new Map<string, Traffic>();
    this.#series.set(balancerArn, groups.set(groupArn, traffic));
    this.#order.push({ balancerArn, groupArn, traffic });
    return traffic;
  }

  all(): readonly TrafficSeries[] {
    return this.#order;
  }
}
