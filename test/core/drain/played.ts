/** What the tests of the drain share. */
import { expect } from 'vitest';
import {
  type Drain,
  type DrainActs,
  type DrainFacts,
  type DrainStart,
  nextDrainDeadlineMs,
  startDrain,
  stepDrain,
} from '../../../core/drain/drain.js';
import type { DrainStep } from '../../../core/drain/ledger.js';
import { monoMs, wallMs } from '../../../core/time.js';
import { at, EPOCH_MS, policyOf, seatOf } from '../fixtures.js';

export const startOf = (noticeMs: number | null, change: Partial<DrainStart> = {}): DrainStart => ({
  instanceId: 'i-1',
  seat: seatOf(3, 17),
  cause: noticeMs === null ? 'stop' : 'interruption',
  detectedMs: wallMs(EPOCH_MS),
  deadlineMs: noticeMs === null ? null : wallMs(EPOCH_MS + noticeMs),
  policy: policyOf(),
  stopGraceMs: 30_000,
  ...change,
});

export const FACTS: DrainFacts = {
  peersTold: true,
  replacement: 'pending',
  replacementId: null,
  targetsLeft: 1,
  hasTargets: true,
  inFlight: 3,
  inFlightAtMs: monoMs(0),
  lastInFlight: 3,
  workloadsRunning: true,
  wordsWritten: false,
};

/** Nothing left to wait for but the workload itself. */
export const idleAt = (ms: number): Partial<DrainFacts> => ({ targetsLeft: 0, inFlight: 0, inFlightAtMs: monoMs(ms) });

/** Steps a drain at moments in order, with what is then known. */
export class Played {
  drain: Drain;
  acts: DrainActs = { deregister: false, stop: null, lastWords: false, done: false };
  facts: DrainFacts = FACTS;

  constructor(start: DrainStart) {
    this.drain = startDrain(start, at(0));
  }

  at(ms: number, change: Partial<DrainFacts> = {}): DrainActs {
    this.facts = { ...this.facts, ...change };
    const result = stepDrain(this.drain, this.facts, at(ms));
    this.drain = result.drain;
    this.acts = result.acts;
    return this.acts;
  }

  outcome(step: DrainStep): string | null {
    return this.drain.ledger.steps[step].outcome;
  }

  /** Wakes it at the deadlines that it names itself, with the facts as they are, and returns when it was done. */
  untilDone(fromMs: number): number {
    let now = fromMs;
    for (let i = 0; i < 1_000; i++) {
      if (this.at(now).done) return now;
      const next = nextDrainDeadlineMs(this.drain, { nowMs: monoMs(now) });
      expect(next).toBeGreaterThan(now);
      now = next;
    }
    throw new Error('The drain named 1,000 deadlines and was not done.');
  }
}
