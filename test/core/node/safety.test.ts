/** Acts of a node's own will, and what keeps it from them. */
import { describe, expect, it } from 'vitest';
import type { CloudCall, Outcome } from '../../../core/cloud.js';
import { wantedRevision } from '../../../core/spec/revision.js';
import type { Spec } from '../../../core/spec/spec.js';
import { wallMs } from '../../../core/time.js';
import { EPOCH_MS, failure, memberOf, policyOf, seatOf, specOf } from '../fixtures.js';
import { Host, type OpenCall, SELF, servingHost } from './host.js';

const OK: Outcome = { ok: true, value: null };
const codes = (host: Host): string[] =>
  host.done('log').flatMap((effect) => (effect.type === 'log' ? [effect.code] : []));
const waitingTags = (host: Host): string[] => host.told('synkti:waiting');
const adopt = (host: Host, change: Partial<Spec>): void => {
  host.state.spec = { ...host.state.spec, version: host.state.spec.version + 1, ...change };
  host.state.membersChanged = true;
};
/** Tags are written; nothing else is answered. */
const tagged = ({ call }: OpenCall): Outcome | null => (call.op === 'tagNode' ? OK : null);

/** A node in slot 2 that a smaller cluster doesn't want, among peers that serve and are full. */
function unwanted(policy: Partial<Spec['policy']> = {}, peerFree = 0): Host {
  const host = new Host({ seat: seatOf(2), spec: specOf({ desired: 2, policy: policyOf(policy) }) });
  host.serve();
  host.hear(memberOf('i-1', { seat: seatOf(0), instanceType: 'm6g.large', freeMemoryMiB: peerFree }));
  // The other one last: only then every slot that is wanted serves.
  host.step({ type: 'publish', ...idle, tasks: [{ task: 't.1', memoryMiB: 1_000, gpuMemoryMiB: 0 }] });
  host.hear(memberOf('i-2', { seat: seatOf(1), instanceType: 'm6g.large', freeMemoryMiB: peerFree }));
  return host;
}
const idle = { freeMemoryMiB: 0, freeGpuMemoryMiB: 0, warm: [], work: 0, pressure: false };

describe('a scale-in', () => {
  it('goes on where the others could hold its tasks', () => {
    expect(unwanted({}, 1_000).state.leaving?.cause).toBe('scale-in');
  });

  it('waits while nobody else could hold a task, says why, and goes when the task is done', () => {
    const host = unwanted();
    expect(host.state.leaving).toBeNull();
    expect(host.state.waiting).toMatchObject({
      act: 'scale-in',
      cause: 'task',
      reason: `If ${SELF} went, no other node could hold task t.1 with its 1000 MiB.`,
    });
    host.step({ type: 'publish', ...idle, tasks: [] });
    host.pass(1_500, tagged);
    expect(host.state.leaving?.cause).toBe('scale-in');
    expect(host.state.waiting).toBeNull();
    expect(codes(host).filter((code) => code.startsWith('wait'))).toEqual(['waiting', 'wait-over']);
  });

  it('writes a tag when it lasts, seldom, and takes it back', () => {
    const host = unwanted();
    host.pass(25_000, tagged);
    expect(waitingTags(host)).toEqual([]);
    host.pass(65_000, tagged);
    expect(waitingTags(host)).toEqual([expect.stringMatching(/^scale-in: .{20,200}$/)]);
    expect(codes(host).filter((code) => code === 'waiting')).toHaveLength(1);
    adopt(host, { desired: 0 });
    host.pass(70_000, tagged);
    expect(waitingTags(host).slice(1)).toEqual(['']);
  });

  it('reckons with tasks that the host does not name, and with room that was seen once', () => {
    const tasks = {
      ...{ kind: 'tasks' as const, name: 'tasks', port: null, environment: {}, health: null, inFlightPath: null },
      ...{ targetGroupArns: [], stopGraceMs: 1, memoryMiB: null, gpuMemoryMiB: 0, maxTasks: 4, leaseMs: 60_000 },
    };
    const spec = specOf({ desired: 2, workloads: [...specOf().workloads, tasks] });
    for (const [seenFree, goes] of [
      [0, false],
      [600, true],
    ] as const) {
      const host = new Host({ seat: seatOf(2), spec });
      host.step();
      host.answer('findNodes', { ok: true, value: [] });
      host.step({ type: 'workload', name: 'tasks', status: { health: 'healthy', inFlight: 2 } });
      host.step({ type: 'publish', ...idle });
      host.hear(memberOf('i-1', { seat: seatOf(0), instanceType: 'm6g.large', freeMemoryMiB: seenFree }));
      const full = memberOf('i-1', { seat: seatOf(0), instanceType: 'm6g.large', freeMemoryMiB: 0 });
      host.hear({ ...full, incarnation: EPOCH_MS + 5 });
      host.hear(memberOf('i-2', { seat: seatOf(1), instanceType: 'm6g.large', freeMemoryMiB: 0 }));
      // Two tasks share the 1,024 MiB that aren't free.
      expect(host.state.leaving?.cause === 'scale-in', `${seenFree}`).toBe(goes);
    }
  });

  it('waits while it is paused, and not when the whole cluster is to go', () => {
    const host = unwanted({ paused: true }, 4_000);
    expect(host.state.waiting).toMatchObject({ cause: 'paused' });
    expect(host.state.leaving).toBeNull();
    adopt(host, { desired: 0 });
    host.step();
    expect(host.state.leaving?.cause).toBe('scale-in');
  });

  it('a tag that may not be written is left alone for an hour', () => {
    const host = unwanted();
    const denied = ({ call }: OpenCall): Outcome | null =>
      call.op !== 'tagNode' ? null : call.tags['synkti:state'] === undefined ? failure('configuration') : OK;
    host.pass(600_000, denied);
    expect(waitingTags(host)).toHaveLength(1);
  });
});

describe('paused', () => {
  const paused = specOf({ policy: policyOf({ paused: true, rebalance: 'replace' }) });
  const pursuits = (host: Host): CloudCall[] => host.calls('readHint');

  it('no roll is begun; what was begun before goes on', () => {
    const host = servingHost({ seat: seatOf(1), spec: paused });
    adopt(host, { launch: { ...paused.launch, templateVersion: 9 } });
    for (const [id, slot] of [
      ['i-1', 0],
      ['i-2', 2],
    ] as const) {
      const meta = { seat: seatOf(slot), revision: wantedRevision(host.state.spec) };
      host.hear(memberOf(id, meta, { incarnation: EPOCH_MS + 1 }));
    }
    host.step();
    expect(host.state.waiting).toMatchObject({ act: 'replace', cause: 'paused' });
    expect(pursuits(host)).toEqual([]);
    adopt(host, { policy: policyOf() });
    host.pass(1_500, tagged);
    expect(codes(host)).toEqual(expect.arrayContaining(['waiting', 'roll', 'wait-over']));
    expect(pursuits(host)).toHaveLength(1);
    adopt(host, { policy: policyOf({ paused: true }) });
    host.step();
    expect(host.state.roll).not.toBeNull();
  });

  it('a pause for a while ends by itself, and an earlier end counts at once', () => {
    for (const resumedEarly of [false, true]) {
      const untilMs = wallMs(EPOCH_MS + 600_000);
      const spec = specOf({ policy: policyOf({ paused: true, pausedUntilMs: untilMs }) });
      const host = servingHost({ seat: seatOf(1), spec });
      adopt(host, { launch: { ...spec.launch, templateVersion: 9 } });
      const hearOthers = (incarnation: number): void => {
        for (const [id, slot] of [
          ['i-1', 0],
          ['i-2', 2],
        ] as const) {
          const meta = { seat: seatOf(slot), revision: wantedRevision(host.state.spec) };
          host.hear(memberOf(id, meta, { incarnation: EPOCH_MS + incarnation }));
        }
      };
      hearOthers(1);
      host.step();
      expect(host.state.waiting).toMatchObject({ act: 'replace', cause: 'paused' });
      expect(host.nextMs()).toBeLessThanOrEqual(600_000);
      if (resumedEarly) adopt(host, { policy: policyOf() });
      else {
        // Others that are silent for so long would be given up.
        for (let n = 2; n < 602; n++) {
          hearOthers(n);
          host.pass(1_000, tagged);
        }
      }
      hearOthers(700);
      host.pass(1_500, tagged);
      expect(pursuits(host), `${resumedEarly}`).toHaveLength(1);
    }
  });

  it('an early replacement is begun when the pause is over, if the risk is there still', () => {
    for (const passes of [false, true]) {
      const host = servingHost({ spec: paused });
      const noticeTime = new Date(EPOCH_MS).toISOString();
      host.imds('events/recommendations/rebalance', 200, JSON.stringify({ noticeTime }));
      host.pass(500, tagged);
      expect(pursuits(host)).toEqual([]);
      expect(host.state.waiting).toMatchObject({ act: 'replace', cause: 'paused' });
      if (passes) host.pass(paused.policy.atRiskMs, tagged);
      adopt(host, { policy: policyOf({ rebalance: 'replace' }) });
      host.step();
      expect(pursuits(host)).toHaveLength(passes ? 0 : 1);
    }
  });

  it('what fails is replaced all the same', () => {
    const host = servingHost({ spec: paused });
    host.interrupt(120_000);
    expect(pursuits(host)).toHaveLength(1);
  });
});

describe('the way back to spot, under pressure', () => {
  it('the on-demand node stays beside its spot successor until the pressure is gone', () => {
    const host = servingHost();
    Object.assign(host.state.identity, { lifecycle: 'on-demand' });
    const heir = memberOf('i-8', { seat: seatOf(1, 5), lifecycle: 'spot' });
    host.step({ type: 'publish', ...idle, freeMemoryMiB: 1_024, pressure: true });
    host.hear(heir);
    host.pass(10_000, tagged);
    expect(host.state.leaving).toBeNull();
    expect(host.state.waiting).toMatchObject({ act: 'return', cause: 'pressure' });
    host.step({ type: 'publish', ...idle, freeMemoryMiB: 1_024 });
    expect(host.state.leaving?.cause).toBe('superseded');
  });
});

describe('a node that a smaller cluster gave up', () => {
  it('asks for its successor when the cluster grows again before it is gone', () => {
    const host = unwanted({}, 1_000);
    expect(host.state.leaving?.cause).toBe('scale-in');
    host.step();
    expect(host.calls('readHint')).toEqual([]);
    adopt(host, { desired: 3 });
    host.step();
    expect(host.calls('readHint')).toMatchObject([{ slot: 2 }]);
  });
});
