import type { AnyCall, AnyOutcome } from '../../../core/fallback/port.js';
import type { Script } from '../../../core/fallback/script.js';
import type { Context } from '../../../core/time.js';
import { at } from '../fixtures.js';

/** What a call takes, in ms of virtual time. */
const CALL_MS = 100;
const MAX_STEPS = 10_000;

/** Plays a script against answers of a test; every call takes a moment. Fails when it doesn't end. */
export function play<T>(script: (start: Context) => Script<T>, answer: (call: AnyCall, ctx: Context) => AnyOutcome) {
  const calls: AnyCall[] = [];
  let nowMs = 0;
  const running = script(at(nowMs));
  let step = running.next();
  for (let i = 0; !step.done; i++) {
    if (i > MAX_STEPS) throw new Error('The script does not end.');
    const ask = step.value;
    let outcomes: AnyOutcome[] = [];
    if (ask.type === 'wait') nowMs = Math.max(nowMs, ask.untilMs);
    else {
      outcomes = ask.calls.map((call) => answer(call, at(nowMs)));
      calls.push(...ask.calls);
      nowMs += CALL_MS;
    }
    step = running.next({ outcomes, ctx: at(nowMs) });
  }
  return { result: step.value, calls, ops: calls.map(({ op }) => op), tookMs: nowMs };
}

export const ok = (value: unknown): AnyOutcome => ({ ok: true, value });
