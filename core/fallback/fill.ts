/**
 * Fills seats: the pursuits that agents run, to their end or until time runs out. What is left then goes on elsewhere:
 * the position is in S3, so that the next caller, agent or Lambda, starts where this one stopped.
 */
import type { CloudCall, CloudError } from '../cloud.js';
import { type Launcher, launchRecordCall } from '../seats/launch-record.js';
import { answered, asked, dueCall, type Pursuit, type PursuitNews, startPursuit } from '../seats/pursuit.js';
import { marketOf } from '../seats/rung.js';
import type { HeldSeat } from '../seats/seat.js';
import type { Spec } from '../spec/spec.js';
import { type Context, type MonoMs, NEVER } from '../time.js';
import type { Act } from './act.js';
import { callAll, type Script, waitUntil } from './script.js';

export type FillAct = Act & { readonly type: 'fill' };

export interface FillOptions {
  /** No call is begun after this. */
  readonly untilMs: MonoMs;
  /**
   * How long an error of configuration is tried again, in ms: rights and roles that were just made take a while to be
   * seen. Raising it delays the word to whom it concerns.
   */
  readonly mendMs: number;
  /** Which Lambda asks, for the record of who launched a node; absent: none is written. */
  readonly launcher?: Launcher;
}

export interface Filled {
  /** As it was asked for. */
  readonly position: HeldSeat;
  /** Null: not filled. */
  readonly instanceId: string | null;
  /** The last word on a seat that isn't filled; null when time ran out before any. */
  readonly error: CloudError | null;
  /** One attempt was all that was wished for. */
  readonly optional: boolean;
}

interface Filling {
  readonly act: FillAct;
  pursuit: Pursuit;
  done: boolean;
  /** A return got its "nothing launched": it ends when that is written down. */
  tried: boolean;
  /** EC2's own answer to a launch of this caller; null: none yet, or somebody else launched it. */
  answer: { readonly position: HeldSeat; readonly instanceId: string } | null;
}

export function* fillSeats(
  acts: readonly FillAct[],
  spec: Spec,
  options: FillOptions,
  start: Context,
): Script<{ readonly filled: readonly Filled[]; readonly ctx: Context }> {
  let ctx = start;
  const fillings = acts.map((act): Filling => {
    const pursuit = startPursuit(act.kind === 'wish' ? 'wish' : 'need', act.position, start);
    return { act, pursuit, done: false, tried: false, answer: null };
  });
  while (ctx.nowMs < options.untilMs) {
    const due = dueNow(fillings, spec, ctx);
    if (due.length === 0) {
      const nextMs = Math.min(NEVER, ...fillings.filter((f) => !f.done).map((f) => f.pursuit.dueMs)) as MonoMs;
      if (nextMs > options.untilMs) break;
      ctx = yield* waitUntil(nextMs);
      continue;
    }
    const { answers, ctx: then } = yield* callAll(
      due.map(({ call }) => call),
      ctx,
    );
    ctx = then;
    due.forEach(({ filling }, i) => {
      const outcome = answers[i]?.outcome;
      if (outcome !== undefined) take(filling, answered(filling.pursuit, outcome, spec, then), options, start, then);
    });
  }
  ctx = yield* recordLaunches(fillings, spec, options, ctx);
  return { filled: fillings.map(resultOf), ctx };
}

/** The last thing, since nothing depends on it. */
function* recordLaunches(
  fillings: readonly Filling[],
  spec: Spec,
  { launcher, untilMs }: FillOptions,
  ctx: Context,
): Script<Context> {
  const launched = fillings.flatMap(({ answer }) => answer ?? []);
  if (launcher === undefined || launched.length === 0 || ctx.nowMs >= untilMs) return ctx;
  const calls = launched.map(({ position, instanceId }) =>
    launchRecordCall(spec.bucket, {
      format: 1,
      seat: position,
      instanceId,
      by: launcher,
      launcher: null,
      atMs: ctx.wallMs,
    }),
  );
  return (yield* callAll(calls, ctx)).ctx;
}

function dueNow(fillings: readonly Filling[], spec: Spec, ctx: Context): { filling: Filling; call: CloudCall }[] {
  return fillings.flatMap((filling) => {
    if (filling.done) return [];
    if (filling.act.kind === 'return') skipOnDemand(filling, spec);
    const call = dueCall(filling.pursuit, spec, ctx);
    if (call === null) return [];
    filling.pursuit = asked(filling.pursuit, call);
    return [{ filling, call }];
  });
}

/** An on-demand rung brings nobody back to spot; the one after it is spot. */
function skipOnDemand(filling: Filling, spec: Spec): void {
  const { pursuit } = filling;
  const { position } = pursuit;
  if (pursuit.stage !== 'launch' || marketOf(position.rung, spec.launch.onDemandAfter) === 'spot') return;
  filling.pursuit = { ...pursuit, position: { ...position, rung: position.rung + 1 } };
}

function take(
  filling: Filling,
  step: { readonly pursuit: Pursuit; readonly news: PursuitNews },
  options: FillOptions,
  start: Context,
  ctx: Context,
): void {
  const watched = filling.pursuit.stage === 'watch';
  const asking = filling.pursuit.stage === 'launch';
  filling.pursuit = step.pursuit;
  const { stage } = step.pursuit;
  switch (step.news) {
    case 'launched':
      filling.answer = asking ? answerOf(step.pursuit) : null;
      // The token's instance may have ended long ago: one look before it counts.
      filling.pursuit = { ...step.pursuit, dueMs: ctx.nowMs };
      return;
    case 'given-up':
      filling.done = true;
      return;
    case 'nothing-launched':
      filling.tried = filling.act.kind === 'return';
      return;
    case 'must-be-mended':
      filling.done = ctx.nowMs - start.nowMs >= options.mendMs;
      return;
    case 'ended':
      filling.answer = null;
      return;
    case 'no-answer':
      return;
    case null:
      if (watched && stage === 'watch') filling.done = true;
      if (filling.tried && stage === 'hint') filling.done = true;
  }
}

const answerOf = ({ position, launched }: Pursuit): Filling['answer'] =>
  launched === null ? null : { position, instanceId: launched.instanceId };

function resultOf({ act, pursuit }: Filling): Filled {
  return {
    position: act.position,
    optional: act.kind !== 'need',
    instanceId: pursuit.launched?.instanceId ?? null,
    error: pursuit.launched === null ? pursuit.lastError : null,
  };
}
