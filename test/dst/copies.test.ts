import { describe, expect, it } from 'vitest';
import { playSchedules } from './schedules.js';
import { World } from './world.js';

describe('fault schedules with workloads that have copies', () => playSchedules(1, 6, { copies: true }));

describe('the checkers of copies', () => {
  const calm = { ...new World(5).plan, loss: 0, duplicate: 0, slow: 0, throttle: 0, lostReply: 0, lostCall: 0 };
  const few = { copies: true, plan: { ...calm, nodes: 3, events: [] } };

  it('see a copy that is gone although its node counts on it', () => {
    let id = 0;
    const world = new World(5, {
      ...few,
      tamper: (_, effect) =>
        effect.type === 'start-workload' && effect.name === 'alpha' && id++ === 0
          ? [effect, { type: 'stop-workload', name: 'alpha', graceMs: 0 }]
          : [effect],
    });
    expect(() => world.run()).toThrow(/copies serve, where|serves alpha|alpha has|target of alpha/);
  });

  it('see a copy that is never started, and one that is no target', () => {
    const never = new World(5, {
      ...few,
      tamper: (_, e) => (e.type === 'start-workload' && e.name === 'beta' ? [] : [e]),
    });
    expect(() => never.run()).toThrow(/copies serve, where/);
    const hidden = new World(5, {
      ...few,
      tamper: (_, e) => {
        if (e.type !== 'call' || e.call.op !== 'registerTarget' || !e.call.targetGroupArn.includes('/beta/'))
          return [e];
        return [{ ...e, call: { ...e.call, op: 'tagNode', tags: {} } }];
      },
    });
    expect(() => hidden.run()).toThrow(/serves beta, but isn't a target/);
  });

  it('see a copy that ends before its deregistration', () => {
    const world = new World(5, {
      ...few,
      tamper: (_, e) => {
        if (e.type !== 'call' || e.call.op !== 'deregisterTarget') return [e];
        return [{ ...e, call: { op: 'tagNode', instanceId: e.call.instanceId, tags: {} } }];
      },
      plan: { ...calm, nodes: 3, events: [{ atMs: 40_000, type: 'scale', desired: 1 }] },
    });
    expect(() => world.run()).toThrow(/stops its workload while its target is registered/);
  });
});
