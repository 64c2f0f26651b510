import { describe, expect, it } from 'vitest';
import { incidentsOf } from '../../../cli/rehearse/incidents.js';
import { readMembers, tally } from '../../../cli/rehearse/ui/peek.js';
import { conditionOf, incidentCard, nodeCards, zoneCards } from '../../../cli/rehearse/ui/view-model.js';
import { changeOf } from '../../../cli/ui/picture.js';
import { goodEvents, silentEvents } from '../rehearse/story.js';
import { madeUp, row } from './made-up.js';

const AROUND = { nowMs: 100_000, cutOff: new Set<string>(), seenBy: new Map(), requests: new Map() };

describe('cards of nodes', () => {
  it.each([
    [{ phase: 'booting' }, 'booting'],
    [{ phase: 'running', target: 'initial' }, 'booting'],
    [{ phase: 'running', target: 'healthy' }, 'serving'],
    [{ phase: 'running', target: 'unhealthy' }, 'unwell'],
    [{ phase: 'running', target: 'draining' }, 'ending'],
    [{ phase: 'noticed', target: 'healthy' }, 'noticed'],
    [{ phase: 'dead', target: 'healthy' }, 'dead'],
  ] as const)('%o is %s', (rest, condition) => {
    expect(conditionOf(row(0, rest))).toBe(condition);
  });

  it('come by slot and generation, and those that are gone stay for a moment', () => {
    const heir = row(1);
    const second = { ...heir, node: { ...heir.node, instanceId: 'i-2', seat: { slot: 1, generation: 2, rung: 0 } } };
    const rows = [
      second,
      row(2, { phase: 'ended', overMs: 99_000 }),
      row(3, { phase: 'ended', overMs: 1 }),
      heir,
      row(0),
    ];
    expect(nodeCards(rows, AROUND).map((card) => card.seat)).toEqual(['0.1', '1.1', '1.2', '2.1']);
  });

  it('say every state in words', () => {
    const [card] = nodeCards([row(4, { atRisk: true, agentDead: true })], {
      ...AROUND,
      cutOff: new Set([row(4).node.instanceId]),
    });
    expect(card?.label).toBe(
      'Slot 4: serving, at risk, cut off from its peers, its agent hangs; m7g.large spot in us-east-1b',
    );
  });

  it('have a clock only while a notice runs', () => {
    const cards = nodeCards(
      [row(0, { phase: 'noticed', deadlineMs: 5 }), row(1, { phase: 'dead', deadlineMs: 5 })],
      AROUND,
    );
    expect(cards.map((card) => card.deadlineMs)).toEqual([5, null]);
  });
});

describe('cards of incidents', () => {
  it('follow an interruption from the notice to the replacement, with the budgets of its ledger', () => {
    const [incident] = incidentsOf({ events: goodEvents() });
    if (incident === undefined) throw new Error('There is one.');
    const card = incidentCard(incident);
    expect(card).toMatchObject({ kind: 'announced', atMs: 10_000, deadlineMs: 30_000, healedMs: 15_000 });
    expect(card.steps).toEqual([
      { name: 'agent knows', afterMs: 500, budgetMs: null },
      { name: 'first act', afterMs: 600, budgetMs: null },
      { name: 'replacement asked for', afterMs: 610, budgetMs: null },
      { name: 'deregistered', afterMs: 700, budgetMs: null },
      { name: 'drained and stopped', afterMs: 7_000, budgetMs: 2_000 },
      { name: 'replacement serves', afterMs: 5_000, budgetMs: null },
    ]);
  });

  it('leave open what has not happened yet', () => {
    const [incident] = incidentsOf({ events: goodEvents().slice(0, 5) });
    if (incident === undefined) throw new Error('There is one.');
    const card = incidentCard(incident);
    expect(card.healedMs).toBeNull();
    expect(card.steps.every((step) => step.afterMs === null)).toBe(true);
  });

  it("of nodes that only run tasks don't wait for a load balancer", () => {
    for (const events of [goodEvents(), silentEvents()]) {
      const names = incidentsOf({ events }).flatMap((one) => incidentCard(one, false).steps.map((step) => step.name));
      expect(names).toContain('replacement looks for tasks');
      expect(names.filter((name) => /load balancer|deregistered/.test(name))).toEqual([]);
    }
  });

  it('tell a silent death by what others see', () => {
    const [incident] = incidentsOf({ events: silentEvents() });
    if (incident === undefined) throw new Error('There is one.');
    expect(incidentCard(incident).steps.map((step) => step.afterMs)).toEqual([2_000, 6_000, 11_000]);
  });
});

describe("gossip's view", () => {
  it('counts what peers say, not what a node says of itself', () => {
    const views = new Map([
      [
        'a',
        new Map([
          ['a', 'alive'],
          ['b', 'suspect'],
          ['c', 'alive'],
        ]),
      ],
      [
        'b',
        new Map([
          ['a', 'alive'],
          ['b', 'alive'],
        ]),
      ],
    ]);
    expect(Object.fromEntries(tally(views))).toEqual({
      a: { alive: 1, suspect: 0, asked: 1 },
      b: { alive: 0, suspect: 1, asked: 1 },
      c: { alive: 1, suspect: 0, asked: 2 },
    });
  });

  it.each([[null], ['x'], [{ starting: 'imds' }]])('%o is no list of members', (answer) => {
    expect(readMembers(answer)).toBeNull();
  });

  it('leaves out what is no member', () => {
    expect([...(readMembers([null, 3, { id: 'a' }, { id: 'b', status: 'alive' }]) ?? [])]).toEqual([['b', 'alive']]);
  });
});

describe('changes', () => {
  it('are nothing when nothing changed', () => {
    expect(changeOf(madeUp(200, 7), { ...madeUp(200, 7), nowMs: 8 })).toBeNull();
  });

  it('hold only what changed', () => {
    const before = madeUp(200, 7);
    const [first, ...rest] = before.nodes;
    const other = rest.map((node, i) => (i === 5 ? { ...node, hung: true } : node));
    const after = { ...before, nodes: other, parts: { ...before.parts, tasks: null } };
    const change = changeOf(before, after);
    expect(change?.nodes.map((node) => node.id)).toEqual([rest[5]?.id]);
    expect(change?.gone).toEqual([first?.id]);
    expect(change?.parts).toEqual({ tasks: null });
  });

  it('are small: a whole picture of 200 nodes is, too', () => {
    expect(JSON.stringify(madeUp(200, 7)).length).toBeLessThan(100_000);
  });
});

describe('zones', () => {
  it('have their own pools only, and say when they were reclaimed', () => {
    const pools = [
      { instanceType: 'm7g.large', zone: 'a' },
      { instanceType: 'm6g.large', zone: 'b' },
    ];
    expect(zoneCards(['a', 'b'], pools, new Set(['b']))).toEqual([
      { name: 'a', pools: ['m7g.large'], reclaimed: false },
      { name: 'b', pools: ['m6g.large'], reclaimed: true },
    ]);
  });
});
