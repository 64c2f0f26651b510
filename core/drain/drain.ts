/**
 * The drain: from the moment a node knows that it will go until it has nothing left to do.
 *
 *     tell-peers           at once
 *     request-replacement  at once, beside all others, until the machine goes
 *     deregister           at once, until done
 *     keep-serving         after deregister: the load balancer may still send
 *     wait-in-flight       after keep-serving
 *     stop                 after wait-in-flight, and only if deregistered: a target never points at a stopped workload
 *     last-words           after stop
 *
 * Level-triggered: each step is given the facts as they are and names the acts that should be under way, so a lost or
 * repeated fact does no harm. A hard deadline cuts every step at its budget; without one, deregistration is waited for.
 */
import type { LeaveCause } from '../gossip/member.js';
import type { HeldSeat } from '../seats/seat.js';
import type { PolicySpec } from '../spec/spec.js';
import { after, type Context, type MonoMs, NEVER, type WallMs } from '../time.js';
import { type DrainPlan, planDrain } from './budget.js';
import { beginStep, type DrainStep, endStep, type Ledger, openLedger, type StepOutcome } from './ledger.js';

export interface Drain {
  readonly ledger: Ledger;
  readonly startedMs: MonoMs;
  readonly plan: DrainPlan;
  /** Whether AWS takes the machine at the deadline, ready or not. */
  readonly hard: boolean;
  /** End of keep-serving, and start of wait-in-flight, in ms after the start; set when known. */
  readonly serveUntil: number | null;
  readonly waitingSince: number | null;
}

export interface DrainFacts {
  readonly peersTold: boolean;
  readonly replacement: 'not-needed' | 'pending' | 'asked';
  readonly replacementId: string | null;
  /** Target registrations that EC2 hasn't confirmed as removed. */
  readonly targetsLeft: number;
  readonly hasTargets: boolean;
  /** Newest report, null when it can't be known, and when it was made. */
  readonly inFlight: number | null;
  readonly inFlightAtMs: MonoMs;
  /** The last count while the workloads ran; null: never counted, or nothing serves. */
  readonly lastInFlight: number | null;
  readonly workloadsRunning: boolean;
  readonly wordsWritten: boolean;
}

export interface DrainActs {
  readonly deregister: boolean;
  /** Grace in ms to stop the workloads with. */
  readonly stop: number | null;
  readonly lastWords: boolean;
  readonly done: boolean;
}

export interface DrainStart {
  readonly instanceId: string;
  readonly seat: HeldSeat;
  readonly cause: LeaveCause;
  readonly detectedMs: WallMs;
  /** Null: nothing forces the leave, `policy.drainMs` is taken. */
  readonly deadlineMs: WallMs | null;
  readonly policy: PolicySpec;
  readonly stopGraceMs: number;
}

/** Last words are tried for this long at least, however short the notice. */
const LEAST_WORDS_MS = 2_000;

export function startDrain(start: DrainStart, ctx: Context): Drain {
  const { policy, stopGraceMs, deadlineMs } = start;
  const remainingMs = deadlineMs === null ? policy.drainMs : deadlineMs - ctx.wallMs;
  const plan = planDrain(remainingMs, policy, stopGraceMs);
  let ledger = openLedger(start.instanceId, start.seat, start.cause, start.detectedMs, deadlineMs);
  for (const step of ['tell-peers', 'request-replacement', 'deregister'] as const) {
    ledger = beginStep(ledger, step, ctx.wallMs, null);
  }
  return { ledger, startedMs: ctx.nowMs, plan, hard: deadlineMs !== null, serveUntil: null, waitingSince: null };
}

/** A notice with an earlier deadline (or the first real one) came during a drain: the budgets shrink, the work stands. */
export function hurryDrain(
  drain: Drain,
  cause: LeaveCause,
  deadlineMs: WallMs,
  start: DrainStart,
  ctx: Context,
): Drain {
  const elapsed = ctx.nowMs - drain.startedMs;
  const plan = shiftPlan(planDrain(deadlineMs - ctx.wallMs, start.policy, start.stopGraceMs), elapsed);
  const serveUntil = drain.serveUntil === null ? null : Math.min(drain.serveUntil, plan.inFlightUntil);
  return { ...drain, plan, hard: true, serveUntil, ledger: { ...drain.ledger, cause, deadlineMs } };
}

export interface DrainResult {
  readonly drain: Drain;
  readonly acts: DrainActs;
}

export function stepDrain(before: Drain, facts: DrainFacts, ctx: Context): DrainResult {
  const elapsed = ctx.nowMs - before.startedMs;
  let drain = before;
  const ended = (step: DrainStep): boolean => drain.ledger.steps[step].outcome !== null;
  const begun = (step: DrainStep): boolean => drain.ledger.steps[step].startedMs !== null;
  const end = (step: DrainStep, outcome: StepOutcome): void => {
    drain = { ...drain, ledger: endStep(drain.ledger, step, ctx.wallMs, outcome) };
  };
  const begin = (step: DrainStep, until: number): void => {
    const budgetMs = Math.max(0, Math.round(until - elapsed));
    drain = { ...drain, ledger: beginStep(drain.ledger, step, ctx.wallMs, budgetMs) };
  };

  if (facts.peersTold) end('tell-peers', 'done');
  if (facts.replacement !== 'pending' && !ended('request-replacement')) {
    drain = { ...drain, ledger: { ...drain.ledger, replacement: facts.replacementId } };
    end('request-replacement', facts.replacement === 'asked' ? 'done' : 'skipped');
  }
  if (facts.targetsLeft === 0) end('deregister', facts.hasTargets ? 'done' : 'skipped');
  const deregistered = ended('deregister');

  // Nothing forces this leave: its budgets count from the deregistration, however long that took.
  if (deregistered && !begun('keep-serving') && !drain.hard) drain = { ...drain, plan: shiftPlan(drain.plan, elapsed) };
  const { plan } = drain;
  if (deregistered && !begun('keep-serving')) {
    // The load balancer's lag counts from the deregistration, if the deadline leaves as much.
    const keepServingMs = facts.hasTargets ? plan.keepServingMs : 0;
    const until = Math.max(elapsed, Math.min(elapsed + keepServingMs, plan.inFlightUntil));
    drain = { ...drain, serveUntil: until };
    begin('keep-serving', until);
  }
  if (begun('keep-serving') && !ended('keep-serving') && elapsed >= (drain.serveUntil ?? 0)) {
    end('keep-serving', facts.hasTargets ? 'done' : 'skipped');
    drain = { ...drain, waitingSince: elapsed };
    begin('wait-in-flight', plan.inFlightUntil);
  }
  if (begun('wait-in-flight') && !ended('wait-in-flight')) {
    const fresh = facts.inFlightAtMs >= drain.startedMs + (drain.waitingSince ?? 0);
    if (!facts.workloadsRunning || (fresh && facts.inFlight === 0)) end('wait-in-flight', 'done');
    else if (fresh && facts.inFlight === null) end('wait-in-flight', 'skipped');
    else if (elapsed >= plan.inFlightUntil) end('wait-in-flight', 'out-of-time');
  }
  if (ended('wait-in-flight') && !begun('stop')) begin('stop', plan.stoppedBy);
  const stopped = ended('stop');
  if (begun('stop') && !facts.workloadsRunning) end('stop', 'done');
  if (drain.hard && elapsed >= plan.stoppedBy) end('stop', 'out-of-time');
  if (!stopped && ended('stop')) drain = { ...drain, ledger: { ...drain.ledger, requestsLost: facts.lastInFlight } };

  if (ended('stop') && !begun('last-words')) begin('last-words', Math.max(plan.lastWordsBy, elapsed + LEAST_WORDS_MS));
  if (begun('last-words')) {
    const words = drain.ledger.steps['last-words'];
    const overdue = ctx.wallMs - (words.startedMs ?? ctx.wallMs) >= (words.budgetMs ?? 0);
    if (facts.wordsWritten) end('last-words', 'done');
    else if (overdue) end('last-words', 'out-of-time');
  }

  const stopping = begun('stop') && !ended('stop');
  return {
    drain,
    acts: {
      deregister: !deregistered,
      stop: stopping ? Math.max(0, Math.round(plan.stoppedBy - elapsed)) : null,
      lastWords: begun('last-words') && !ended('last-words'),
      done: ended('last-words'),
    },
  };
}

function shiftPlan(plan: DrainPlan, byMs: number): DrainPlan {
  return {
    keepServingMs: plan.keepServingMs,
    inFlightUntil: plan.inFlightUntil + byMs,
    stoppedBy: plan.stoppedBy + byMs,
    lastWordsBy: plan.lastWordsBy + byMs,
  };
}

/** When the next step may change by time alone. */
export function nextDrainDeadlineMs(drain: Drain, ctx: { readonly nowMs: MonoMs }): MonoMs {
  const words = drain.ledger.steps['last-words'];
  if (words.outcome !== null) return NEVER;
  const { plan } = drain;
  const moments = [drain.serveUntil ?? 0, plan.inFlightUntil, plan.stoppedBy, plan.lastWordsBy]
    .map((ms) => after(drain.startedMs, ms))
    .filter((at) => at > ctx.nowMs);
  if (words.startedMs !== null) moments.push(after(ctx.nowMs, 500));
  return moments.length === 0 ? after(ctx.nowMs, 1_000) : (Math.min(...moments) as MonoMs);
}
