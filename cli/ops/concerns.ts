/** What is amiss in a cluster, what is at risk, and what waits, each as a sentence; the worst first. */
import { lossesOf, neededAfterLoss } from '../../core/safety/judge.js';
import { poolName } from '../../core/safety/view.js';
import { apartNodes } from '../../core/seats/apart.js';
import { marketOf } from '../../core/seats/rung.js';
import { sameSeat, seatName } from '../../core/seats/seat.js';
import { isPaused } from '../../core/spec/spec.js';
import { wallMs } from '../../core/time.js';
import { safetyView } from './acts/banker.js';
import type { Answers } from './answers.js';
import { copyConcerns } from './concerns-copies.js';
import { countText, elapsedText, timeText } from './show.js';
import type { ClusterView, NodeRow, SlotRow } from './view.js';

/**
 * - down: the service is hurt now
 * - risk: one more loss would hurt, or somebody should look
 * - waiting: something is under way or stands still on purpose
 */
export type Level = 'down' | 'risk' | 'waiting';

export interface Concern {
  readonly level: Level;
  readonly kind:
    | 'nothing-serves'
    | 'empty-seat'
    | 'unhealthy'
    | 'stuck-boot'
    | 'twins'
    | 'no-seat'
    | 'parted'
    | 'largest-pool'
    | 'few-copies'
    | 'copies-pool'
    | 'few-pools'
    | 'leaving'
    | 'starting'
    | 'spare'
    | 'update'
    | 'scale-in'
    | 'on-demand'
    | 'unsafe'
    | 'paused';
  readonly text: string;
  readonly slots: readonly number[];
  readonly nodes: readonly string[];
}

export type Scene = Omit<ClusterView, 'concerns'>;

/** Fewer capacity pools than this are a risk by themselves. */
const FEW_POOLS = 3;
const LEVELS: readonly Level[] = ['down', 'risk', 'waiting'];

export function concernsOf(scene: Scene, answers: Pick<Answers, 'groups'>): Concern[] {
  const found = [...seats(scene), ...nodesAmiss(scene), ...parted(scene), ...copyConcerns(scene, answers)];
  found.push(...capacity(scene), ...waiting(scene));
  return found.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}

function seats({ slots, atMs, spec }: Scene): Concern[] {
  const found: Concern[] = [];
  if (spec.desired > 0 && !slots.some(({ state }) => state === 'serving')) {
    found.push(concern('down', 'nothing-serves', `None of the ${countText(spec.desired, 'seat')} serves.`));
  }
  for (const row of slots) {
    if (row.state === 'empty')
      found.push({
        ...concern('down', 'empty-seat', emptyText(row, spec.launch.onDemandAfter, atMs)),
        slots: [row.slot],
      });
    const [first, second] = row.nodes;
    const twin = row.nodes.find(
      ({ node }, i) =>
        i > 0 &&
        node.seat !== null &&
        row.nodes.some((o, j) => j < i && o.node.seat !== null && sameSeat(o.node.seat, node.seat ?? o.node.seat)),
    );
    if (twin?.node.seat) {
      const ids = row.nodes.filter(({ node }) => node.seat?.generation === twin.node.seat?.generation);
      found.push(
        about(
          'risk',
          'twins',
          `Seat ${seatName(twin.node.seat)} is held by ${ids.map(idOf).join(' and ')}; one of them ends itself before it takes work.`,
          ids,
        ),
      );
    } else if (first !== undefined && second !== undefined && row.nodes.every((n) => n.condition === 'serving')) {
      found.push(
        about('waiting', 'spare', `Slot ${row.slot} has a spare: ${idOf(first)} beside ${idOf(second)}.`, row.nodes),
      );
    }
    if (row.state === 'leaving') {
      found.push(
        about(
          'risk',
          'leaving',
          `Slot ${row.slot} is about to be empty: ${row.nodes.map(idOf).join(', ')} drains and no replacement is there yet${hintText(row, spec.launch.onDemandAfter)}.`,
          row.nodes,
        ),
      );
    }
  }
  return found;
}

function emptyText(row: SlotRow, onDemandAfter: number | null, atMs: number): string {
  const since = row.emptySinceMs === null ? '' : ` for ${elapsedText(atMs - row.emptySinceMs)}`;
  return `Slot ${row.slot} is empty${since}${hintText(row, onDemandAfter)}.`;
}

function hintText({ hint }: SlotRow, onDemandAfter: number | null): string {
  if (hint === null) return '';
  return `; ${countText(hint.rung, 'launch', 'launches')} of seat ${seatName(hint)} came to nothing, the next is ${marketOf(hint.rung, onDemandAfter)}`;
}

function nodesAmiss({ nodes, spec }: Scene): Concern[] {
  const found: Concern[] = [];
  for (const row of nodes) {
    const { node, condition, ageMs } = row;
    if (node.seat === null && condition !== 'ending') {
      found.push(
        about('risk', 'no-seat', `${node.instanceId} has the cluster's tags and no seat; the sweep ends it.`, [row]),
      );
    }
    if (condition === 'unhealthy') {
      const bad = row.health.filter(({ state }) => state !== 'healthy' && state !== 'unused');
      const reason = bad.map((one) => one.reason ?? one.state ?? 'not registered').join('; ');
      found.push(about('down', 'unhealthy', `${place(row)} runs and isn't healthy: ${reason}.`, [row]));
    }
    if (condition === 'booting' && ageMs > spec.policy.bootPatienceMs) {
      found.push(
        about(
          'risk',
          'stuck-boot',
          `${place(row)} was launched ${elapsedText(ageMs)} ago and doesn't serve; after ${elapsedText(spec.policy.bootPatienceMs)} it is given up.`,
          [row],
        ),
      );
    }
  }
  return found;
}

function capacity(scene: Scene): Concern[] {
  const { pools, nodes, spec, slots } = scene;
  const found: Concern[] = [];
  const serving = nodes.filter(({ condition }) => condition === 'serving');
  const must = neededAfterLoss(spec.desired);
  const [worst, ...others] = lossesOf(safetyView({ ...scene, concerns: [] }))
    .filter(({ missing }) => missing > 0)
    .sort((a, b) => b.missing - a.missing || (a.pool < b.pool ? -1 : 1));
  if (worst !== undefined && serving.length > 1) {
    const rows = serving.filter(({ node }) => node.lifecycle === 'spot' && poolName(node) === worst.pool);
    const more =
      others.length === 0 ? '' : `; that of ${countText(others.length, 'other pool')} would leave too few, too`;
    const what = `The loss of ${countText(rows.length, 'spot node')} in one pool, ${worst.pool},`;
    const text = `${what} would leave ${worst.served} of ${countText(spec.desired, 'seat')} served, and ${must} must be${more}.`;
    found.push({ ...concern('risk', 'largest-pool', text), nodes: rows.map(({ node }) => node.instanceId) });
  }
  const wanted = pools.filter((pool) => pool.wanted);
  const zones = new Set(wanted.map(({ zone }) => zone)).size;
  const types = new Set(wanted.map(({ instanceType }) => instanceType)).size;
  const usesSpot = (spec.launch.onDemandBase ?? 0) < spec.desired;
  if (usesSpot && wanted.length < FEW_POOLS) {
    found.push(
      concern(
        'risk',
        'few-pools',
        `The spec has ${countText(wanted.length, 'pool')} (${countText(types, 'type')}, ${countText(zones, 'zone')}): a shortage there empties seats.`,
      ),
    );
  }
  const base = spec.launch.onDemandBase ?? 0;
  const extra = nodes.filter(
    ({ node, condition }) => node.lifecycle === 'on-demand' && condition !== 'ending' && (node.seat?.slot ?? 0) >= base,
  );
  if (extra.length > 0 && slots.length > 0) {
    found.push(
      about(
        'waiting',
        'on-demand',
        `${countText(extra.length, 'node')} on-demand for want of spot capacity; back to spot when there is some again.`,
        extra,
      ),
    );
  }
  return found;
}

/** Nodes that don't hear most of the others: each part takes the other for dead. */
function parted({ nodes, spec }: Scene): Concern[] {
  const apart = new Set(apartNodes(nodes.map(({ node }) => node)).map(({ instanceId }) => instanceId));
  const rows = nodes.filter(({ node }) => apart.has(node.instanceId));
  if (rows.length === 0) return [];
  const heard = rows.map((row) => `${idOf(row)} hears ${countText((row.node.hears ?? 1) - 1, 'other')}`);
  const ways = `It needs UDP and TCP ${spec.gossip.port} between all nodes, and clocks that agree.`;
  return [about('risk', 'parted', `Gossip is parted: ${listText(heard)}. ${ways}`, rows)];
}

function waiting({ nodes, slots, spec, atMs }: Scene): Concern[] {
  const found: Concern[] = [];
  const starting = slots.filter(({ state }) => state === 'starting');
  if (starting.length > 0) {
    const rows = starting.flatMap((row) => row.nodes);
    found.push(
      about(
        'waiting',
        'starting',
        `${countText(starting.length, 'seat')} starting: ${listText(starting.map(({ slot }) => `slot ${slot}`))}.`,
        rows,
      ),
    );
  }
  const notServing = slots.filter(({ state }) => state !== 'serving').map(({ slot }) => `slot ${slot}`);
  const hold = notServing.length === 0 ? '' : ` It waits until every slot serves (${listText(notServing)}).`;
  const old = nodes.filter((row) => row.old === true && row.condition !== 'ending');
  if (old.length > 0) {
    found.push(
      about(
        'waiting',
        'update',
        `${countText(old.length, 'node')} of ${nodes.length} with another template version than ${spec.launch.templateVersion}: a rolling update is under way.${hold}`,
        old,
      ),
    );
  }
  const outside = nodes.filter(
    ({ node, condition }) => (node.seat?.slot ?? 0) >= spec.desired && condition !== 'ending',
  );
  if (outside.length > 0) {
    found.push(
      about(
        'waiting',
        'scale-in',
        `${countText(outside.length, 'node')} beyond the ${spec.desired} wanted.${hold === '' ? ' They leave.' : hold}`,
        outside,
      ),
    );
  }
  for (const row of nodes) {
    const why = row.node.waiting ?? null;
    if (why !== null) found.push(about('waiting', 'unsafe', `${idOf(row)} holds back: ${why}`, [row]));
  }
  if (isPaused(spec.policy, wallMs(atMs))) {
    const { pausedUntilMs } = spec.policy;
    const end = pausedUntilMs === undefined ? '' : `${timeText(pausedUntilMs)} UTC or `;
    const text = `The cluster is paused: no update, scale-in or early drain begins until ${end}\`synkti resume\`.`;
    found.push(about('waiting', 'paused', text, []));
  }
  return found;
}

const MAX_LISTED = 8;

function listText(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).join(', ');
  return names.length > MAX_LISTED ? `${shown} and ${names.length - MAX_LISTED} more` : shown;
}

const idOf = ({ node }: NodeRow): string => node.instanceId;
const place = ({ node }: NodeRow): string =>
  node.seat === null ? node.instanceId : `Slot ${node.seat.slot}, ${node.instanceId},`;

const concern = (level: Level, kind: Concern['kind'], text: string): Concern => ({
  level,
  kind,
  text,
  slots: [],
  nodes: [],
});

function about(level: Level, kind: Concern['kind'], text: string, rows: readonly NodeRow[]): Concern {
  const slots = [...new Set(rows.flatMap(({ node }) => node.seat?.slot ?? []))];
  return { level, kind, text, slots, nodes: rows.map(idOf) };
}
