import { describe, expect, it } from 'vitest';
import { evenSpread, type ServiceView, spotHedge, type ZoneView } from '../../../core/policy/service.js';
import { onDemandBase, onDemandFallback, type TaskView } from '../../../core/policy/task.js';

const taskView = (more: Partial<TaskView> = {}): TaskView => ({
  nowMs: 0,
  interruptions: 0,
  leftMs: 1,
  waitedMs: 0,
  onDemandUsdPerHour: 1,
  spotInstances: 0,
  onDemandInstances: 0,
  pools: [{ name: 'a', zone: 'a', spotUsdPerHour: 0.3, available: true, instances: 0 }],
  ...more,
});

describe('task policies', () => {
  it('fall back after k interruptions', () => {
    expect(onDemandFallback(2).choose(taskView({ interruptions: 1 })).kind).toBe('spot');
    expect(onDemandFallback(2).choose(taskView({ interruptions: 2 })).kind).toBe('on-demand');
  });

  it('fill the base first, and go on-demand when no pool has spot', () => {
    expect(onDemandBase(1).choose(taskView()).kind).toBe('on-demand');
    expect(onDemandBase(1).choose(taskView({ onDemandInstances: 1 })).kind).toBe('spot');
    expect(onDemandBase(0).choose(taskView({ pools: [] })).kind).toBe('on-demand');
  });
});

const zone = (name: string, more: Partial<ZoneView> = {}): ZoneView => ({
  name,
  spotUsdPerHour: 0.3,
  starting: 0,
  ready: 0,
  lost: 0,
  refused: 0,
  ...more,
});
const view = (zones: ZoneView[]): ServiceView => ({
  nowMs: 0,
  target: 4,
  zones,
  onDemand: { starting: 0, ready: 0 },
  onDemandUsdPerHour: 1,
});

describe('service policies', () => {
  it('spread evenly', () => {
    expect(evenSpread().plan(view([zone('a'), zone('b'), zone('c')])).spot).toEqual([2, 1, 1]);
  });

  it('SpotHedge over-provisions and covers with on-demand what is not ready', () => {
    const policy = spotHedge(2);
    expect(policy.plan(view([zone('a'), zone('b'), zone('c')]))).toEqual({ spot: [2, 2, 2], onDemand: 4 });
    const ready = [zone('a', { ready: 2 }), zone('b', { ready: 2 }), zone('c', { ready: 1, starting: 1 })];
    expect(policy.plan(view(ready)).onDemand).toBe(1);
  });

  it('SpotHedge leaves aside a zone that lost or refused', () => {
    const policy = spotHedge(0);
    const zones = [zone('a', { ready: 1, lost: 1 }), zone('b', { ready: 1 }), zone('c', { refused: 1 }), zone('d')];
    expect(policy.plan(view(zones)).spot).toEqual([1, 2, 0, 1]);
  });
});
