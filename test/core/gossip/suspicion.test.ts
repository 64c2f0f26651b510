import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adjust, createAwareness, scaled } from '../../../core/gossip/awareness.js';
import { exchangePaceMs, GOSSIP_PRESETS, probePaceMs, retransmitLimit } from '../../../core/gossip/config.js';
import { beginSuspicion, confirmSuspicion, postponeSuspicion } from '../../../core/gossip/suspicion.js';
import { monoMs } from '../../../core/time.js';

const { lan, local } = GOSSIP_PRESETS;

describe('a suspicion', () => {
  it.each([
    [10, 4_000, 24_000],
    [100, 8_000, 48_000],
    [1_000, 12_000, 72_000],
  ])('lasts among %i members from %i ms, confirmed, to %i ms, unconfirmed', (n, min, max) => {
    const suspicion = beginSuspicion(lan, n, 1, 'a', monoMs(0));
    expect(suspicion.deadlineMs).toBe(max);
    expect(confirmSuspicion(suspicion, 'b')).toBe(true);
    expect(suspicion.deadlineMs).toBe(Math.round(max - ((max - min) * Math.log(2)) / Math.log(3)));
    expect(confirmSuspicion(suspicion, 'c')).toBe(true);
    expect(suspicion.deadlineMs).toBe(min);
    expect(confirmSuspicion(suspicion, 'd')).toBe(false);
  });

  it('counts an accuser once', () => {
    const suspicion = beginSuspicion(lan, 10, 1, 'a', monoMs(0));
    expect(confirmSuspicion(suspicion, 'a')).toBe(false);
    expect(suspicion.deadlineMs).toBe(24_000);
  });

  it('is short from the start where nobody could confirm it', () => {
    expect(beginSuspicion(lan, 3, 1, 'a', monoMs(0)).deadlineMs).toBe(4_000);
  });

  it('moves with the time that its node was stopped', () => {
    const suspicion = beginSuspicion(lan, 10, 1, 'a', monoMs(0));
    postponeSuspicion(suspicion, 5_000);
    expect(suspicion.deadlineMs).toBe(29_000);
  });
});

describe('local health', () => {
  it('stays between healthy and its maximum, and stretches times', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 })), (deltas) => {
        const awareness = createAwareness(8);
        for (const delta of deltas) {
          adjust(awareness, delta);
          expect(scaled(awareness, 100)).toBeGreaterThanOrEqual(100);
          expect(scaled(awareness, 100)).toBeLessThanOrEqual(800);
        }
      }),
    );
  });

  it('is off with a maximum of 1', () => {
    const awareness = createAwareness(1);
    adjust(awareness, 9);
    expect(awareness.score).toBe(0);
  });
});

describe('constants that follow the size', () => {
  it('send a word as often as memberlist does', () => {
    expect([1, 9, 10, 99, 100].map((n) => retransmitLimit(lan, n))).toEqual([4, 4, 8, 8, 12]);
  });

  it('probe twice as often in small clusters', () => {
    expect([2, 10, 15, 20, 1_000].map((n) => probePaceMs(lan, n))).toEqual([500, 500, 750, 1_000, 1_000]);
  });

  it('exchange less often in large ones', () => {
    expect([1, 32, 33, 64, 65, 100].map((n) => exchangePaceMs(lan, n) / 1_000)).toEqual([30, 30, 60, 60, 90, 90]);
  });

  it.each([lan, local])('leave a nack time to arrive', (config) => {
    expect(config.probeDeadlineMs).toBeGreaterThanOrEqual(config.probeTimeoutMs * 1.8);
  });
});
