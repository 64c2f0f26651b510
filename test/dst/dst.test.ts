import { describe, expect, it } from 'vitest';
import { seededRng } from '../../core/rng.js';
import { planOf } from './plan.js';
import { playSchedules } from './schedules.js';
import { World } from './world.js';

/** Seeded fault schedules over core/: many brains, virtual time, an unkind world. */
describe('fault schedules', () => {
  playSchedules(1, 100);

  it('the same seed gives the same run', () => {
    const run = (): unknown => {
      const world = new World(7, { trace: true });
      const report = world.run();
      return { report, trace: world.trace };
    };
    expect(run()).toEqual(run());
  });

  describe('the checkers can fail', () => {
    const calm = { ...planOf(seededRng(1)), nodes: 3, describeLagMs: 0, onDemandAfter: null, events: [] };
    const loss = { atMs: 30_000, type: 'fail' as const, seenAfterMs: 1_000 };
    const notice = { atMs: 30_000, type: 'interrupt' as const, count: 1, noticeMs: 20_000, announced: true };

    it('a launch that is never sent leaves a seat empty', () => {
      const world = new World(3, {
        plan: { ...calm, events: [loss] },
        tamper: (_, effect) => (effect.type === 'call' && effect.call.op === 'launch' ? [] : [effect]),
      });
      expect(() => world.run()).toThrow(/slot \d is empty at the end/);
    });

    it('a workload that is stopped at the notice stops before its deregistration', () => {
      const world = new World(3, {
        plan: { ...calm, events: [notice] },
        tamper: (_, effect) =>
          effect.type === 'log' && effect.code === 'leaving'
            ? [effect, { type: 'stop-workload', name: 'web', graceMs: 0 }]
            : [effect],
      });
      expect(() => world.run()).toThrow(/stops its workload while its target is registered/);
    });

    it('a token of its own makes a twin, and one that does not give way is seen', () => {
      let forged: string | null = null;
      const world: World = new World(3, {
        plan: { ...calm, events: [notice] },
        tamper: (machine, effect) => {
          // Nobody hears of the twin, and it doesn't look.
          const twins = world.cloud.ec2.tokens.get(`fleet:${forged}`)?.instanceIds ?? [];
          if (twins.includes(machine.id)) return effect.type === 'start-workload' ? [effect] : [];
          if (forged !== null || effect.type !== 'call' || effect.call.op !== 'launch') return [effect];
          const { request } = effect.call;
          forged = `${request.token}.x`;
          const twin = { op: 'launch' as const, request: { ...request, token: forged } };
          return [effect, { ...effect, id: effect.id + 1_000_000, call: twin }];
        },
      });
      expect(() => world.run()).toThrow(/slot \d (is held by .* and |has 2 holders)/);
    });

    it('a node that ends itself after a notice, or another one, is seen', () => {
      const ending = (instanceOf: (id: string) => string) =>
        new World(3, {
          plan: { ...calm, events: [notice] },
          tamper: (machine, effect) =>
            effect.type === 'log' && effect.code === 'drained'
              ? [{ type: 'call', id: 9e6, call: { op: 'terminate', instanceId: instanceOf(machine.id) }, timeoutMs: 1 }]
              : [effect],
        });
      expect(() => ending((id) => id).run()).toThrow(/ends itself after an interruption notice/);
      expect(() => ending(() => 'i-00000000000000000').run()).toThrow(/which isn't its own/);
    });

    it('a node that leaves as surplus although nobody else holds its slot is seen', () => {
      const world = new World(3, {
        plan: { ...calm, events: [notice] },
        tamper: (_, effect) =>
          effect.type === 'log' && effect.code === 'leaving'
            ? [{ ...effect, fields: { ...effect.fields, cause: 'surplus' } }]
            : [effect],
      });
      expect(() => world.run()).toThrow(/as surplus, but nobody else holds it/);
    });
  });
});
