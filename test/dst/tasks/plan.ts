import { chance, pick, randomBetween, randomInt } from '../../../core/rng.js';
import type { Rng } from '../../../core/time.js';
import type { Behaviour } from './program.js';

/** What a seed stands for. Times in ms of virtual time. */
export interface TaskPlan {
  readonly nodes: number;
  readonly memoryMiB: number;
  readonly maxTasks: number;
  readonly leaseMs: number;
  readonly preset: 'lan' | 'local';
  readonly tasks: readonly PlannedTask[];
  /** Chances a request to S3: its reply is lost, it never arrives, it is refused. */
  readonly lostReply: number;
  readonly lostCall: number;
  readonly throttle: number;
  /** Chance that a request takes many seconds on its way, and the longest that it takes. */
  readonly slow: number;
  readonly slowMs: number;
  /** Chance that a note or its answer is lost. */
  readonly lostNote: number;
  /** Bytes/s would be too fine here: ms a file of a checkpoint takes. */
  readonly uploadMs: number;
  readonly uploadFails: number;
  readonly events: readonly TaskTrouble[];
  readonly stormMs: number;
}

export interface PlannedTask {
  readonly atMs: number;
  readonly id: string;
  readonly memoryMiB: number;
  readonly priority: number;
  readonly retries: number;
  readonly intervalMs: number | null;
  readonly checkpoints: boolean;
  readonly notify: 'signal' | 'none';
  readonly stopGraceMs: number;
  readonly behaviour: Behaviour;
}

export type TaskTrouble = {
  readonly atMs: number;
} /** A notice, then the end of the machine; a new one comes after a while. */ & (
  | { readonly type: 'interrupt'; readonly noticeMs: number; readonly count: number }
  | { readonly type: 'crash' }
  /** The agent ends and begins anew on the same machine. */
  | { readonly type: 'restart' }
  | { readonly type: 'pause'; readonly forMs: number }
  /** The node leaves of itself. */
  | { readonly type: 'leave' }
  /** Some nodes don't hear the others. */
  | { readonly type: 'partition'; readonly share: number; readonly forMs: number }
  /** One node doesn't reach S3. */
  | { readonly type: 'cut-off'; readonly forMs: number }
  | { readonly type: 'cancel' }
);

const STORM_MS = 90_000;

export function taskPlanOf(rng: Rng): TaskPlan {
  const nodes = 2 + randomInt(rng, 4);
  const rough = chance(rng, 0.6);
  const tasks = Array.from({ length: 3 + randomInt(rng, 8) }, (_, i) => taskOf(rng, i));
  const events = Array.from({ length: 1 + randomInt(rng, 7) }, () => troubleOf(rng));
  return {
    nodes,
    memoryMiB: 4_000,
    maxTasks: 1 + randomInt(rng, 4),
    leaseMs: pick(rng, [3_000, 5_000, 9_000]) ?? 5_000,
    preset: 'local',
    tasks,
    lostReply: rough ? randomBetween(rng, 0, 0.2) : 0,
    lostCall: rough ? randomBetween(rng, 0, 0.1) : 0,
    throttle: chance(rng, 0.3) ? randomBetween(rng, 0, 0.3) : 0,
    slow: rough ? randomBetween(rng, 0, 0.1) : 0,
    slowMs: pick(rng, [3_000, 15_000, 40_000]) ?? 3_000,
    lostNote: chance(rng, 0.5) ? randomBetween(rng, 0, 0.4) : 0,
    uploadMs: pick(rng, [50, 500, 3_000]) ?? 50,
    uploadFails: chance(rng, 0.4) ? randomBetween(rng, 0, 0.3) : 0,
    events: events.sort((a, b) => a.atMs - b.atMs),
    stormMs: STORM_MS,
  };
}

function taskOf(rng: Rng, i: number): PlannedTask {
  const checkpoints = chance(rng, 0.7);
  return {
    atMs: chance(rng, 0.6) ? 0 : randomInt(rng, 40_000),
    id: `t-${i}`,
    memoryMiB: pick(rng, [500, 1_000, 2_000, 4_000]) ?? 500,
    priority: randomInt(rng, 10),
    retries: randomInt(rng, 3),
    intervalMs: chance(rng, 0.7) ? (pick(rng, [1_000, 3_000, 8_000]) ?? 3_000) : null,
    checkpoints,
    notify: chance(rng, 0.5) ? 'signal' : 'none',
    stopGraceMs: pick(rng, [0, 1_000, 10_000]) ?? 1_000,
    behaviour: {
      workMs: pick(rng, [100, 2_000, 15_000, 40_000]) ?? 2_000,
      markMs: chance(rng, 0.5) ? (pick(rng, [300, 2_000]) ?? 300) : 0,
      exit: chance(rng, 0.1) ? 1 + randomInt(rng, 4) : 0,
      deadly: chance(rng, 0.01),
      graceful: chance(rng, 0.6),
    },
  };
}

function troubleOf(rng: Rng): TaskTrouble {
  const atMs = Math.round(randomBetween(rng, 3_000, STORM_MS - 10_000));
  const kind = randomInt(rng, 100);
  if (kind < 35) {
    const noticeMs = pick(rng, [120_000, 30_000, 10_000, 3_000, 0]) ?? 30_000;
    return { atMs, type: 'interrupt', noticeMs, count: chance(rng, 0.3) ? 2 : 1 };
  }
  if (kind < 48) return { atMs, type: 'crash' };
  if (kind < 56) return { atMs, type: 'restart' };
  if (kind < 74) return { atMs, type: 'pause', forMs: 500 + randomInt(rng, 40_000) };
  if (kind < 80) return { atMs, type: 'leave' };
  if (kind < 88) return { atMs, type: 'partition', share: rng.next(), forMs: 2_000 + randomInt(rng, 40_000) };
  if (kind < 95) return { atMs, type: 'cut-off', forMs: 2_000 + randomInt(rng, 30_000) };
  return { atMs, type: 'cancel' };
}
