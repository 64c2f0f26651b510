import { describe, expect, it } from 'vitest';
import { ClusterView, type NodeRow } from '../../../cli/rehearse/cluster-view.js';
import type { Act } from '../../../cli/rehearse/plan.js';
import { PageActs, Refusal } from '../../../cli/rehearse/ui/acts.js';
import { row } from './made-up.js';

function ground(rows: readonly NodeRow[], closed: string | null = null) {
  const view = new ClusterView();
  for (const one of rows) view.rows.set(one.node.instanceId, one);
  const played: Act[] = [];
  const hung: string[] = [];
  let ended = false;
  const acts = new PageActs({
    view,
    zones: ['us-east-1a', 'us-east-1b'],
    play: (act) => void played.push(act),
    hang: ({ node }) => hung.push(node.instanceId) > 0,
    end: () => {
      ended = true;
    },
    closed: () => closed,
  });
  return { acts, played, hung, view, ended: () => ended, id: (slot: number) => row(slot).node.instanceId };
}
const rows = (n: number): NodeRow[] => Array.from({ length: n }, (_, slot) => row(slot));

describe('acts from the page', () => {
  it("are the script's own", () => {
    const { acts, played, hung, id } = ground(rows(4));
    acts.take({ act: 'interrupt', node: id(1) });
    acts.take({ act: 'kill', node: id(2) });
    acts.take({ act: 'hang', node: id(3) });
    acts.take({ act: 'reclaim-zone', zone: 'us-east-1b' });
    expect([...acts.reclaimed]).toEqual(['us-east-1b']);
    acts.take({ act: 'give-back', zone: 'us-east-1b' });
    expect(played).toEqual([
      { type: 'interrupt', slots: [1], announced: true },
      { type: 'kill', slots: [2] },
      { type: 'reclaim-zone', zone: 'us-east-1b', announced: true },
      { type: 'capacity', zone: 'us-east-1b', nodes: null, announced: true },
    ]);
    expect(hung).toEqual([id(3)]);
    expect(acts.reclaimed.size).toBe(0);
  });

  it('cut nodes off one by one: each is alone, the rest stays together', () => {
    const { acts, played, id, view } = ground(rows(4));
    acts.take({ act: 'cut-off', node: id(1) });
    acts.take({ act: 'cut-off', node: id(3) });
    expect(played.at(-1)).toEqual({ type: 'partition', groups: [[1], [3], [0, 2]] });
    view.rows.set(id(1), row(1, { phase: 'ended' }));
    acts.take({ act: 'cut-off', node: id(0) });
    expect(played.at(-1)).toEqual({ type: 'partition', groups: [[0], [3], [2]] });
    acts.take({ act: 'heal' });
    expect(played.at(-1)).toEqual({ type: 'heal' });
    expect(acts.cutOff.size).toBe(0);
  });

  it('end the rehearsal', () => {
    const { acts, ended } = ground(rows(1));
    acts.take({ act: 'end' });
    expect(ended()).toBe(true);
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', null, /An act is/],
    ['a list', [], /An act is/],
    ['another act', { act: 'rm' }, /An act is/],
    ['an inherited name', { act: 'constructor' }, /An act is/],
    ['no node', { act: 'kill' }, /no such node/],
    ['a node that never was', { act: 'kill', node: 'i-x' }, /no such node/],
    ['a number', { act: 'kill', node: 3 }, /no such node/],
    ['a zone of elsewhere', { act: 'reclaim-zone', zone: 'eu-west-1a' }, /no such zone/],
    ['a node on its way out', { act: 'kill', node: row(6).node.instanceId }, /on its way out/],
    ['a seatless node', { act: 'kill', node: 'i-seatless' }, /no seat/],
    ['an interruption on demand', { act: 'interrupt', node: row(5).node.instanceId }, /on demand/],
    ['a second hang', { act: 'hang', node: row(2).node.instanceId }, /doesn't run/],
  ])('refuse %s', (_what, body, why) => {
    const seatless = { ...row(0), node: { ...row(0).node, instanceId: 'i-seatless', seat: null } };
    const { acts, played, hung } = ground([
      ...rows(6).map((one, slot) => (slot === 2 ? { ...one, agentDead: true } : one)),
      row(6, { phase: 'noticed' }),
      seatless,
    ]);
    expect(() => acts.take(body)).toThrow(Refusal);
    expect(() => acts.take(body)).toThrow(why);
    expect(played).toEqual([]);
    expect(hung).toEqual([]);
  });

  it('wait until the cluster is there', () => {
    const { acts, played, id } = ground(rows(2), 'The cluster still boots.');
    expect(() => acts.take({ act: 'kill', node: id(0) })).toThrow('still boots');
    expect(played).toEqual([]);
  });
});
