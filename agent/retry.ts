import { randomBetween } from '../core/rng.js';
import type { Rng } from '../core/time.js';
import type { Log } from './log.js';

/** Steps of the start: each is repeated until it succeeds, since an agent never ends for want of AWS or IMDS. */
export type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

export const FIRST_PAUSE_MS = 250;
/** Raising it spares AWS during an outage, and delays the start after it. */
export const MAX_PAUSE_MS = 15_000;

/** Null when the signal ends it. A problem is logged when it is new, and then each tenth time. */
export async function until<T>(
  step: string,
  attempt: () => Promise<Attempt<T>>,
  parts: { readonly log: Log; readonly rng: Rng; readonly signal: AbortSignal },
): Promise<T | null> {
  const { log, rng, signal } = parts;
  let lastProblem = '';
  for (let tries = 0; !signal.aborted; tries++) {
    const result = await attempt();
    if (result.ok) {
      if (tries > 0) log.write('info', 'start-went-on', { step, tries: tries + 1 });
      return result.value;
    }
    if (result.problem !== lastProblem || tries % 10 === 0) {
      log.write('warn', 'start-waits', { step, problem: result.problem, tries: tries + 1 });
    }
    lastProblem = result.problem;
    const ceiling = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries, 10));
    await pause(randomBetween(rng, ceiling / 2, ceiling), signal);
  }
  return null;
}

/** Ends early when the signal is given. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
