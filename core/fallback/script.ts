/**
 * Scripts: what a Lambda does from its first look to its last act. A script is a generator that yields what it asks of
 * its host and is resumed with the answers and the time, so it is as pure as a step function and reads from top to
 * bottom, as suits something that lives for seconds and keeps nothing. The Lambdas' host carries calls out with the SDK;
 * the fault schedules do it under virtual time.
 */
import type { Context, MonoMs } from '../time.js';
import type { Answered, AnyCall, AnyOutcome, ValueOf } from './port.js';

export type Ask =
  /** All at once; the answers come together, in the same order. */
  { readonly type: 'calls'; readonly calls: readonly AnyCall[] } | { readonly type: 'wait'; readonly untilMs: MonoMs };

export interface Reply {
  /** Of a wait: none. */
  readonly outcomes: readonly AnyOutcome[];
  readonly ctx: Context;
}

export type Script<T> = Generator<Ask, T, Reply>;

const UNANSWERED: AnyOutcome = {
  ok: false,
  error: { kind: 'unknown', code: 'NoAnswer', message: 'The host gave no answer.' },
};

/** Makes one call. */
export function* call<C extends AnyCall>(
  one: C,
): Script<{ readonly outcome: Answered<ValueOf<C>>; readonly ctx: Context }> {
  const { outcomes, ctx } = yield { type: 'calls', calls: [one] };
  return { outcome: (outcomes[0] ?? UNANSWERED) as Answered<ValueOf<C>>, ctx };
}

/** Makes calls at once; each comes back with its answer. */
export function* callAll<C extends AnyCall>(
  calls: readonly C[],
  ctx: Context,
): Script<{
  readonly answers: readonly { readonly call: C; readonly outcome: Answered<ValueOf<C>> }[];
  readonly ctx: Context;
}> {
  if (calls.length === 0) return { answers: [], ctx };
  const reply = yield { type: 'calls', calls };
  const answers = calls.map((one, i) => ({
    call: one,
    outcome: (reply.outcomes[i] ?? UNANSWERED) as Answered<ValueOf<C>>,
  }));
  return { answers, ctx: reply.ctx };
}

export function* waitUntil(untilMs: MonoMs): Script<Context> {
  const { ctx } = yield { type: 'wait', untilMs };
  return ctx;
}
