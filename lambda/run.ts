import type { AnyCall, AnyOutcome } from '../core/fallback/port.js';
import type { Reply, Script } from '../core/fallback/script.js';
import { seededRng } from '../core/rng.js';
import { type Context, monoMs, wallMs } from '../core/time.js';

/** As long as agents wait. */
const TIMEOUT_MS = 5_000;
const LAUNCH_TIMEOUT_MS = 15_000;
/** Of looks at a whole cluster: thousands of nodes are many pages. */
const LOOK_TIMEOUT_MS = 20_000;
const LONG_LOOKS: ReadonlySet<AnyCall['op']> = new Set(['findNodes', 'findImpaired', 'findInstanceTypes']);
/** Calls at once: as many as a client has sockets, so that none spends its time-out in a queue. */
const AT_ONCE = 4;

/** Carries out one call; never throws. */
export type Carry = (call: AnyCall, timeoutMs: number) => Promise<AnyOutcome>;

/** What a script is played with. */
export interface Player {
  readonly carry: Carry;
  readonly clock: () => Context;
  readonly pause: (ms: number) => Promise<void>;
}

/** Plays a script with real calls and real time. It ends by itself: scripts bound their loops by time. */
export async function runScript<T>(script: Script<T>, { carry, clock, pause }: Player): Promise<T> {
  let step = script.next();
  while (!step.done) {
    const ask = step.value;
    const reply: Reply =
      ask.type === 'calls'
        ? { outcomes: await Promise.all(ask.calls.map((call) => carry(call, timeoutOf(call)))), ctx: clock() }
        : await pause(Math.max(0, ask.untilMs - clock().nowMs)).then(() => ({ outcomes: [], ctx: clock() }));
    step = script.next(reply);
  }
  return step.value;
}

function timeoutOf({ op }: AnyCall): number {
  if (op === 'launch') return LAUNCH_TIMEOUT_MS;
  return LONG_LOOKS.has(op) ? LOOK_TIMEOUT_MS : TIMEOUT_MS;
}

export const realPause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.ceil(ms)));

/** At most a few calls at once; the others wait their turn before their time-out starts. */
export function limited(carry: Carry, atOnce = AT_ONCE): Carry {
  const waiting: (() => void)[] = [];
  let busy = 0;
  return async (call, timeoutMs) => {
    if (busy >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    else busy++;
    try {
      return await carry(call, timeoutMs);
    } finally {
      const next = waiting.shift();
      if (next === undefined) busy--;
      else next();
    }
  };
}

/** Randomness is for jitter alone. */
export function systemClock(): () => Context {
  const rng = seededRng(`${process.pid}:${Date.now()}:${performance.now()}`);
  return () => ({ nowMs: monoMs(performance.now()), wallMs: wallMs(Date.now()), rng });
}
