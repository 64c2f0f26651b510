import type { ImdsPath } from '../core/node/port.js';
import type { MonoMs } from '../core/time.js';
import type { Imds } from './imds.js';

/**
 * Polls the paths that announce a node's end and hands every answer on. The spot notice is what counts, so it is asked
 * for each second; recommendations and scheduled events come minutes to weeks ahead.
 */
export const POLL_MS: Readonly<Record<ImdsPath, number>> = {
  'spot/instance-action': 1_000,
  'events/recommendations/rebalance': 2_000,
  'events/maintenance/scheduled': 5_000,
};

export interface Poller {
  stop(): void;
}

export function startPoller(
  imds: Imds,
  nowMs: () => MonoMs,
  onAnswer: (path: ImdsPath, status: number, body: string) => void,
  pollMs: Readonly<Record<ImdsPath, number>> = POLL_MS,
): Poller {
  let stopped = false;
  const timers = new Map<ImdsPath, NodeJS.Timeout>();

  async function poll(path: ImdsPath): Promise<void> {
    const begunMs = nowMs();
    // Backed off from: nothing is asked, so there is nothing to hand on.
    if (imds.busyUntilMs <= begunMs) {
      const { status, body } = await imds.get(`meta-data/${path}`);
      if (stopped) return;
      onAnswer(path, status, body);
    }
    const dueMs = Math.max(begunMs + pollMs[path], Math.min(imds.busyUntilMs, begunMs + 10_000));
    timers.set(
      path,
      setTimeout(() => void poll(path), Math.max(0, dueMs - nowMs())),
    );
  }

  for (const path of Object.keys(pollMs) as ImdsPath[]) void poll(path);
  return {
    stop() {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}
