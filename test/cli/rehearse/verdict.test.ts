import { describe, expect, it } from 'vitest';
import type { PromiseId } from '../../../cli/rehearse/promises.js';
import type { Timeline, TimelineEvent } from '../../../cli/rehearse/timeline.js';
import { judge } from '../../../cli/rehearse/verdict.js';
import { CALM, goodEvents, node, silentEvents, timelineOf } from './story.js';

const broken = (timeline: Timeline): PromiseId[] =>
  judge(timeline)
    .promises.filter(({ state }) => state === 'broken')
    .map(({ id }) => id);

const without = (events: readonly TimelineEvent[], drop: (event: TimelineEvent) => boolean): TimelineEvent[] =>
  events.filter((event) => !drop(event));

const failure = (startedMs: number, endedMs = startedMs + 10) => ({ startedMs, endedMs, reason: '502' });

describe('the verdict', () => {
  it('keeps every promise of a good run', () => {
    const verdict = judge(timelineOf(goodEvents()));
    expect(verdict.promises.filter(({ state }) => state === 'broken')).toEqual([]);
    expect(verdict.kept).toBe(true);
    const [incident] = verdict.incidents;
    expect(incident).toMatchObject({
      instanceId: 'i-a',
      kind: 'announced',
      atMs: 10_000,
      detectedMs: 10_500,
      firstActMs: 10_600,
      deregisteredMs: 10_700,
      drainedMs: 17_000,
      replacement: 'i-c',
      replacementAskedMs: 10_610,
      replacementServingMs: 15_000,
    });
  });

  it('keeps every promise of a silent death that is found', () => {
    const traffic = { ...CALM, failed: 2, failures: [failure(9_999), failure(11_500, 13_000)] };
    const verdict = judge(timelineOf(silentEvents(), { traffic }));
    expect(verdict.kept).toBe(true);
    expect(verdict.traffic?.failedInOutages).toBe(2);
    expect(verdict.promises.find(({ id }) => id === 'acts-at-once')?.state).toBe('untested');
  });

  it('leaves promises untested that nothing tested', () => {
    const verdict = judge(timelineOf(goodEvents().slice(0, 4)));
    expect(verdict.kept).toBe(true);
    expect(verdict.promises.filter(({ state }) => state === 'untested').map(({ id }) => id)).toEqual([
      'outage-bounded',
      'acts-at-once',
      'deregister-first',
      'drained-in-time',
      'no-self-termination',
      'silence-noticed',
    ]);
  });
});

describe('each promise can be broken:', () => {
  it('a failed request', () => {
    const traffic = { ...CALM, failed: 1, failures: [failure(12_000)] };
    expect(broken(timelineOf(goodEvents(), { traffic }))).toEqual(['no-failed-request']);
  });

  it('a failed request outside of the outage of a silent death', () => {
    const traffic = { ...CALM, failed: 1, failures: [failure(12_500)] };
    expect(broken(timelineOf(silentEvents(), { traffic }))).toEqual(['no-failed-request']);
  });

  it('failures beyond those that were kept', () => {
    const traffic = { ...CALM, failed: 5, failures: [failure(11_000)] };
    expect(broken(timelineOf(silentEvents(), { traffic }))).toEqual(['no-failed-request']);
  });

  it('no traffic at all', () => {
    expect(broken(timelineOf(goodEvents(), { traffic: { ...CALM, sent: 0 } }))).toEqual(['no-failed-request']);
  });

  it('a load balancer that goes on sending to a dead node', () => {
    const events = without(silentEvents(), (e) => e.type === 'target' && e.state === 'unhealthy');
    expect(broken(timelineOf(events))).toEqual(['outage-bounded']);
  });

  it('a seat that stays empty', () => {
    const events = without(goodEvents(), (e) => e.type === 'target' && e.instanceId === 'i-c');
    expect(broken(timelineOf(events))).toEqual(['seats-refilled']);
  });

  it('a seat whose replacement is lost again at the end', () => {
    const late: TimelineEvent = { atMs: 50_000, type: 'target', instanceId: 'i-c', state: 'unhealthy' };
    expect(broken(timelineOf([...goodEvents(), late]))).toEqual(['seats-refilled']);
  });

  it('two replacements for one seat', () => {
    const twin: TimelineEvent = { atMs: 11_000, type: 'launched', node: node('i-d', 0, 2) };
    expect(broken(timelineOf([...goodEvents(), twin]))).toEqual(['one-replacement']);
    const short: TimelineEvent = { atMs: 15_000, type: 'ending', instanceId: 'i-d' };
    const verdict = judge(timelineOf([...goodEvents(), twin, short]));
    expect(verdict.kept).toBe(true);
    expect(verdict.duplicates).toBe(1);
  });

  it('a replacement for a node that is well', () => {
    const extra: TimelineEvent[] = [
      { atMs: 20_000, type: 'launched', node: node('i-d', 1, 2) },
      { atMs: 25_000, type: 'target', instanceId: 'i-d', state: 'healthy' },
      { atMs: 26_000, type: 'ending', instanceId: 'i-b' },
    ];
    expect(broken(timelineOf([...goodEvents(), ...extra]))).toEqual(['one-replacement']);
    const warned: TimelineEvent = { atMs: 19_000, type: 'rebalance', instanceId: 'i-b' };
    expect(broken(timelineOf([...goodEvents(), ...extra, warned]))).toEqual([]);
  });

  it('a node that acts late', () => {
    const slow = goodEvents()
      .filter((e) => e.type !== 'ledger')
      .map((e) => (e.type === 'call' ? { ...e, atMs: 12_500 } : e));
    expect(broken(timelineOf(slow))).toContain('acts-at-once');
    const ledger = goodEvents().filter((e) => e.type === 'ledger');
    expect(broken(timelineOf([...slow, ...ledger]))).toEqual([]);
  });

  it('a node that never acts', () => {
    const events = without(goodEvents(), (e) => e.type === 'call' || e.type === 'ledger');
    expect(broken(timelineOf(events))).toEqual(['acts-at-once', 'drained-in-time']);
  });

  it('a workload that stops before its target is deregistered', () => {
    const draining = (e: TimelineEvent): boolean => e.type === 'target' && e.state === 'draining';
    expect(broken(timelineOf(without(goodEvents(), draining)))).toEqual(['deregister-first']);
    const late = goodEvents().map((e) => (draining(e) ? { ...e, atMs: 16_600 } : e));
    expect(broken(timelineOf(late))).toEqual(['deregister-first']);
  });

  it('a drain that ends after the deadline', () => {
    const early = goodEvents().map((e) => (e.type === 'notice' ? { ...e, deadlineMs: 16_900 } : e));
    expect(broken(timelineOf(early))).toEqual(['drained-in-time']);
  });

  it('a node that ends itself after its notice', () => {
    const own: TimelineEvent = { atMs: 17_500, type: 'call', action: 'TerminateInstances', caller: 'i-a', ok: true };
    expect(broken(timelineOf([...goodEvents(), own]))).toEqual(['no-self-termination']);
    expect(broken(timelineOf([...goodEvents(), { ...own, ok: false }]))).toEqual([]);
    expect(broken(timelineOf([...goodEvents(), { ...own, caller: null }]))).toEqual([]);
  });

  it('a silent death that is found late, or never', () => {
    const late = silentEvents().map((e) => (e.type === 'launched' && e.atMs > 0 ? { ...e, atMs: 20_500 } : e));
    expect(broken(timelineOf(late))).toEqual(['silence-noticed']);
    const never = without(silentEvents(), (e) => e.atMs > 13_000);
    expect(broken(timelineOf(never))).toEqual(['seats-refilled', 'silence-noticed']);
  });

  it('something that is left behind', () => {
    for (const leftovers of [
      { processes: 1, files: 0, ports: 0 },
      { processes: 0, files: 2, ports: 0 },
      { processes: 0, files: 0, ports: 1 },
    ]) {
      expect(broken(timelineOf(goodEvents(), { leftovers }))).toEqual(['nothing-left']);
    }
  });

  it('an orphan: a node beyond the wish, without a seat, or older than its successor', () => {
    const beyond: TimelineEvent = { atMs: 5_000, type: 'launched', node: node('i-x', 7, 1) };
    expect(broken(timelineOf([...goodEvents(), beyond]))).toEqual(['nothing-left']);
    const seatless: TimelineEvent = { atMs: 5_000, type: 'launched', node: { ...node('i-x', 0, 1), seat: null } };
    expect(broken(timelineOf([...goodEvents(), seatless]))).toEqual(['nothing-left']);
    const stays = without(goodEvents(), (e) => e.type === 'ending');
    expect(broken(timelineOf(stays))).toEqual(['nothing-left']);
  });
});

describe('incidents', () => {
  it('call a node that dies before its deadline a silent death', () => {
    const died: TimelineEvent = { atMs: 12_000, type: 'died', instanceId: 'i-a' };
    expect(judge(timelineOf([...goodEvents(), died])).incidents[0]).toMatchObject({ kind: 'silent', atMs: 12_000 });
  });

  it('ask nothing of a node that never served', () => {
    const events = without(
      goodEvents(),
      (e) => (e.type === 'target' && e.instanceId === 'i-a') || e.type === 'ledger' || e.type === 'call',
    );
    expect(broken(timelineOf(events))).toEqual([]);
  });
});
