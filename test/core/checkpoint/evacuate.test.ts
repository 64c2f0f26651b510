import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EvacuatedTask, planEvacuation, settleMsOf } from '../../../core/checkpoint/evacuate.js';

const MIB = 1024 * 1024;
const MINUTE = 60_000;

const taskOf = (task: string, changedMiB: number, change: Partial<EvacuatedTask> = {}): EvacuatedTask => ({
  task,
  bytes: changedMiB * MIB,
  changedBytes: changedMiB * MIB,
  sinceSavedMs: 10 * MINUTE,
  doneMs: 60 * MINUTE,
  leftMs: null,
  committed: false,
  ...change,
});
const limits = { leftMs: 120_000, bytesPerSecond: 10 * MIB, stopGraceMs: 8_000 };
const kinds = (tasks: readonly EvacuatedTask[], change: Partial<typeof limits> = {}) =>
  planEvacuation(tasks, { ...limits, ...change }).map(({ kind }) => kind);

describe('planEvacuation', () => {
  it('lets finish what surely can, and trusts no estimate that is used up', () => {
    expect(kinds([taskOf('a.1', 1, { leftMs: 60_000 })])).toEqual(['finish']);
    expect(kinds([taskOf('a.1', 1, { leftMs: 110_000 })])).toEqual(['full']);
    expect(kinds([taskOf('a.1', 1, { leftMs: -5 })])).toEqual(['full']);
  });

  it('sends everything, only what is marked, or nothing, by what the link carries', () => {
    // 110 s of link after the grace: 1,100 MiB; 1,180 MiB for what is marked already.
    expect(kinds([taskOf('a.1', 1_100)])).toEqual(['full']);
    expect(kinds([taskOf('a.1', 1_375)])).toEqual(['full']);
    expect(kinds([taskOf('a.1', 1_400)])).toEqual(['restart']);
    expect(kinds([taskOf('a.1', 1_400, { committed: true })])).toEqual(['partial']);
    expect(kinds([taskOf('a.1', 4_000, { committed: true })])).toEqual(['restart']);
    expect(kinds([taskOf('a.1', 1, { committed: true })], { bytesPerSecond: 0 })).toEqual(['restart']);
    expect(kinds([taskOf('a.1', 1, { committed: true })], { leftMs: 0 })).toEqual(['restart']);
  });

  it('saves what is small although its grace is as long as the time that is left', () => {
    const short = { leftMs: 3_000, stopGraceMs: 30_000 };
    expect(kinds([taskOf('a.1', 1), taskOf('b.1', 1)], short)).toEqual(['full', 'full']);
    const [first] = planEvacuation([taskOf('a.1', 1)], { ...limits, ...short });
    expect(first).toMatchObject({ startMs: 0, stopByMs: 1_000 });
    // Of a notice of a second, or one seen so late, a third is kept for the last writes.
    expect(kinds([taskOf('a.1', 1)], { leftMs: 1_000 })).toEqual(['full']);
    // Half of the time may go into stopping: 59 s of link are left.
    expect(kinds([taskOf('a.1', 700)], { stopGraceMs: 600_000 })).toEqual(['full']);
    expect(kinds([taskOf('a.1', 800)], { stopGraceMs: 600_000 })).toEqual(['restart']);
  });

  it('has nothing to save where nothing would be lost, or nothing can be saved', () => {
    expect(kinds([taskOf('a.1', 1, { sinceSavedMs: 0 }), taskOf('b.1', 1, { canSave: false })])).toEqual([
      'restart',
      'restart',
    ]);
  });

  it('stops the worthiest first, and the next so that the link is never idle', () => {
    const plan = planEvacuation([taskOf('a.1', 400), taskOf('b.1', 400, { sinceSavedMs: 50 * MINUTE })], limits);
    expect(plan).toEqual([
      { task: 'a.1', kind: 'full', startMs: 40_000, stopByMs: 48_000, byMs: 88_000 },
      { task: 'b.1', kind: 'full', startMs: 0, stopByMs: 8_000, byMs: 48_000 },
    ]);
  });

  it('never uses the link twice at a time, ends before the node, and is the same in any order', () => {
    const any = fc.uniqueArray(
      fc.record({
        task: fc.integer({ min: 0, max: 30 }).map((n) => `t${n}.1`),
        bytes: fc.nat(4_000 * MIB),
        changedBytes: fc.nat(4_000 * MIB),
        sinceSavedMs: fc.nat(10 * MINUTE),
        doneMs: fc.nat(100 * MINUTE),
        leftMs: fc.option(fc.integer({ min: -MINUTE, max: 100 * MINUTE })),
        committed: fc.boolean(),
      }),
      { maxLength: 12, selector: ({ task }) => task },
    );
    const anyLimits = fc.record({
      leftMs: fc.integer({ min: -1_000, max: 300_000 }),
      bytesPerSecond: fc.nat(200 * MIB),
      stopGraceMs: fc.nat(60_000),
    });
    fc.assert(
      fc.property(any, anyLimits, (tasks, within) => {
        const plan = planEvacuation(tasks, within);
        expect(plan.map(({ task }) => task)).toEqual(tasks.map(({ task }) => task));
        const turned = planEvacuation([...tasks].reverse(), within).reverse();
        expect(turned).toEqual(plan);
        const windowMs = Math.max(0, within.leftMs - settleMsOf(within.leftMs));
        let busyMs = 0;
        for (const { kind, startMs, stopByMs, byMs, task } of plan) {
          expect(startMs).toBeGreaterThanOrEqual(0);
          expect(byMs).toBeGreaterThanOrEqual(startMs);
          expect(byMs).toBeLessThanOrEqual(Math.max(0, within.leftMs));
          expect(stopByMs).toBeGreaterThanOrEqual(startMs);
          expect(kind === 'full' ? stopByMs <= byMs : stopByMs <= Math.max(0, within.leftMs)).toBe(true);
          if (kind !== 'full' && kind !== 'partial') continue;
          const { changedBytes } = tasks.find((one) => one.task === task) as EvacuatedTask;
          const wholeMs = changedBytes === 0 ? 0 : (changedBytes / within.bytesPerSecond) * 1000;
          expect(wholeMs * 0.3).toBeLessThanOrEqual(windowMs + 1);
          busyMs += Math.min(wholeMs, byMs - startMs);
        }
        expect(busyMs).toBeLessThanOrEqual(windowMs + plan.length);
      }),
    );
  });
});
