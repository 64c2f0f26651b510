import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterExit, DEFAULT_RESTARTS } from '../../../local/machines/restart.js';

const policy = { restartAfterMs: 100, startLimitBurst: 3, startLimitIntervalMs: 1000 };
const crash = { exitCode: 1, signal: null };

describe('restart rules', () => {
  it('leave a clean end alone', () => {
    for (const end of [
      { exitCode: 0, signal: null },
      { exitCode: null, signal: 'SIGTERM' },
      { exitCode: null, signal: 'SIGINT' },
    ]) {
      expect(afterExit(policy, [0], end, 10)).toEqual({ restart: false, reason: 'clean-exit' });
    }
  });

  it('restart after a crash, a kill or a failed start', () => {
    for (const end of [crash, { exitCode: null, signal: 'SIGKILL' }, { exitCode: null, signal: null }]) {
      expect(afterExit(policy, [0], end, 10)).toEqual({ restart: true, afterMs: 100 });
    }
  });

  it('give up after the burst, and only within the interval', () => {
    expect(afterExit(policy, [0, 10, 20], crash, 30)).toEqual({ restart: false, reason: 'start-limit' });
    expect(afterExit(policy, [0, 10, 20], crash, 1005)).toEqual({ restart: true, afterMs: 100 });
  });

  it('never allow more starts within an interval than the burst', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { maxLength: 60 }), (livesMs) => {
        let nowMs = 0;
        const starts = [0];
        for (const life of livesMs) {
          nowMs += life;
          const next = afterExit(policy, starts, crash, nowMs);
          if (!next.restart) break;
          nowMs += next.afterMs;
          starts.push(nowMs);
        }
        for (const start of starts) {
          const within = starts.filter(
            (at) => at >= start && at < start + policy.startLimitIntervalMs - policy.restartAfterMs,
          );
          expect(within.length).toBeLessThanOrEqual(policy.startLimitBurst);
        }
      }),
    );
  });

  it("let an agent's own crash-loop rule (5 starts in 5 minutes) act first", () => {
    expect(DEFAULT_RESTARTS.startLimitBurst).toBeGreaterThan(5);
  });
});
