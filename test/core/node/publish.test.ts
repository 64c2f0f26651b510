/** What a node tells of its work, and how often. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_WARM } from '../../../core/gossip/member.js';
import type { Publication } from '../../../core/node/port.js';
import { EPOCH_MS, memberOf, seatOf } from '../fixtures.js';
import { type Host, servingHost } from './host.js';

const said = (change: Partial<Publication> = {}): Publication => ({
  freeMemoryMiB: 1_000,
  freeGpuMemoryMiB: 0,
  warm: [],
  work: 0,
  pressure: false,
  ...change,
});
const tell = (host: Host, change: Partial<Publication> = {}) => host.step({ type: 'publish', ...said(change) });
/** How often its record has changed. */
const told = (host: Host): number => host.state.gossip.self.incarnation;

describe('what a node publishes', () => {
  it('goes into its record, memory in steps that are never more than there is', () => {
    const host = servingHost();
    tell(host, { freeMemoryMiB: 1_000, freeGpuMemoryMiB: 130.5, warm: ['a', 'b'], work: 7, pressure: true });
    expect(host.state.gossip.self.meta).toMatchObject({
      freeMemoryMiB: 960,
      freeGpuMemoryMiB: 128,
      warm: ['a', 'b'],
      work: 7,
      pressure: true,
    });
  });

  it('tells what changed by less than a step to nobody', () => {
    const host = servingHost();
    tell(host);
    const before = told(host);
    for (const freeMemoryMiB of [1_001, 961, 1_020, 960]) tell(host, { freeMemoryMiB });
    host.pass(10_000);
    expect(told(host)).toBe(before);
  });

  it('tells of room every two seconds at most, and the last word in the end', () => {
    const host = servingHost();
    const before = told(host);
    for (let i = 0; i < 100; i++) {
      tell(host, { freeMemoryMiB: 64 * (i % 7) });
      host.pass(100);
    }
    expect(told(host) - before).toBeLessThanOrEqual(6);
    host.pass(2_000);
    expect(host.state.gossip.self.meta.freeMemoryMiB).toBe(64);
  });

  it('tells of work and pressure at once; what is known of work never shrinks', () => {
    const host = servingHost();
    tell(host, { freeMemoryMiB: 640 });
    tell(host, { freeMemoryMiB: 128, work: 9 });
    expect(host.state.gossip.self.meta).toMatchObject({ work: 9, freeMemoryMiB: 128 });
    tell(host, { freeMemoryMiB: 128, work: 3, pressure: true });
    expect(host.state.gossip.self.meta).toMatchObject({ work: 9, pressure: true });
  });

  it('is never more than a record can hold, whatever the host says', () => {
    const any = fc.record({
      freeMemoryMiB: fc.double(),
      freeGpuMemoryMiB: fc.double(),
      warm: fc.array(fc.string(), { maxLength: 20 }),
      work: fc.double(),
      pressure: fc.boolean(),
    });
    fc.assert(
      fc.property(any, (publication) => {
        const host = servingHost();
        host.step({ type: 'publish', ...publication });
        const { meta } = host.state.gossip.self;
        expect(meta.warm.length).toBeLessThanOrEqual(MAX_WARM);
        expect(Number.isSafeInteger(meta.work) && meta.work >= 0).toBe(true);
        expect(meta.freeMemoryMiB).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('pressure', () => {
  it.each([
    ['of this node', null],
    ['of a peer', 'i-1'],
  ] as const)('%s makes a needed seat on-demand', (_, peer) => {
    const host = servingHost();
    if (peer === null) tell(host, { pressure: true });
    else host.hear(memberOf(peer, { seat: seatOf(0), pressure: true }, { incarnation: EPOCH_MS + 1 }));
    host.interrupt(120_000);
    host.answer('readHint', { ok: true, value: null });
    host.step();
    expect(host.calls('launch')).toMatchObject([{ request: { market: 'on-demand' } }]);
  });
});
