import { describe, expect, it } from 'vitest';
import {
  type DisplacedTask,
  type MigrationTarget,
  migrationDelayMs,
  placeDisplaced,
} from '../../../core/placement/migrate.js';

const models = [
  { weightsMiB: 1000, loadMs: 60_000 },
  { weightsMiB: 1000, loadMs: 60_000 },
];
const task = (id: number, stateMiB: number, model = 0): DisplacedTask => ({ id, stateMiB, memoryMiB: stateMiB, model });
const target = (id: number, freeMiB: number, more: Partial<MigrationTarget> = {}): MigrationTarget => ({
  id,
  freeMiB,
  usedMiB: 0,
  bandwidthMiBps: 1000,
  readyInMs: 0,
  warmModels: 1,
  ...more,
});

describe('placing displaced tasks', () => {
  it('counts transfer, boot and a cold model', () => {
    expect(migrationDelayMs(task(1, 2000), target(1, 5000), models)).toBe(2000);
    expect(migrationDelayMs(task(1, 2000), target(1, 5000, { readyInMs: 9000 }), models)).toBe(9000);
    expect(migrationDelayMs(task(1, 2000, 1), target(1, 5000), models)).toBe(62_000);
    expect(migrationDelayMs(task(1, 2000, 1), target(1, 2500), models)).toBe(Number.POSITIVE_INFINITY);
  });

  it('first-fit takes the first with room, least-loaded the emptiest, optimal the soonest', () => {
    const targets = [
      target(0, 4000, { usedMiB: 3000, readyInMs: 30_000 }),
      target(1, 4000, { usedMiB: 2000, bandwidthMiBps: 4000 }),
      target(2, 4000, { usedMiB: 1000, warmModels: 0 }),
    ];
    expect([...placeDisplaced([task(1, 1000)], targets, models, 'first-fit')]).toEqual([0]);
    expect([...placeDisplaced([task(1, 1000)], targets, models, 'least-loaded')]).toEqual([2]);
    expect([...placeDisplaced([task(1, 1000)], targets, models, 'optimal')]).toEqual([1]);
  });

  it('puts several tasks on one target while its memory lasts, whatever the strategy', () => {
    const tasks = [task(1, 1000), task(2, 1000), task(3, 1000)];
    for (const strategy of ['first-fit', 'least-loaded', 'optimal'] as const) {
      const placed = placeDisplaced(tasks, [target(0, 2500)], models, strategy);
      expect([...placed].filter((j) => j === 0)).toHaveLength(2);
      expect([...placed].filter((j) => j === -1)).toHaveLength(1);
    }
  });

  it('leaves all unplaced where there are no targets', () => {
    expect([...placeDisplaced([task(1, 1)], [], models, 'optimal')]).toEqual([-1]);
  });
});
