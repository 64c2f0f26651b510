import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHECKPOINT_DEFAULTS, planCheckpoints } from '../../../core/checkpoint/plan.js';

const HOUR = 3_600_000;
const limits = { ...CHECKPOINT_DEFAULTS, bandwidthMiBps: 100 };

describe('planCheckpoints', () => {
  it('finishes what can finish, restarts what has nothing to save', () => {
    const plan = planCheckpoints(
      [
        { id: 1, stateMiB: 1e6, doneMs: HOUR, leftMs: 120_000 },
        { id: 2, stateMiB: 1, doneMs: 0, leftMs: HOUR },
      ],
      limits,
    );
    expect(plan.map((decision) => decision.kind)).toEqual(['finish', 'restart']);
  });

  it('is full from 80%, partial from 30%, and keeps just the share that got through', () => {
    const one = (stateMiB: number) => planCheckpoints([{ id: 1, stateMiB, doneMs: HOUR, leftMs: HOUR }], limits)[0];
    expect(one(6000)).toMatchObject({ kind: 'full', share: 1, transferMs: 60_000 });
    expect(one(15_000)).toMatchObject({ kind: 'full', share: 0.8 });
    expect(one(15_100)).toMatchObject({ kind: 'partial' });
    expect(one(40_000)).toMatchObject({ kind: 'partial', share: 0.3 });
    expect(one(40_100)).toMatchObject({ kind: 'restart' });
  });

  it('shares one link: the most work a MiB first, the rest later or not at all', () => {
    const tasks = [
      { id: 1, stateMiB: 9000, doneMs: HOUR, leftMs: HOUR },
      { id: 2, stateMiB: 9000, doneMs: 5 * HOUR, leftMs: HOUR },
    ];
    const [first, second] = planCheckpoints(tasks, limits);
    expect(second).toMatchObject({ kind: 'full', startMs: 0, transferMs: 90_000 });
    expect(first).toMatchObject({ kind: 'partial', startMs: 90_000, transferMs: 30_000 });
  });

  it('never sends for longer than there is, and nothing at once', () => {
    const tasks = fc.array(
      fc.record({
        stateMiB: fc.integer({ min: 0, max: 50_000 }),
        doneMs: fc.nat(10 * HOUR),
        leftMs: fc.nat(10 * HOUR),
      }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(tasks, (list) => {
        const plan = planCheckpoints(
          list.map((t, id) => ({ id, ...t })),
          limits,
        );
        const sent = plan.flatMap((d) => (d.kind === 'full' || d.kind === 'partial' ? [d] : []));
        sent.sort((a, b) => a.startMs - b.startMs || a.transferMs - b.transferMs);
        let clock = 0;
        for (const d of sent) {
          expect(d.startMs).toBe(clock);
          clock += d.transferMs;
        }
        expect(clock).toBeLessThanOrEqual(limits.windowMs);
        expect(plan.map((d) => d.id)).toEqual(list.map((_, id) => id));
      }),
    );
  });
});
