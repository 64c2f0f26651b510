import { chance, pick, randomBetween, randomInt } from '../../core/rng.js';
import type { Rng } from '../../core/time.js';

/** What a seed stands for: the size of the cluster, the weather, and what happens when. Times in ms of virtual time. */
export interface Plan {
  readonly nodes: number;
  readonly onDemandAfter: number | null;
  readonly rebalance: 'ignore' | 'pre-warm' | 'replace';
  readonly failedAttemptUsesToken: boolean;
  readonly endedToken: 'error' | 'return';
  readonly describeLagMs: number;
  readonly launchDelayMs: number;
  /** Chances a datagram or call. */
  readonly loss: number;
  readonly duplicate: number;
  readonly slow: number;
  readonly throttle: number;
  readonly lostReply: number;
  readonly lostCall: number;
  readonly events: readonly PlannedEvent[];
  /** Until when events may begin; after it the weather clears. */
  readonly stormMs: number;
}

export type PlannedEvent = { readonly atMs: number } & (
  | { readonly type: 'interrupt'; readonly count: number; readonly noticeMs: number; readonly announced: boolean }
  | { readonly type: 'fail'; readonly seenAfterMs: number | null }
  | { readonly type: 'pause'; readonly forMs: number }
  | { readonly type: 'restart' }
  | { readonly type: 'rebalance' }
  | { readonly type: 'partition'; readonly share: number; readonly forMs: number }
  | { readonly type: 'no-capacity'; readonly market: 'spot' | 'both'; readonly code: string; readonly forMs: number }
  | { readonly type: 'scale'; readonly desired: number }
  /** A node says that its work falls behind on spot, and takes it back. */
  | { readonly type: 'press'; readonly forMs: number }
  /** The policy pauses voluntary acts; at the latest until the weather clears. */
  | { readonly type: 'hold'; readonly forMs: number }
  /** A new version of the launch template: callers with different specs now ask for different things with one token. */
  | { readonly type: 'template' }
);

const STORM_MS = 100_000;

/** Two workloads of which the cluster wants a number of copies, beside the one on every node. */
export interface PlannedCopies {
  readonly name: string;
  readonly copies: number;
  readonly memoryMiB: number;
}

/** A node has 1,024 MiB: it holds one copy of each, or, in every third schedule, one copy at all. */
export function copiesOf(rng: Rng, nodes: number): readonly PlannedCopies[] {
  const memoryMiB = chance(rng, 0.33) ? 600 : 300;
  return ['alpha', 'beta'].map((name) => ({ name, copies: 1 + randomInt(rng, nodes), memoryMiB }));
}

export function planOf(rng: Rng): Plan {
  const nodes = 3 + randomInt(rng, 4);
  const rough = chance(rng, 0.5);
  const events: PlannedEvent[] = [];
  const count = 2 + randomInt(rng, 6);
  for (let i = 0; i < count; i++) events.push(eventOf(rng, nodes));
  const plan: Omit<Plan, 'events'> = {
    nodes,
    onDemandAfter: pick(rng, [null, 1, 2, 3]) ?? null,
    rebalance: pick(rng, ['ignore', 'pre-warm', 'replace'] as const) ?? 'ignore',
    failedAttemptUsesToken: chance(rng, 0.5),
    endedToken: chance(rng, 0.5) ? 'error' : 'return',
    describeLagMs: chance(rng, 0.5) ? 0 : randomInt(rng, 10_000),
    launchDelayMs: 1_000 + randomInt(rng, 15_000),
    loss: rough ? randomBetween(rng, 0, 0.2) : 0,
    duplicate: rough ? randomBetween(rng, 0, 0.1) : 0,
    slow: rough ? randomBetween(rng, 0, 0.1) : 0,
    throttle: chance(rng, 0.5) ? randomBetween(rng, 0, 0.5) : 0,
    lostReply: chance(rng, 0.5) ? randomBetween(rng, 0, 0.3) : 0,
    lostCall: chance(rng, 0.5) ? randomBetween(rng, 0, 0.2) : 0,
    stormMs: STORM_MS,
  };
  // Drawn last, so that what else a seed stands for stays as it was.
  const sometime = (): number => Math.round(randomBetween(rng, 25_000, STORM_MS));
  while (chance(rng, 0.4) && events.length < 12) {
    events.push({ atMs: sometime(), type: 'press', forMs: 5_000 + randomInt(rng, 60_000) });
  }
  if (chance(rng, 0.2)) events.push({ atMs: sometime(), type: 'hold', forMs: 5_000 + randomInt(rng, 40_000) });
  return { ...plan, events: events.sort((a, b) => a.atMs - b.atMs) };
}

function eventOf(rng: Rng, nodes: number): PlannedEvent {
  const atMs = Math.round(randomBetween(rng, 25_000, STORM_MS));
  const kind = randomInt(rng, 100);
  if (kind < 40) {
    const noticeMs = pick(rng, [120_000, 60_000, 20_000, 5_000, 0]) ?? 120_000;
    const count = chance(rng, 0.25) ? Math.ceil(nodes / 2) : 1;
    return { atMs, type: 'interrupt', count, noticeMs, announced: chance(rng, 0.9) };
  }
  if (kind < 55) return { atMs, type: 'fail', seenAfterMs: chance(rng, 0.8) ? randomInt(rng, 60_000) : null };
  if (kind < 65) return { atMs, type: 'pause', forMs: 500 + randomInt(rng, 20_000) };
  if (kind < 73) return { atMs, type: 'restart' };
  if (kind < 82) return { atMs, type: 'rebalance' };
  if (kind < 90) return { atMs, type: 'partition', share: rng.next(), forMs: 2_000 + randomInt(rng, 40_000) };
  if (kind < 94) {
    const code = pick(rng, ['InsufficientInstanceCapacity', 'MaxSpotInstanceCountExceeded']) ?? '';
    const market = chance(rng, 0.6) ? 'spot' : 'both';
    return { atMs, type: 'no-capacity', market, code, forMs: 5_000 + randomInt(rng, 70_000) };
  }
  if (kind < 97) return { atMs, type: 'template' };
  return { atMs, type: 'scale', desired: 1 + randomInt(rng, nodes + 3) };
}
