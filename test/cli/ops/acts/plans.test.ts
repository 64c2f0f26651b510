/** What the acts say before they do anything, from what AWS answered. */
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { judgeDrain, judgeInOrder, judgeReplace } from '../../../../cli/ops/acts/banker.js';
import { unrest } from '../../../../cli/ops/acts/drill/run.js';
import { handedOver, leavingText, replacePlan } from '../../../../cli/ops/acts/leave.js';
import { pickNode, pickNodes } from '../../../../cli/ops/acts/pick.js';
import { planJson, planText, type Scene } from '../../../../cli/ops/acts/run-act.js';
import { rolled } from '../../../../cli/ops/acts/update-plan.js';
import { pausePlan, scaled, scalePlan } from '../../../../cli/ops/acts/wish.js';
import type { ClusterView } from '../../../../cli/ops/view.js';
import { DEFAULT_POLICY } from '../../../../core/spec/parse.js';
import { wallMs } from '../../../../core/time.js';
import { idOf, opsNode, view } from '../scene.js';

const three = [opsNode(0), opsNode(1), opsNode(2)];
const row = (of: ClusterView, slot: number, generation = 1) => pickNode(idOf(slot, generation), of);

/** Plans look at nothing but the view until they are carried out. */
const sceneOf = (of: ClusterView): Scene =>
  ({ cluster: { name: of.spec.cluster, parameter: '/synkti/web/spec', parameterVersion: 7 }, view: of }) as Scene;

describe('the node that is named', () => {
  const now = view(
    [...three, opsNode(2, 2, { phase: null }), opsNode(5, 1, { state: 'terminated' })],
    {},
    { desired: 3 },
  );

  it('by slot, id, or beginning', () => {
    expect(pickNode('1', now).node.instanceId).toBe(idOf(1));
    // The newest of two.
    expect(pickNode('2', now).node.instanceId).toBe(idOf(2, 2));
    expect(pickNode(idOf(0), now).node.instanceId).toBe(idOf(0));
    expect(pickNodes(['0,1', '1'], now).map(({ node }) => node.instanceId)).toEqual([idOf(0), idOf(1)]);
    expect(pickNodes([], now)).toHaveLength(4);
  });

  it('or what is wrong, in a sentence', () => {
    expect(() => pickNode('7', now)).toThrow('has no slot 7; its slots are 0 to 2.');
    expect(() => pickNode(`${idOf(0).slice(0, -1)}f`, now)).toThrow(`Did you mean "${idOf(0)}"`);
    expect(() => pickNode('i-00000', now)).toThrow('could be');
    const of = (desired: number) => view([], {}, { desired });
    expect(() => pickNode('7', of(1))).toThrow('has no slot 7; its only slot is 0.');
    expect(() => pickNode('0', of(0))).toThrow('has no slot 0; it is scaled to 0 slots.');
    expect(() => pickNode('web', now)).toThrow('web is no node of cluster');
    expect(() => pickNode(idOf(5), now)).toThrow("isn't there any more: EC2 says terminated.");
    expect(() => pickNode('1', view([three[0] ?? opsNode(0)], {}, { desired: 2 }))).toThrow('Slot 1 of cluster');
  });
});

describe('the rule is asked', () => {
  const calm = view(three, {}, { desired: 3 });

  it('a drain needs all others to serve', () => {
    expect(judgeDrain(row(calm, 1), calm)).toEqual({
      safe: true,
      why: '2 of 3 slots served until its replacement does.',
    });
    const hurt = view([opsNode(0), opsNode(1), opsNode(2, 1, { phase: 'draining' })], {}, { desired: 3 });
    expect(judgeDrain(row(hurt, 1), hurt)).toMatchObject({ safe: false, why: expect.stringContaining('Only 1 of 3') });
    const single = view([opsNode(0)], {}, { desired: 1 });
    expect(judgeDrain(row(single, 0), single)).toMatchObject({ safe: false, why: expect.stringContaining('nobody') });
    // Its successor serves already.
    const heir = view([opsNode(0), opsNode(0, 2)], {}, { desired: 1 });
    expect(judgeDrain(row(heir, 0), heir).safe).toBe(true);
  });

  it('a replacement takes nothing away', () => {
    const single = view([opsNode(0)], {}, { desired: 1 });
    expect(judgeReplace(row(single, 0), single)).toEqual({ safe: true, why: '1 of 1 slot served all the while.' });
  });

  it('a scale-in that would leave a wanted slot without a node is none', () => {
    const gap = view([opsNode(0), opsNode(2), opsNode(3)], {}, { desired: 4 });
    expect(judgeInOrder('scale-in', [row(gap, 2), row(gap, 3)], gap, 2)).toMatchObject({ safe: false });
    expect(judgeInOrder('scale-in', [row(gap, 3)], gap, 0).safe).toBe(true);
  });
});

describe('plans', () => {
  it('scale', () => {
    const now = sceneOf(view(three, {}, { desired: 3 }));
    const fewer = scalePlan(1, now);
    expect(fewer.steps[1]).toContain(`${idOf(1)} in slot 1, ${idOf(2)} in slot 2`);
    expect(fewer).toMatchObject({ safety: { safe: true }, undo: expect.stringContaining('synkti scale 3 ') });
    expect(scalePlan(5, now).steps[1]).toBe('The agents fill 2 new slots: 3 to 4, spot first.');
    expect(scalePlan(4, now).steps[1]).toBe('The agents fill 1 new slot: 3, spot first.');
    expect(scalePlan(3, now).nothing).toContain('has 3 slots already');
    const empty = sceneOf(view(three, {}, { desired: 5 }));
    expect(scalePlan(4, empty).steps[1]).toBe('No node holds this slot: none leaves.');
    expect(scalePlan(3, empty).steps[1]).toBe('No node holds these slots: none leaves.');
  });

  it('pause and resume', () => {
    const awake = sceneOf(view(three, {}, { desired: 3 }));
    expect(pausePlan(false, awake).nothing).toContain('not paused');
    expect(pausePlan(true, awake)).toMatchObject({ nothing: null, undo: expect.stringContaining('synkti resume') });
    const paused = sceneOf(view(three, {}, { desired: 3, policy: { ...DEFAULT_POLICY, paused: true } }));
    expect(pausePlan(true, paused).nothing).toContain('paused already');
    const hour = pausePlan(true, paused, 3_600_000);
    expect(hour.nothing).toBeNull();
    expect(hour.steps.join(' ')).toMatch(/policy\.paused true until 20\d\d-\d\d-\d\d [\d:]{8} UTC/);
    const over = { ...DEFAULT_POLICY, paused: true, pausedUntilMs: wallMs(1) };
    expect(pausePlan(false, sceneOf(view(three, {}, { desired: 3, policy: over }))).nothing).toContain('not paused');
    expect(scalePlan(1, paused).notes.join(' ')).toContain('leave only after synkti resume');
  });

  it('a node leaves as its workloads do', () => {
    const [api] = view(three).spec.workloads;
    if (api === undefined) throw new Error('a workload');
    const tasks = { kind: 'tasks', name: 'tasks', memoryMiB: 4_096, targetGroupArns: [] } as unknown as typeof api;
    const of = (...workloads: (typeof api)[]): string => leavingText(view(three, {}, { workloads }));
    expect(of(api)).toMatch(
      /^It leaves its target groups, serves on for \d+s at least, stops its workloads and ends itself\.$/,
    );
    expect(of(tasks)).toBe('It hands its tasks over with their checkpoints and ends itself.');
    expect(of(api, tasks)).toContain('at least, hands its tasks over with their checkpoints, stops its workloads and');
    expect(of({ ...api, targetGroupArns: [] })).toBe('It stops its workloads and ends itself.');
  });

  it('replace asks for the next seat, unless the heir is there', () => {
    const plan = replacePlan('1', sceneOf(view(three, {}, { desired: 3 })));
    expect(plan.steps[0]).toContain('Seat 1.2 is launched: spot');
    const heir = sceneOf(view([...three, opsNode(1, 2, { phase: null })], {}, { desired: 3 }));
    expect(replacePlan(idOf(1), heir).nothing).toContain(`${idOf(1, 2)} is booting`);
    const outside = sceneOf(view(three, {}, { desired: 2 }));
    expect(() => replacePlan(idOf(2), outside)).toThrow("isn't wanted any more");
  });
});

describe('a plan as it is told', () => {
  const now = view(three, {}, { desired: 3 });

  it('all that is said stands below each other, safe or not', () => {
    for (const safe of [true, false]) {
      const plan = { ...scalePlan(2, sceneOf(now)), safety: { safe, why: 'Why '.repeat(30) } };
      const lines = planText(plan, pc.createColors(false), 60).split('\n').slice(1);
      expect(lines.filter((line) => !/^(Safe: {5}|Not safe: |Note: {5}|Undo: {5}| {2,})\S/.test(line))).toEqual([]);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
    }
  });

  it('where there is nothing to do no step is told, as text or as JSON', () => {
    const idle = scalePlan(3, sceneOf(now));
    expect(planText(idle, pc.createColors(false), 80)).toBe('Cluster "web" has 3 slots already.');
    expect(planJson(idle)).toMatchObject({ steps: [], notes: [], undo: null, nothing: expect.stringContaining('3') });
    const busy = scalePlan(4, sceneOf(now));
    expect(planJson(busy)).toMatchObject({ steps: busy.steps, notes: busy.notes, undo: busy.undo, nothing: null });
    expect(Object.keys(planJson(idle))).toEqual(Object.keys(planJson(busy)));
  });

  it('a drill tells what else would take nodes away meanwhile', () => {
    expect(unrest(now)).toEqual([]);
    const rolling = view([opsNode(0, 1, { templateVersion: 2 }), opsNode(1)], {}, { desired: 2 });
    expect(unrest(rolling).join('')).toContain('a rolling update is under way');
  });
});

describe('how far an act has come', () => {
  const old = row(view(three, {}, { desired: 3 }), 1);

  it('a hand-over is done when the old one is gone and the new one serves', () => {
    const at = (...nodes: Parameters<typeof view>[0]) => handedOver(old, view(nodes, {}, { desired: 3 }), false);
    expect(at(opsNode(1, 1, { phase: 'draining' })).text).toBe(`${idOf(1)} is draining, no successor yet.`);
    expect(at(opsNode(1), opsNode(1, 2))).toMatchObject({ done: false });
    expect(at(opsNode(1, 1, { state: 'terminated' }), opsNode(1, 2, { phase: null }))).toMatchObject({ done: false });
    expect(at(opsNode(1, 1, { state: 'shutting-down' }), opsNode(1, 2))).toMatchObject({ done: true });
    expect(handedOver(old, view([opsNode(0)], {}, { desired: 1 }), true)).toMatchObject({ done: true });
  });

  it('a scale when nobody is left beyond the slots', () => {
    expect(scaled(view(three, {}, { desired: 2 }))).toEqual({
      done: false,
      text: '2 of 2 slots served; 1 node beyond: 2.1 serving.',
    });
    expect(scaled(view(three, {}, { desired: 3 })).done).toBe(true);
    expect(scaled(view(three, {}, { desired: 4 })).done).toBe(false);
  });

  it('an update when every node has the version, and none is left over', () => {
    expect(rolled(view([opsNode(0, 1, { templateVersion: 2 }), opsNode(1)], {}, { desired: 2 }))).toEqual({
      done: false,
      text: '1 of 2 nodes at version 3, 2 of 2 slots served; to come: slot 0.',
    });
    expect(rolled(view([opsNode(0), opsNode(1)], {}, { desired: 2 })).done).toBe(true);
    expect(rolled(view([opsNode(0), opsNode(0, 2), opsNode(1)], {}, { desired: 2 })).done).toBe(false);
  });
});
