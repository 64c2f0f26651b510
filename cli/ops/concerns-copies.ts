/** What is amiss with workloads of which the spec wants a number of copies. */
import { neededAfterLoss } from '../../core/safety/judge.js';
import { poolName } from '../../core/safety/view.js';
import type { Answers } from './answers.js';
import type { Concern, Scene } from './concerns.js';
import { type CopyHolder, copyHolders } from './copies.js';
import { countText } from './show.js';

interface Copied {
  readonly name: string;
  readonly copies: number;
  readonly holders: readonly CopyHolder[];
}

export function copyConcerns(scene: Scene, answers: Pick<Answers, 'groups'>): Concern[] {
  const live = scene.nodes.filter(({ condition }) => condition !== 'ending');
  return scene.spec.workloads.flatMap((workload) => {
    if (workload.kind === 'tasks' || workload.copies === undefined) return [];
    const { name, copies } = workload;
    const holders = copyHolders(workload.targetGroupArns, live, answers);
    if (holders === null) return noRoom(scene, name, copies);
    const copied = { name, copies, holders };
    const few = fewCopies(copied, scene);
    return [...(few === null ? [] : [few]), ...poolLoss(copied, scene)];
  });
}

/** Where AWS can't tell who holds a copy: a node has one at most. */
function noRoom({ nodes }: Scene, name: string, copies: number): Concern[] {
  const serving = nodes.filter(({ condition }) => condition === 'serving').length;
  if (serving >= copies) return [];
  const text = `${name} wants ${countText(copies, 'copy', 'copies')}, one a node, and ${countText(serving, 'node')} ${serving === 1 ? 'serves' : 'serve'}.`;
  return [{ level: 'down', kind: 'few-copies', text, slots: [], nodes: [] }];
}

/** Fewer healthy ones than the spec wants. That the missing ones start already is no harm yet, unless nothing is left. */
function fewCopies({ name, copies, holders }: Copied, { spec }: Scene): Concern | null {
  const healthy = holders.filter((holder) => holder.healthy);
  if (healthy.length >= copies) return null;
  const amiss = holders.filter((holder) => !holder.healthy);
  const starting = amiss.filter((holder) => holder.starting);
  const onTheWay = healthy.length > 0 && healthy.length + starting.length >= copies;
  const told = amiss.slice(0, MAX_TOLD).map(({ row, reason }) => `${row.node.instanceId}: ${reason}`);
  const more = amiss.length > MAX_TOLD ? `, and ${amiss.length - MAX_TOLD} more` : '';
  const why = [
    ...(starting.length > 0 ? [`${starting.length} starting`] : []),
    ...(told.length > 0 ? [told.join('; ') + more] : []),
    ...(copies > spec.desired ? [`a node holds one at most, and the spec has ${countText(spec.desired, 'seat')}`] : []),
  ];
  const rest = why.length === 0 ? '' : ` (${why.join('; ')})`;
  return {
    level: onTheWay ? 'waiting' : 'down',
    kind: 'few-copies',
    text: `${name} has ${healthy.length} of ${countText(copies, 'copy', 'copies')} healthy${rest}.`,
    ...about(amiss),
  };
}

const MAX_TOLD = 3;

/**
 * The pool whose loss hurts most. Its copies come again on nodes that are left, one a node; so what counts is how many go on
 * serving meanwhile (half of them must, as of the seats), and whether the nodes that are left are enough for all. Where the
 * spec wants as many copies as seats no loss leaves enough, and the rule on seats is the one that counts.
 */
function poolLoss({ name, copies, holders }: Copied, { nodes, spec }: Scene): Concern[] {
  const healthy = holders.filter((holder) => holder.healthy);
  // One copy is wanted: whoever wants one accepts that.
  if (copies < 2 || healthy.length === 0) return [];
  const serving = nodes.filter(({ condition }) => condition === 'serving');
  const pools = new Set(serving.filter(({ node }) => node.lifecycle === 'spot').map(({ node }) => poolName(node)));
  const losses = [...pools].map((pool) => {
    const survives = ({ node }: { readonly node: CopyHolder['row']['node'] }): boolean =>
      node.lifecycle !== 'spot' || poolName(node) !== pool;
    const lost = healthy.filter(({ row }) => !survives(row));
    return { pool, lost, left: healthy.length - lost.length, room: serving.filter(survives).length };
  });
  const must = neededAfterLoss(copies);
  const bad = losses
    .filter(({ lost, left, room }) => lost.length > 0 && (left < must || (room < copies && copies < spec.desired)))
    .sort((a, b) => a.left - b.left || a.room - b.room || (a.pool < b.pool ? -1 : 1));
  const [worst] = bad;
  if (worst === undefined) return [];
  const { pool, lost, left, room } = worst;
  const what = `The loss of the spot nodes of ${pool} would leave ${left} of ${copies} copies of ${name} healthy`;
  const then =
    room < copies && copies < spec.desired
      ? `, and ${countText(room, 'node')} for ${copies} until seats are filled again.`
      : `, and ${must} must be.`;
  return [{ level: 'risk', kind: 'copies-pool', text: what + then, ...about(lost) }];
}

const about = (holders: readonly CopyHolder[]): Pick<Concern, 'slots' | 'nodes'> => ({
  slots: [...new Set(holders.flatMap(({ row }) => row.node.seat?.slot ?? []))],
  nodes: holders.map(({ row }) => row.node.instanceId),
});
