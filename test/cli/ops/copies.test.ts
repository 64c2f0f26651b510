import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import type { TargetAnswer } from '../../../cli/ops/answers.js';
import { statusJson } from '../../../cli/ops/status-json.js';
import { statusText } from '../../../cli/ops/status-text.js';
import type { Spec } from '../../../core/spec/spec.js';
import { specOf, TARGET_GROUP } from '../../core/fixtures.js';
import { idOf, kinds, opsNode, target, view } from './scene.js';

const MODEL_GROUP = TARGET_GROUP.replaceAll('web', 'model');
const OTHER_GROUP = TARGET_GROUP.replaceAll('web', 'other');
const NODES = [
  opsNode(0),
  opsNode(1, 1, { instanceType: 'm6g.large' }),
  opsNode(2, 1, { zone: 'us-east-1b' }),
  opsNode(3, 1, { zone: 'us-east-1b' }),
];

/** A cluster of four whose only workload has copies. */
function scene(copies: number, targets: readonly TargetAnswer[], arns: readonly string[] = [MODEL_GROUP]) {
  const [api] = specOf().workloads;
  if (api === undefined || api.kind === 'tasks') throw new Error('no workload');
  const spec: Partial<Spec> = {
    desired: NODES.length,
    workloads: [{ ...api, name: 'model', copies, targetGroupArns: arns }],
  };
  const groups = arns.includes(MODEL_GROUP) ? [{ arn: MODEL_GROUP, targets }] : [];
  return view(NODES, { groups }, spec);
}
const on = (slot: number, state: TargetAnswer['state'] = 'healthy', reason: string | null = null): TargetAnswer => {
  const node = NODES[slot];
  if (node === undefined) throw new Error(`no node in slot ${slot}`);
  return target(node, state, reason);
};

describe('copies', () => {
  it('are counted against the wish, not against all nodes; nodes without one are well', () => {
    const seen = scene(2, [on(0), on(1)]);
    expect(seen.workloads).toEqual([
      { name: 'model', kind: 'process', copies: 2, healthy: 2, registered: 2, hasTargets: true },
    ]);
    expect(seen.nodes.every(({ condition }) => condition === 'serving')).toBe(true);
    expect(kinds(seen)).toEqual([]);
    const text = statusText(seen, { width: 80, colors: pc.createColors(false), all: false, endpoint: null });
    expect(text).toContain('model (process)  2 copies wanted, 2 healthy');
  });

  it('too few of them hurt, with AWS’s words; in text and in JSON', () => {
    const seen = scene(2, [on(0), on(1, 'unhealthy', 'Health checks failed with these codes: [500]')]);
    expect(seen.concerns[0]).toEqual({
      level: 'down',
      kind: 'few-copies',
      text: `model has 1 of 2 copies healthy (${idOf(1)}: Health checks failed with these codes: [500]).`,
      slots: [1],
      nodes: [idOf(1)],
    });
    const json = statusJson(seen);
    expect(json.workloads[0]).toMatchObject({ copies: 2, healthy: 1, registered: 2 });
    expect(json.concerns.map(({ kind }) => kind)).toContain('few-copies');
  });

  it.each<[string, number, readonly TargetAnswer[], string | null]>([
    ['the missing one starts', 2, [on(0), on(1, 'initial')], 'waiting'],
    ['all of them start', 2, [on(0, 'initial'), on(1, 'initial')], 'down'],
    ['one moves: the newcomer starts beside it', 2, [on(0), on(1), on(2, 'initial')], null],
    ['one is drained and nobody comes', 2, [on(0), on(1, 'draining')], 'down'],
    ['one more than wanted', 1, [on(0), on(1)], null],
    ['nobody asks: no listener sends to the group', 2, [on(0, 'unused'), on(1, 'unused')], null],
    ['nobody holds one', 1, [], 'down'],
  ])('%s', (_, copies, targets, level) => {
    const few = scene(copies, targets).concerns.find(({ kind }) => kind === 'few-copies');
    expect(few?.level ?? null).toBe(level);
  });

  it('more than there are seats: a node holds one at most', () => {
    const seen = scene(5, [on(0), on(1), on(2), on(3)]);
    expect(seen.concerns[0]?.text).toBe(
      'model has 4 of 5 copies healthy (a node holds one at most, and the spec has 4 seats).',
    );
  });

  it.each<[string, number, readonly TargetAnswer[], string | null]>([
    ['spread over pools', 2, [on(0), on(1)], null],
    [
      'all in one pool',
      2,
      [on(2), on(3)],
      'The loss of the spot nodes of m7g.large in us-east-1b would leave 0 of 2 copies of model healthy, and 1 must be.',
    ],
    [
      'too few nodes would be left',
      3,
      [on(0), on(1), on(2)],
      'The loss of the spot nodes of m7g.large in us-east-1b would leave 2 of 3 copies of model healthy, and 2 nodes for 3 until seats are filled again.',
    ],
    ['on every node: the rule on seats counts', 4, [on(0), on(1), on(2), on(3)], null],
    ['a single copy', 1, [on(3)], null],
  ])('the loss of a pool: %s', (_, copies, targets, text) => {
    const loss = scene(copies, targets).concerns.find(({ kind }) => kind === 'copies-pool');
    expect(loss?.text ?? null).toBe(text);
  });

  it('on-demand nodes are not lost with a pool', () => {
    const nodes = NODES.map((node) => ({ ...node, lifecycle: 'on-demand' as const }));
    const [api] = specOf().workloads;
    if (api === undefined || api.kind === 'tasks') throw new Error('no workload');
    const groups = [{ arn: MODEL_GROUP, targets: [on(2), on(3)] }];
    const workloads = [{ ...api, copies: 2, targetGroupArns: [MODEL_GROUP] }];
    expect(kinds(view(nodes, { groups }, { desired: 4, workloads }))).not.toContain('copies-pool');
  });

  it.each<[string, readonly string[]]>([
    ['without a target group', []],
    ['a group that did not answer', [MODEL_GROUP, OTHER_GROUP]],
  ])('%s AWS can’t tell, and nothing is claimed', (_, arns) => {
    const seen = scene(2, [on(0, 'unhealthy')], arns);
    expect(seen.workloads[0]).toMatchObject({ copies: 2, healthy: null, registered: null });
    expect(kinds(seen)).toEqual([]);
    const text = statusText(seen, { width: 80, colors: pc.createColors(false), all: false, endpoint: null });
    expect(text).toContain(`2 copies wanted, not seen${arns.length === 0 ? ': it has no target group' : ''}`);
    expect(scene(5, [], arns).concerns.map(({ text: told }) => told)).toContain(
      'model wants 5 copies, one a node, and 4 nodes serve.',
    );
  });
});
