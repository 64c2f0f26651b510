import { describe, expect, it } from 'vitest';
import { ClusterView } from '../../../cli/rehearse/cluster-view.js';
import { describeEvent } from '../../../cli/rehearse/describe.js';
import type { Act } from '../../../cli/rehearse/plan.js';
import { Player } from '../../../cli/rehearse/player.js';
import { Recorder } from '../../../cli/rehearse/recorder.js';
import { verdictJson, verdictText } from '../../../cli/rehearse/report.js';
import { plainScreen, tableOf } from '../../../cli/rehearse/screen.js';
import type { TimelineEvent } from '../../../cli/rehearse/timeline.js';
import { judge } from '../../../cli/rehearse/verdict.js';
import type { CloudEvent, LocalCloud } from '../../../local/cloud-types.js';
import { goodEvents, node, silentEvents, timelineOf } from './story.js';

const viewOf = (events: readonly TimelineEvent[]): ClusterView => {
  const view = new ClusterView();
  for (const event of events) view.take(event);
  return view;
};

describe('the view of the cluster', () => {
  it('follows a replacement until all is healed', () => {
    const events = goodEvents();
    expect(viewOf(events.slice(0, 4)).healed(2)).toBe(true);
    expect(viewOf(events.slice(0, 5)).serving(2)).toBe(1);
    const serving = viewOf(events);
    expect(serving.serving(2)).toBe(2);
    expect(serving.healed(2)).toBe(false);
    serving.take({ atMs: 33_000, type: 'ended', instanceId: 'i-a' });
    expect(serving.healed(2)).toBe(true);
    serving.take({ atMs: 34_000, type: 'died', instanceId: 'i-b' });
    expect(serving.serving(2)).toBe(1);
    expect(serving.target(1)).toBeNull();
  });

  it('names the node that an act hits: not one that goes already', () => {
    const view = viewOf(goodEvents().slice(0, 7));
    expect(view.target(0)?.node.instanceId).toBe('i-c');
    expect(view.target(1)?.node.instanceId).toBe('i-b');
  });

  it('is shown as a table and as lines', () => {
    const view = viewOf(goodEvents().slice(0, 5));
    const traffic = { sent: 7, failed: 0 };
    const stats = { traffic, nowMs: 12_000, startedMs: 0, boot: false, tasks: null, requests: new Map([['i-b', 4]]) };
    const table = tableOf(view, stats);
    for (const text of ['0.1', 'i-a', 'interrupted', '-18.0 s', '7 requests', 'none failed'])
      expect(table).toContain(text);
    const counts = { submitted: 9, waiting: 5, running: 3, done: 1, ended: 0, held: new Map([['i-b', 3]]) };
    const ofTasks = tableOf(view, { ...stats, traffic: null, tasks: counts });
    expect(ofTasks).toContain('tasks: 1 done, 3 running, 5 waiting');
    expect(ofTasks).toMatch(/i-b .*│ 3 /);
    expect(ofTasks).not.toContain('requests');
    let written = '';
    plainScreen((text) => (written += text)).line('hello', 1_500, false);
    expect(written).toBe('[       1.5 s] hello\n');
    plainScreen((text) => (written = text)).pin('page: http://127.0.0.1', 20);
    expect(written).toBe('[boot   0.0 s] page: http://127.0.0.1\n');
    const lines = new ClusterView();
    const texts: (string | null)[] = [];
    for (const event of [...goodEvents(), ...silentEvents().slice(4, 6)]) {
      texts.push(describeEvent(event, lines));
      lines.take(event);
    }
    expect(texts).toContain('slot 0 (i-a) got its interruption notice, 20.0 s left');
    expect(texts).toContain('replacement of slot 0: i-c launched, m7g.large spot in us-east-1a');
    expect(texts).toContain('slot 0 (i-a) reported: drained 6.5 s after it knew');
    expect(texts).toContain('slot 0 (i-a) died without a word');
  });
});

describe('the recorder', () => {
  const instance = {
    instanceId: 'i-a',
    zone: 'us-east-1a',
    instanceType: 'm7g.large',
    lifecycle: 'spot',
    tags: { 'synkti:slot': '0', 'synkti:generation': '1', 'synkti:rung': '0' },
  };
  const told = (...events: object[]): TimelineEvent[] => {
    const recorder = new Recorder();
    for (const event of events) recorder.take({ atMs: 5, instanceId: 'i-a', ...event } as unknown as CloudEvent);
    return recorder.events;
  };
  const reclaimed = { type: 'cut-off', cause: 'interruption' };

  it('tells an announced end from a silent one', () => {
    const notice = (announce: string) => ({ type: 'interruption-notice', interruption: { atMs: 9, announce } });
    expect(told(notice('both'), reclaimed).map(({ type }) => type)).toEqual(['notice']);
    expect(told(notice('none'), reclaimed).map(({ type }) => type)).toEqual(['died']);
    expect(told({ type: 'cut-off', cause: 'failure' }).map(({ type }) => type)).toEqual(['died']);
  });

  it('keeps what the verdict needs', () => {
    const state = { type: 'instance-state', from: null, to: 'pending', cause: 'launch', instance };
    expect(told(state)).toEqual([{ atMs: 5, type: 'launched', node: node('i-a', 0, 1) }]);
    const call = (action: string, status: number, replyLost = false) => ({
      type: 'call',
      call: { action, status, replyLost, principal: { kind: 'node', instanceId: 'i-a', roleArn: '' } },
    });
    expect(told(call('TerminateInstances', 200), call('DescribeInstances', 200), call('CreateFleet', 503))).toEqual([
      { atMs: 5, type: 'call', action: 'TerminateInstances', caller: 'i-a', ok: true },
      { atMs: 5, type: 'call', action: 'CreateFleet', caller: 'i-a', ok: false },
    ]);
    const change = { targetId: 'i-a', state: 'unused' };
    expect(told({ type: 'target-health', change })).toEqual([
      { atMs: 5, type: 'target', instanceId: 'i-a', state: 'absent' },
    ]);
  });
});

describe('the player', () => {
  /** Writes down what it is asked for. */
  function stage(refuse = false) {
    const asked: string[] = [];
    const note =
      (name: string) =>
      (...args: unknown[]) => {
        if (refuse) throw new Error('no');
        asked.push(`${name} ${JSON.stringify(args)}`);
      };
    const cloud = {
      interrupt: note('interrupt'),
      fail: note('fail'),
      recommendRebalance: note('rebalance'),
      setCapacity: note('capacity'),
      partition: note('partition'),
      heal: note('heal'),
    } as unknown as LocalCloud;
    const lines: string[] = [];
    const view = viewOf(goodEvents().slice(0, 4));
    const player = new Player(cloud, view, (text) => lines.push(text));
    return { asked, lines, view, play: (act: Act) => player.play(act) };
  }

  it('turns acts on slots into acts on the nodes that hold them', () => {
    const { asked, play } = stage();
    play({ type: 'interrupt', slots: [0], announced: true });
    play({ type: 'interrupt', slots: [1], announced: false });
    play({ type: 'kill', slots: [1] });
    play({ type: 'rebalance', slots: [0] });
    play({ type: 'partition', groups: [[0], [1]] });
    play({ type: 'heal' });
    expect(asked).toEqual([
      'interrupt ["i-a",{}]',
      'interrupt ["i-b",{"announce":"none","noticeMs":0}]',
      'fail ["i-b"]',
      'rebalance ["i-a"]',
      'partition [[["i-a"],["i-b"]]]',
      'heal []',
    ]);
  });

  it('takes back what a zone holds beyond its capacity', () => {
    const { asked, play } = stage();
    play({ type: 'capacity', zone: 'us-east-1a', nodes: 1, announced: true });
    play({ type: 'capacity', zone: 'us-east-1a', nodes: null, announced: true });
    play({ type: 'reclaim-zone', zone: 'us-east-1a', announced: true });
    expect(asked.map((text) => text.split(' ')[0])).toEqual([
      'capacity',
      'interrupt',
      'capacity',
      'capacity',
      'interrupt',
      'interrupt',
    ]);
  });

  it('says what it leaves out, and never throws', () => {
    const { lines, play, view } = stage(true);
    play({ type: 'kill', slots: [0] });
    expect(lines.at(-1)).toBe('i-a: no');
    view.take({ atMs: 1, type: 'died', instanceId: 'i-a' });
    play({ type: 'kill', slots: [0] });
    expect(lines.at(-1)).toBe('slot 0 has no node just now: left out');
  });
});

describe('the report', () => {
  const figures = {
    seed: '7',
    scenario: 'script',
    nodes: 2,
    wallMs: 61_000,
    memoryMiB: 500,
    agentMemoryMiB: 60,
    pauseP99Ms: 3,
    pauseMaxMs: 9,
    calls: [{ service: 'ec2', action: 'CreateFleet', principal: 'node' as const, code: 'OK', count: 2 }],
    troubles: ['cloud: a port was taken'],
  };

  it('tells the verdict in words and in JSON', () => {
    const good = judge(timelineOf(goodEvents()));
    const text = verdictText(good, figures, { startedMs: 0 });
    for (const part of ['All promises were kept.', 'CreateFleet 2', '0.61', '5.00', 'seed 7', 'a port was taken']) {
      expect(text).toContain(part);
    }
    expect(JSON.parse(JSON.stringify(verdictJson(good, figures, { startedMs: 0 })))).toMatchObject({
      format: 1,
      kept: true,
    });
    const bad = judge(timelineOf(goodEvents().slice(0, 5)));
    const words = verdictText(bad, figures, { startedMs: 0 });
    expect(words).toContain('BROKEN');
    expect(words).toContain('nobody served in the place of slot 0 (i-a)');
  });
});
