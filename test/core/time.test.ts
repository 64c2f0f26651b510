import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { earliest, after as later, monoMs, NEVER, wallMs } from '../../core/time.js';

describe('time', () => {
  it('never is later than every deadline', () => {
    fc.assert(fc.property(fc.integer(), (ms) => earliest(NEVER, monoMs(ms)) === ms));
  });

  it('no deadline at all is never', () => {
    expect(earliest()).toBe(NEVER);
    expect(earliest(NEVER, NEVER)).toBe(NEVER);
  });

  it('the earliest of some moments is one of them, and none is before it', () => {
    const moments = fc.array(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 1 });
    fc.assert(
      fc.property(moments, (list) => {
        const first = earliest(...list.map(monoMs));
        return list.includes(first) && list.every((ms) => ms >= first);
      }),
    );
  });

  it('adds a duration to either clock, and never stays never', () => {
    expect(later(monoMs(5), 10)).toBe(15);
    expect(later(wallMs(1_700_000_000_000), -1)).toBe(1_699_999_999_999);
    expect(later(NEVER, -1_000)).toBe(NEVER);
  });
});
