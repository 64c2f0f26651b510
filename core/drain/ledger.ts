import type { LeaveCause } from '../gossip/member.js';
import type { HeldSeat } from '../seats/seat.js';
import type { WallMs } from '../time.js';

/** Where the seconds of an incident went: one entry a step. Part of the last words. */
export const DRAIN_STEPS = [
  'tell-peers',
  'request-replacement',
  'deregister',
  'keep-serving',
  'wait-in-flight',
  'stop',
  'last-words',
] as const;

export type DrainStep = (typeof DRAIN_STEPS)[number];

export type StepOutcome = 'done' | 'skipped' | 'out-of-time';

export interface LedgerEntry {
  readonly startedMs: WallMs | null;
  readonly endedMs: WallMs | null;
  /** ms that the plan gave it, counted from the start of the drain; null: until the end. */
  readonly budgetMs: number | null;
  readonly outcome: StepOutcome | null;
}

export interface Ledger {
  /** `<instance id>-<detected ms>`. */
  readonly id: string;
  readonly instanceId: string;
  readonly seat: HeldSeat;
  readonly cause: LeaveCause;
  readonly detectedMs: WallMs;
  /** Null when nothing forces the leave. */
  readonly deadlineMs: WallMs | null;
  readonly steps: Readonly<Record<DrainStep, LedgerEntry>>;
  /** Instance id of the replacement, as EC2 answered. */
  readonly replacement: string | null;
  /** Requests in flight, as last counted, when the workloads ended or the time did; null: not known, or not yet. */
  readonly requestsLost: number | null;
}

export function openLedger(
  instanceId: string,
  seat: HeldSeat,
  cause: LeaveCause,
  detectedMs: WallMs,
  deadlineMs: WallMs | null,
): Ledger {
  const empty: LedgerEntry = { startedMs: null, endedMs: null, budgetMs: null, outcome: null };
  const steps = Object.fromEntries(DRAIN_STEPS.map((step) => [step, empty])) as Record<DrainStep, LedgerEntry>;
  return {
    id: `${instanceId}-${detectedMs}`,
    instanceId,
    seat,
    cause,
    detectedMs,
    deadlineMs,
    steps,
    replacement: null,
    requestsLost: null,
  };
}

export function beginStep(ledger: Ledger, step: DrainStep, nowMs: WallMs, budgetMs: number | null): Ledger {
  return withStep(ledger, step, { ...ledger.steps[step], startedMs: nowMs, budgetMs });
}

/** A step ends once; what ended stays as it ended. */
export function endStep(ledger: Ledger, step: DrainStep, nowMs: WallMs, outcome: StepOutcome): Ledger {
  const entry = ledger.steps[step];
  if (entry.outcome !== null) return ledger;
  return withStep(ledger, step, { ...entry, startedMs: entry.startedMs ?? nowMs, endedMs: nowMs, outcome });
}

function withStep(ledger: Ledger, step: DrainStep, entry: LedgerEntry): Ledger {
  return { ...ledger, steps: { ...ledger.steps, [step]: entry } };
}
