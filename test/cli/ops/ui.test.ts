import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpsNode } from '../../../cli/ops/answers.js';
import { incidentCard } from '../../../cli/ops/ui/incident-card.js';
import { newsOf } from '../../../cli/ops/ui/news.js';
import { Pace } from '../../../cli/ops/ui/pace.js';
import { flagsText } from '../../../cli/ops/ui/page.js';
import { Story } from '../../../cli/ops/ui/story.js';
import { tasksCard } from '../../../cli/ops/ui/task-counts.js';
import { MAX_INCIDENTS, MAX_LINES, MAX_NODES } from '../../../cli/ui/picture.js';
import { specOf, TARGET_GROUP } from '../../core/fixtures.js';
import { idOf, NOW_MS, opsNode, target, view } from './scene.js';
import { clusterOf, pictureIn, reportOf } from './ui-scene.js';

const NONE = new Map();
const WELL = [opsNode(0), opsNode(1, 1, { instanceType: 'm6g.large' }), opsNode(2, 1, { zone: 'us-east-1b' })];
const at = (seconds: number, nodes: readonly OpsNode[], spec = {}) =>
  view(nodes, { atMs: NOW_MS + seconds * 1_000 }, spec);
const others = WELL.slice(1);

describe('the picture of a cluster in AWS', () => {
  it('of a well one: its nodes in their zones, prices, figures; nothing that AWS can’t tell', () => {
    const { nodes, parts } = pictureIn(new Story(view(WELL), NONE));
    expect(nodes.map(({ condition, seat }) => [seat, condition])).toEqual([
      ['0.1', 'serving'],
      ['1.1', 'serving'],
      ['2.1', 'serving'],
    ]);
    expect(nodes.every((node) => node.requests === null && node.seenBy === null && node.deadlineMs === null)).toBe(
      true,
    );
    expect(nodes.map(({ facts }) => facts?.find(([name]) => name === 'gossip'))).toEqual(
      nodes.map(() => ['gossip', 'hears most of the others']),
    );
    expect(nodes.some(({ cutOff }) => cutOff)).toBe(false);
    expect(parts.traffic).toBeNull();
    expect(parts.tasks).toBeNull();
    expect(parts.zones.map(({ name, pools }) => [name, ...pools])).toEqual([
      ['us-east-1a', 'm7g.large $0.0300/h', 'm6g.large $0.0400/h'],
      ['us-east-1b', 'm7g.large'],
    ]);
    expect(parts.head).toMatchObject({ title: 'web us-east-1', stage: 'live', serving: 3, desired: 3, acts: false });
    expect(parts.head.figures.map(({ name, value }) => `${name} ${value}`)).toEqual([
      'spot $0.0700/h',
      'api 3 / 3',
      'template 3',
    ]);
    expect(parts.head.commands[0]?.text).toBe('synkti drain {id} --cluster web --region us-east-1');
    expect(parts.concerns).toEqual([]);
    expect(parts.incidents).toEqual([]);
  });

  it('of dozens of pools shows those with nodes and the cheapest of the others', () => {
    const types = Array.from({ length: 12 }, (_, i) => `m${i}g.large`);
    const pools = types.map((instanceType) => ({ instanceType, zone: 'us-east-1a', subnetId: 'subnet-a' }));
    const prices = pools.map(({ instanceType, zone }, i) => ({
      instanceType,
      zone,
      usdPerHour: 0.01 * (i + 1),
      sinceMs: NOW_MS,
    }));
    const one = view(
      [opsNode(0, 1, { instanceType: 'm11g.large' })],
      { prices },
      { launch: { ...specOf().launch, pools } },
    );
    expect(pictureIn(new Story(one, NONE)).parts.zones[0]?.pools).toEqual([
      'm0g.large $0.0100/h',
      'm1g.large $0.0200/h',
      'm2g.large $0.0300/h',
      'm3g.large $0.0400/h',
      'm4g.large $0.0500/h',
      'm11g.large $0.1200/h',
      '6 more',
    ]);
  });

  it.each<[string, Partial<OpsNode>, string]>([
    ['boots', { phase: null, launchTimeMs: NOW_MS }, 'booting'],
    ['drains', { phase: 'draining' }, 'draining'],
    ['has drained', { phase: 'drained' }, 'ending'],
    ['ends after its word', { phase: 'drained', state: 'shutting-down' }, 'ending'],
    ['ends without a word', { state: 'shutting-down' }, 'dead'],
    ['ends before it ever served', { state: 'shutting-down', phase: null }, 'ending'],
  ])('a node that %s', (_, change, condition) => {
    const story = new Story(view([opsNode(0, 1, change), ...others]), NONE);
    expect(pictureIn(story).nodes.find(({ id }) => id === idOf(0))?.condition).toBe(condition);
  });

  it('what isn’t healthy says so in AWS’s words, as a card and as a concern', () => {
    const groups = [
      {
        arn: TARGET_GROUP,
        targets: WELL.map((node, i) =>
          target(node, i === 0 ? 'unhealthy' : 'healthy', i === 0 ? 'codes: [500]' : null),
        ),
      },
    ];
    const { nodes, parts } = pictureIn(new Story(view(WELL, { groups }), NONE));
    expect(nodes[0]).toMatchObject({ condition: 'unwell' });
    expect(nodes[0]?.facts).toContainEqual(['web', 'unhealthy: codes: [500]']);
    expect(parts.concerns?.[0]).toMatchObject({ level: 'down' });
    expect(parts.head.figures.find(({ name }) => name === 'api')).toMatchObject({ value: '2 / 3', bad: true });
  });

  it('what a node says of its gossip stands on its card; one that hears few is cut off', () => {
    const few = [
      opsNode(0, 1, { hears: 2 }),
      opsNode(1, 1, { hears: 4 }),
      opsNode(2, 1, { phase: 'draining', hears: 1 }),
    ];
    const rest = [3, 4, 5, 6].map((slot) => opsNode(slot));
    const boots = opsNode(7, 1, { phase: null, launchTimeMs: NOW_MS });
    const { nodes } = pictureIn(new Story(view([...few, ...rest, boots], {}, { desired: 8 }), NONE));
    expect(
      nodes.map(({ facts, cutOff }) => [cutOff, ...(facts?.find(([name]) => name === 'gossip') ?? []).slice(1)]),
    ).toEqual([
      [true, 'hears 1 of 5 others', true],
      [false, 'hears 3 of 5 others'],
      [true, 'hears 0 of 6 others', true],
      ...rest.map(() => [false, 'hears most of the others']),
      [false],
    ]);
    expect(nodes[0]?.label).toContain('Slot 0: serving, cut off from most of its peers; m7g.large');
    const alone = pictureIn(new Story(view([opsNode(0)], {}, { desired: 1 }), NONE)).nodes[0];
    expect(alone?.facts?.map(([name]) => name)).not.toContain('gossip');
  });

  it('what couldn’t be seen is named, and no figure is made up for it', () => {
    const unseen = [{ what: 'target group web', why: 'You may not.' }];
    const { parts } = pictureIn(new Story(view(WELL, { groups: [], prices: [], unseen }), NONE));
    expect(parts.head.figures.map(({ name }) => name)).toEqual(['template']);
    expect(parts.concerns?.at(-1)?.text).toBe('Not seen: target group web. You may not.');
  });

  it('tasks have a card, with a sign where not all were counted; none where there are none', () => {
    const tally = { waiting: 5, running: 3, done: 100, failed: 1, cancelled: 1, least: { open: false, ended: true } };
    const story = new Story(view(WELL), NONE);
    expect(pictureIn(story, { tasks: tasksCard(tally) }).parts.tasks).toEqual({
      ...{ submitted: 110, waiting: 5, running: 3, done: 100, ended: 2 },
      atLeast: ['submitted', 'done', 'ended'],
    });
    expect(tasksCard({ ...tally, least: { open: true, ended: false } }).atLeast).toEqual([
      'submitted',
      'waiting',
      'running',
    ]);
    expect(tasksCard({ ...tally, least: { open: false, ended: false } })).not.toHaveProperty('atLeast');
  });

  it('trouble stands in the head; what was seen stays', () => {
    const { nodes, parts } = pictureIn(new Story(view(WELL), NONE), { trouble: 'The credentials have expired.' });
    expect(parts.head.stage).toBe('trouble');
    expect(parts.head.stageText).toBe(
      'The credentials have expired. What is shown was so at 11:00:00 UTC; the next look is within 10s.',
    );
    expect(nodes).toHaveLength(3);
  });

  it('of more nodes than fit those that need a look are shown, and it says so', () => {
    const nodes = Array.from({ length: 1_000 }, (_, slot) =>
      opsNode(slot, 1, slot === 900 ? { phase: 'draining' } : {}),
    );
    const picture = pictureIn(new Story(view(nodes, {}, { desired: 1_000 }), NONE));
    expect(picture.nodes).toHaveLength(MAX_NODES);
    expect(picture.nodes.map(({ id }) => id)).toContain(idOf(900));
    expect(picture.parts.concerns?.map(({ text }) => text)).toContain(
      "400 of 1000 nodes are shown, those that don't serve among them.",
    );
  });
});

describe('an incident, look by look', () => {
  it('unfolds from what EC2 and the target group show, and is exact once the node has reported', () => {
    const story = new Story(at(0, WELL), NONE);
    const leaving = opsNode(0, 1, { phase: 'draining' });
    const heir = opsNode(0, 2, { phase: null, launchTimeMs: NOW_MS + 9_000 });
    story.take(at(10, [leaving, heir, ...others]), NONE);
    const first = pictureIn(story).parts.incidents[0];
    expect(first).toMatchObject({ title: 'Slot 0: leaves, 1a', atMs: NOW_MS + 10_000, deadlineMs: null });
    expect(first?.overText).toBeUndefined();
    expect(first?.steps.map(({ name, afterMs }) => [name, afterMs])).toEqual([
      ['deregistered', 0],
      ['drained and stopped', null],
      ['replacement launched', 0],
      ['replacement serves', null],
    ]);
    expect(story.losses.awaitsReport(NOW_MS + 20_000)).toBe(true);

    const reports = new Map([[idOf(0), reportOf(0, NOW_MS + 8_000)]]);
    const serving = opsNode(0, 2, { launchTimeMs: NOW_MS + 9_000 });
    story.take(at(20, [opsNode(0, 1, { phase: 'drained' }), serving, ...others]), reports);
    expect(pictureIn(story).parts.incidents[0]).toMatchObject({
      title: 'Slot 0: interruption, 1a',
      atMs: NOW_MS + 8_000,
      deadlineMs: NOW_MS + 128_000,
      overText: 'healed ~ 12 s',
      steps: [
        { name: 'stopped', afterMs: 3_000, budgetMs: 12_000 },
        { name: 'replacement serves', afterMs: 12_000, budgetMs: null, about: true },
      ],
    });
    expect(story.losses.awaitsReport(NOW_MS + 20_000)).toBe(false);
    expect(pictureIn(story).parts.lines.map(({ text }) => text)).toEqual([
      `slot 0 (${idOf(0)}) reported: interruption`,
      `slot 0 (${idOf(0)}) has drained`,
      `slot 0 (${idOf(0, 2)}) serves`,
      `slot 0 (${idOf(0)}) drains`,
      `slot 0 (${idOf(0, 2)}) was launched, m7g.large spot in us-east-1a`,
      '3 of 3 seats serve, 3 nodes in all',
    ]);
  });

  it('a silent death is one; the node is shown for a while', () => {
    const story = new Story(at(0, WELL), NONE);
    const gone = opsNode(0, 1, { state: 'terminated', endedMs: NOW_MS + 4_000 });
    story.take(at(10, [gone, ...others]), NONE);
    expect(pictureIn(story).parts.incidents[0]).toMatchObject({ kind: 'silent', atMs: NOW_MS + 4_000 });
    expect(pictureIn(story).nodes.find(({ id }) => id === idOf(0))?.condition).toBe('dead');
    story.take(at(20, [gone, opsNode(0, 2), ...others]), NONE);
    expect(pictureIn(story).parts.incidents[0]?.overText).toBe('healed ~ 16 s');
    story.take(at(60, [gone, opsNode(0, 2), ...others]), NONE);
    expect(pictureIn(story).nodes.find(({ id }) => id === idOf(0))).toBeUndefined();
  });

  it('what was over before anybody looked has no times that nobody knows', () => {
    const story = new Story(at(0, [opsNode(0, 2), ...others]), new Map([[idOf(0), reportOf(0, NOW_MS - 600_000)]]));
    expect(pictureIn(story).parts.incidents[0]).toMatchObject({ overText: '10:50, replaced' });
    expect(pictureIn(story).parts.incidents[0]?.steps.map(({ name }) => name)).toEqual(['stopped']);
    expect(story.losses.awaitsReport(NOW_MS)).toBe(false);
  });

  it.each<['scale-in' | 'surplus' | 'stop']>([['scale-in'], ['surplus'], ['stop']])('%s: nobody comes', (cause) => {
    const gone = opsNode(2, 1, { state: 'terminated', phase: 'drained', endedMs: NOW_MS });
    const report = reportOf(2, NOW_MS - 60_000, { cause });
    const story = new Story(at(0, [...WELL.slice(0, 2), gone]), new Map([[idOf(2), report]]));
    const [card] = story.losses.all.map((loss) => incidentCard(loss, 3, 'us-east-1'));
    expect(card?.overText).toBe('10:59, gone');
    expect(card?.steps.map(({ name }) => name)).toEqual(['stopped']);
  });

  it('a launch that never served is none', () => {
    const story = new Story(at(0, [...WELL, opsNode(3, 1, { phase: null })]), NONE);
    story.take(at(10, [...WELL, opsNode(3, 1, { phase: null, state: 'terminated' })]), NONE);
    expect(story.losses.all).toEqual([]);
  });

  it('whatever EC2 shows, look after look, nothing grows without a bound and each node is shown once', () => {
    const node = fc.record({
      slot: fc.nat(30),
      generation: fc.integer({ min: 1, max: 3 }),
      state: fc.constantFrom('pending', 'running', 'shutting-down', 'terminated', 'stopped'),
      phase: fc.constantFrom(null, 'serving', 'draining', 'drained'),
    });
    fc.assert(
      fc.property(fc.array(fc.array(node, { maxLength: 60 }), { minLength: 1, maxLength: 8 }), (looks) => {
        const views = looks.map((drawn, i) => {
          const nodes = new Map(
            drawn.map(({ slot, generation, ...rest }) => [
              idOf(slot, generation),
              opsNode(slot, generation, rest as never),
            ]),
          );
          return at(i * 10, [...nodes.values()], { desired: 20 });
        });
        const [first, ...later] = views;
        if (first === undefined) return;
        const story = new Story(first, NONE);
        for (const next of later) story.take(next, NONE);
        const { nodes, parts } = pictureIn(story);
        const ids = nodes.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids).toEqual(expect.arrayContaining(views.at(-1)?.nodes.map((row) => row.node.instanceId) ?? []));
        expect(parts.incidents.length).toBeLessThanOrEqual(MAX_INCIDENTS);
        expect(parts.lines.length).toBeLessThanOrEqual(MAX_LINES);
        const names = parts.zones.map(({ name }) => name);
        expect(nodes.every(({ zone }) => names.includes(zone))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

it('a new spec is news', () => {
  const news = newsOf(at(0, WELL), at(10, WELL, { version: 2, desired: 5 }));
  expect(news).toEqual(['spec 2 came: 5 seats instead of 3']);
});

it('who is asked for fewer calls makes fewer, and comes back at once', () => {
  const pace = new Pace(10_000);
  for (let i = 0; i < 9; i++) pace.after(true);
  expect(pace.ms).toBe(300_000);
  pace.after(false);
  expect(pace.ms).toBe(10_000);
  const slow = new Pace(3_600_000);
  slow.after(true);
  expect(slow.ms).toBe(3_600_000);
});

it('commands to copy name the cluster as it was found, fit for a shell', () => {
  const seen = clusterOf(3);
  expect(flagsText({ profile: "it's mine" }, seen, null)).toBe(
    " --cluster web --profile 'it'\\''s mine' --region us-east-1",
  );
  expect(flagsText({}, seen, 'http://127.0.0.1:4566')).toBe(' --cluster web --endpoint http://127.0.0.1:4566');
});
