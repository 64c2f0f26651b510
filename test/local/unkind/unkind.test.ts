import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRng } from '../../../core/rng.js';
import { monoMs } from '../../../core/time.js';
import { type UnkindInput, unkindOptions } from '../../../local/unkind/options.js';
import { Unkind } from '../../../local/unkind/unkind.js';

const unkind = (input: UnkindInput = {}, seed = 7) => new Unkind(unkindOptions(input), seededRng(seed));
const times = <T>(n: number, act: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => act(i));

describe('unkindness', () => {
  test('without options the cloud is kind', () => {
    const kind = unkind();
    expect(times(50, (i) => kind.throttles('ec2', 'CreateFleet', monoMs(i))).some(Boolean)).toBe(false);
    expect(times(50, () => kind.losesReply('ec2', 'CreateFleet')).some(Boolean)).toBe(false);
    expect(times(50, () => kind.eventCopies())).toEqual(times(50, () => [0]));
    expect(kind.notice(120_000, 'both')).toEqual({ noticeMs: 120_000, announce: 'both' });
    expect(kind.imds('i-1', monoMs(0))).toEqual({ busy: false, delayMs: 0 });
  });

  test('a token bucket for each action, refilled with time', () => {
    const slow = unkind({ throttles: [{ service: 'ec2', burst: 2, perSecond: 1 }] });
    const call = (action: string, ms: number) => slow.throttles('ec2', action, monoMs(ms));
    expect([call('A', 0), call('A', 0), call('A', 0), call('B', 0)]).toEqual([false, false, true, false]);
    expect([call('A', 999), call('A', 1000), call('A', 1000)]).toEqual([true, false, true]);
    expect(slow.throttles('s3', 'A', monoMs(0))).toBe(false);
  });

  test('over any stretch of time no more than burst and rate allow', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(400), { minLength: 1, maxLength: 100 }),
        fc.integer({ min: 1, max: 5 }),
        (gaps, burst) => {
          const slow = unkind({ throttles: [{ burst, perSecond: 2 }] });
          let now = 0;
          const passed: number[] = [];
          for (const gap of gaps) {
            now += gap;
            if (!slow.throttles('ec2', 'A', monoMs(now))) passed.push(now);
          }
          for (const [i, from] of passed.entries()) {
            for (const [j, to] of passed.entries()) {
              if (j >= i) expect(j - i + 1).toBeLessThanOrEqual(burst + ((to - from) / 1000) * 2 + 1e-6);
            }
          }
        },
      ),
    );
  });

  test('rates are kept, and the same seed does the same', () => {
    const input: UnkindInput = {
      lostReplies: [{ service: 'ec2', action: 'CreateFleet', rate: 0.3 }],
      events: { lossRate: 0.2, duplicateRate: 0.2, maxDelayMs: 100 },
      notices: { missingRate: 0.5, shortRate: 0.5, shortMinMs: 10, shortMaxMs: 20 },
    };
    const draw = (one: Unkind) =>
      times(2_000, () => ({
        reply: one.losesReply('ec2', 'CreateFleet'),
        copies: one.eventCopies(),
        notice: one.notice(100, 'both'),
      }));
    const drawn = draw(unkind(input));
    expect(draw(unkind(input))).toEqual(drawn);
    const share = (test: (one: (typeof drawn)[number]) => boolean) => drawn.filter(test).length / drawn.length;
    expect(share(({ reply }) => reply)).toBeCloseTo(0.3, 1);
    expect(share(({ copies }) => copies.length === 0)).toBeCloseTo(0.2, 1);
    expect(share(({ copies }) => copies.length === 2)).toBeCloseTo(0.16, 1);
    expect(share(({ notice }) => notice.announce === 'none')).toBeCloseTo(0.5, 1);
    expect(
      drawn.every(({ notice }) => notice.noticeMs === 100 || (notice.noticeMs >= 10 && notice.noticeMs <= 20)),
    ).toBe(true);
    expect(unkind(input).losesReply('ec2', 'DescribeInstances')).toBe(false);
  });

  test('IMDS is busy for a burst, for one node', () => {
    const busy = unkind({ imds: { burstRate: 1, burstMs: 500 } });
    expect(busy.imds('i-1', monoMs(0)).busy).toBe(true);
    const calm = unkind({ imds: { perSecond: 2 } });
    expect(times(3, () => calm.imds('i-1', monoMs(0)).busy)).toEqual([false, false, true]);
    expect(calm.imds('i-2', monoMs(0)).busy).toBe(false);
  });

  test.each<[string, UnkindInput]>([
    ['events.lossRate', { events: { lossRate: 1.5 } }],
    ['imds.burstMs', { imds: { burstMs: -1 } }],
    ['throttles.burst', { throttles: [{ burst: 0, perSecond: 1 }] }],
    ['lostReplies.rate', { lostReplies: [{ rate: Number.NaN }] }],
    ['describeLagMs', { describeLagMs: -1 }],
  ])('a bad %s is named', (name, input) => {
    expect(() => unkindOptions(input)).toThrow(`unkind.${name}`);
  });
});
