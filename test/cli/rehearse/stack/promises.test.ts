import { describe, expect, it } from 'vitest';
import { incidentsOf, stories } from '../../../../cli/rehearse/incidents.js';
import type { PromiseId } from '../../../../cli/rehearse/promises.js';
import type { ChangeFact, StackFacts } from '../../../../cli/rehearse/stack/facts.js';
import { leastServing } from '../../../../cli/rehearse/stack/promises.js';
import { stackText } from '../../../../cli/rehearse/stack/report.js';
import type { Timeline, TimelineEvent } from '../../../../cli/rehearse/timeline.js';
import { judge } from '../../../../cli/rehearse/verdict.js';
import { CALM, goodEvents, node, timelineOf } from '../story.js';

const GOOD: StackFacts = {
  name: 'Web',
  resources: 80,
  notes: ['Topics tell nobody.'],
  asked: 100,
  denials: [],
  roles: [{ role: 'NodeRole', used: [{ action: 'ec2:CreateFleet', count: 2 }], unused: ['s3:PutObject'] }],
  changes: [],
  eventsLost: false,
  fallbackMs: 11_000,
  left: [],
  kept: [],
  deletedMs: 30_000,
};

const stackTimeline = (
  events: readonly TimelineEvent[],
  stack: Partial<StackFacts> = {},
  rest: Partial<Timeline> = {},
): Timeline => timelineOf(events, { stack: { ...GOOD, ...stack }, ...rest });

function promise(timeline: Timeline, id: PromiseId) {
  const found = judge(timeline).promises.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no promise ${id}`);
  return found;
}

const state = (timeline: Timeline, id: PromiseId): string => promise(timeline, id).state;

describe('the verdict on a stack', () => {
  it('keeps a good one, and speaks of stacks only where there is one', () => {
    const verdict = judge(stackTimeline(goodEvents()));
    expect(verdict.kept).toBe(true);
    expect(state(stackTimeline(goodEvents()), 'calls-allowed')).toBe('kept');
    expect(state(stackTimeline(goodEvents()), 'stack-deleted')).toBe('kept');
    for (const id of ['fallback-acts', 'update-rolled', 'size-followed', 'capacity-bridged'] as const) {
      expect(state(stackTimeline(goodEvents()), id)).toBe('untested');
    }
    const plain = judge(timelineOf(goodEvents())).promises.map(({ id }) => id);
    expect(plain).not.toContain('calls-allowed');
  });

  it('names a call that was denied', () => {
    const denial = {
      role: 'NodeRole',
      action: 'ec2:CreateFleet',
      resource: '*',
      needed: '{"Effect":"Allow"}',
      why: 'No statement allows it.',
      count: 3,
    };
    const { state: its, because } = promise(stackTimeline(goodEvents(), { denials: [denial] }), 'calls-allowed');
    expect(its).toBe('broken');
    expect(because[0]).toContain('NodeRole may not ec2:CreateFleet on *. No statement allows it. Missing: {"Effect"');
  });

  it('tells what a deletion left, and what a policy keeps', () => {
    expect(state(stackTimeline(goodEvents(), { left: ['queue web'] }), 'stack-deleted')).toBe('broken');
    expect(state(stackTimeline(goodEvents(), { left: null }), 'stack-deleted')).toBe('untested');
    const kept = promise(stackTimeline(goodEvents(), { kept: ['Bucket'] }), 'stack-deleted');
    expect(kept).toMatchObject({ state: 'kept' });
    expect(kept.figure).toContain('Bucket');
  });

  it('shows the rights of each role, used and never used', () => {
    const text = stackText(GOOD);
    for (const part of ['Stack Web', 'NodeRole', 'ec2:CreateFleet 2', 'never used: s3:PutObject', 'Topics']) {
      expect(text).toContain(part);
    }
  });
});

describe('a node whose agent hangs', () => {
  const hung: TimelineEvent = { atMs: 8_000, type: 'agent-dead', instanceId: 'i-a' };
  const helped = (askedMs: number): TimelineEvent[] => [
    ...goodEvents().filter(({ type, atMs }) => atMs <= 10_000 && type !== 'ledger'),
    hung,
    { atMs: askedMs, type: 'target', instanceId: 'i-a', state: 'draining' },
    { atMs: askedMs, type: 'launched', node: node('i-c', 0, 2) },
    { atMs: askedMs + 5_000, type: 'target', instanceId: 'i-c', state: 'healthy' },
    { atMs: 30_000, type: 'ending', instanceId: 'i-a' },
    { atMs: 31_000, type: 'ended', instanceId: 'i-a' },
  ];

  it('is no reproach to the agent, when the functions replace it in time', () => {
    const verdict = judge(stackTimeline(helped(14_000)));
    expect(verdict.promises.filter((one) => one.state === 'broken')).toEqual([]);
    expect(state(stackTimeline(helped(14_000)), 'fallback-acts')).toBe('kept');
    expect(state(stackTimeline(helped(14_000)), 'acts-at-once')).toBe('untested');
  });

  it('breaks the promise when nobody does, or too late', () => {
    expect(state(stackTimeline(helped(25_000)), 'fallback-acts')).toBe('broken');
    const nobody = helped(14_000).filter((e) => !(e.type === 'launched' && e.node.instanceId === 'i-c'));
    expect(state(stackTimeline(nobody), 'fallback-acts')).toBe('broken');
    expect(state(stackTimeline(nobody), 'seats-refilled')).toBe('broken');
  });

  it('excuses failed requests only where the events were lost, too', () => {
    const failures = [{ startedMs: 30_100, endedMs: 30_200, reason: '502' }];
    const traffic = { ...CALM, failed: 1, failures };
    const events = helped(33_000).map(
      (e): TimelineEvent => (e.type === 'target' && e.state === 'draining' ? { ...e, state: 'unhealthy' } : e),
    );
    expect(state(stackTimeline(events, { eventsLost: true }, { traffic }), 'no-failed-request')).toBe('kept');
    expect(state(stackTimeline(events, {}, { traffic }), 'no-failed-request')).toBe('broken');
  });

  it('may outlive its successor: the sweep ends it later', () => {
    const beside = helped(14_000).filter(({ type, atMs }) => atMs !== 10_000 && type !== 'ending' && type !== 'ended');
    expect(judge(stackTimeline(beside)).orphans).toEqual([]);
    expect(judge(stackTimeline(beside.filter(({ type }) => type !== 'agent-dead'))).orphans).toEqual(['i-a']);
  });
});

const change = (
  what: ChangeFact['what'],
  atMs: number,
  desired: number,
  rest: Partial<ChangeFact> = {},
): ChangeFact => ({
  what,
  atMs,
  endedMs: atMs + 500,
  desired,
  templateVersion: 1,
  problem: null,
  ...rest,
});

describe('an update', () => {
  const of = (id: string, slot: number, generation: number, templateVersion: number) => ({
    ...node(id, slot, generation),
    templateVersion,
  });
  const rolled: TimelineEvent[] = [
    { atMs: -9_000, type: 'launched', node: of('i-a', 0, 1, 1) },
    { atMs: -9_000, type: 'launched', node: of('i-b', 1, 1, 1) },
    { atMs: -1_000, type: 'target', instanceId: 'i-a', state: 'healthy' },
    { atMs: -1_000, type: 'target', instanceId: 'i-b', state: 'healthy' },
    { atMs: 5_000, type: 'change', what: 'update', desired: 2 },
    { atMs: 6_000, type: 'launched', node: of('i-c', 0, 2, 2) },
    { atMs: 11_000, type: 'target', instanceId: 'i-c', state: 'healthy' },
    { atMs: 13_000, type: 'target', instanceId: 'i-a', state: 'draining' },
    { atMs: 20_000, type: 'ended', instanceId: 'i-a' },
    { atMs: 21_000, type: 'launched', node: of('i-d', 1, 2, 2) },
    { atMs: 26_000, type: 'target', instanceId: 'i-d', state: 'healthy' },
    { atMs: 28_000, type: 'target', instanceId: 'i-b', state: 'draining' },
    { atMs: 35_000, type: 'ended', instanceId: 'i-b' },
  ];
  const update = change('update', 5_000, 2, { templateVersion: 2 });

  it('is rolled out when every seat has a node of the new version', () => {
    const timeline = stackTimeline(rolled, { changes: [update] });
    expect(judge(timeline).promises.filter((one) => one.state === 'broken')).toEqual([]);
    expect(promise(timeline, 'update-rolled').figure).toBe('done after 21.0 s, at least 2 serving');
  });

  it('is broken by a node that stays, by one too few that serve, and by a failure', () => {
    const stays = rolled.filter(({ atMs }) => atMs < 21_000);
    expect(promise(stackTimeline(stays, { changes: [update] }), 'update-rolled').because.join()).toContain(
      'slot 1 still',
    );
    const early = rolled.map((e): TimelineEvent => {
      if (e.type === 'target' && e.state === 'draining') return { ...e, atMs: 5_500 };
      return e.type === 'ended' ? { ...e, atMs: 5_600 } : e;
    });
    expect(promise(stackTimeline(early, { changes: [update] }), 'update-rolled').because.join()).toContain(
      'only 0 nodes',
    );
    const failed = { ...update, problem: 'EC2 said no' };
    expect(state(stackTimeline(rolled, { changes: [failed] }), 'update-rolled')).toBe('broken');
  });

  it('is no reason to replace nodes before it began, or of the same version', () => {
    const later = rolled.map((e): TimelineEvent => (e.type === 'change' ? { ...e, atMs: 40_000 } : e));
    expect(state(stackTimeline(later, { changes: [update] }), 'one-replacement')).toBe('broken');
  });

  it('counts the fewest that served at any moment', () => {
    const all = [...stories(timelineOf(rolled)).values()];
    expect(leastServing(all, 0, 60_000)).toBe(2);
    expect(leastServing(all, -5_000, 60_000)).toBe(0);
  });
});

describe('a change of the size', () => {
  const events: TimelineEvent[] = [
    ...goodEvents().slice(0, 4),
    { atMs: 5_000, type: 'change', what: 'scale', desired: 3 },
    { atMs: 6_000, type: 'launched', node: node('i-d', 2, 1) },
    { atMs: 12_000, type: 'target', instanceId: 'i-d', state: 'healthy' },
    { atMs: 20_000, type: 'change', what: 'scale', desired: 2 },
    { atMs: 25_000, type: 'target', instanceId: 'i-d', state: 'draining' },
    { atMs: 30_000, type: 'ended', instanceId: 'i-d' },
  ];
  const changes = [change('scale', 5_000, 3), change('scale', 20_000, 2)];

  it('is followed up and down', () => {
    expect(promise(stackTimeline(events, { changes }), 'size-followed')).toMatchObject({
      state: 'kept',
      figure: '3 after 7.0 s, 2 after 10.0 s',
    });
  });

  it('is broken when the number never comes about', () => {
    const stays = events.filter(({ type }) => type !== 'ended');
    expect(state(stackTimeline(stays, { changes }), 'size-followed')).toBe('broken');
    const failed = [change('scale', 5_000, 3, { problem: 'no' })];
    expect(state(stackTimeline(events, { changes: failed }), 'size-followed')).toBe('broken');
  });
});

describe('a time without spot capacity', () => {
  const onDemand = (id: string, generation: number) => ({ ...node(id, 0, generation), market: 'on-demand' as const });
  const events: TimelineEvent[] = [
    ...goodEvents().slice(0, 7),
    { atMs: 9_000, type: 'shortage', market: 'spot', over: false },
    { atMs: 10_700, type: 'target', instanceId: 'i-a', state: 'draining' },
    { atMs: 14_000, type: 'launched', node: onDemand('i-e', 2) },
    { atMs: 19_000, type: 'target', instanceId: 'i-e', state: 'healthy' },
    { atMs: 25_000, type: 'shortage', market: 'spot', over: true },
    { atMs: 30_000, type: 'ended', instanceId: 'i-a' },
    { atMs: 35_000, type: 'launched', node: node('i-f', 0, 3) },
    { atMs: 40_000, type: 'target', instanceId: 'i-f', state: 'healthy' },
    { atMs: 45_000, type: 'ended', instanceId: 'i-e' },
  ];
  const good = events.filter((e) => !(e.type === 'launched' && e.node.instanceId === 'i-c'));

  it('is bridged on demand, and ends on spot', () => {
    expect(promise(stackTimeline(good), 'capacity-bridged')).toMatchObject({
      state: 'kept',
      figure: 'launched after at most 4.0 s, 1 went back to spot',
    });
    expect(state(stackTimeline(good), 'one-replacement')).toBe('kept');
  });

  it('is broken when nobody is launched meanwhile, or stays on demand', () => {
    const nobody = good.filter((e) => !(e.type === 'launched' && e.node.instanceId === 'i-e'));
    expect(state(stackTimeline(nobody), 'capacity-bridged')).toBe('broken');
    const stays = good.filter(({ atMs }) => atMs < 35_000);
    expect(promise(stackTimeline(stays), 'capacity-bridged').because.join()).toContain('still on demand');
  });
});

describe('a deletion in the midst of an incident', () => {
  it('judges only what was over by then', () => {
    const timeline = stackTimeline(
      goodEvents().filter(({ atMs }) => atMs <= 10_700),
      { changes: [change('delete', 11_000, 0)] },
      { cutShort: true, endedMs: 11_000 },
    );
    expect(judge(timeline).kept).toBe(true);
    expect(judge(timeline).incidents).toEqual([]);
    expect(incidentsOf(timeline)).toHaveLength(1);
    expect(state(timeline, 'seats-refilled')).toBe('untested');
    expect(judge({ ...timeline, cutShort: false }).kept).toBe(false);
  });
});
