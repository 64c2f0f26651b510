/**
 * From a cluster as AWS shows it to what the live page shows. Pure. What only nodes know - whom gossip holds for alive,
 * requests in flight, a notice before the report - isn't in it; of gossip there is what nodes say by their tags.
 */
import { seatName } from '../../../core/seats/seat.js';
import {
  type Condition,
  type FigureCard,
  type LogLine,
  MAX_INCIDENTS,
  MAX_NODES,
  type NodeCard,
  type Parts,
  type Picture,
  type TasksCard,
  type TrafficCard,
  type ZoneCard,
} from '../../ui/picture.js';
import { countText, elapsedText, timeText, usdText } from '../show.js';
import type { ClusterView, NodeCondition, NodeRow, PoolRow, WorkloadRow } from '../view.js';
import { type GossipWord, gossipWords } from './gossip-words.js';
import { incidentCard } from './incident-card.js';
import { isAnnounced, type Loss } from './losses.js';

/** A node that has gone, as it was last seen. */
export interface Farewell {
  readonly row: NodeRow;
  readonly announced: boolean;
}

export interface Scene {
  readonly view: ClusterView;
  /** Null: there are none, or they can't be seen. */
  readonly tasks: TasksCard | null;
  /** Null: no application load balancer, or it can't be seen. */
  readonly traffic: TrafficCard | null;
  readonly farewells: readonly Farewell[];
  readonly losses: readonly Loss[];
  /** Newest first. */
  readonly lines: readonly LogLine[];
  /** Until the next look, ms. */
  readonly everyMs: number;
  /** Why the last look failed; null: it didn't. */
  readonly trouble: string | null;
  /** Null: AWS's own. */
  readonly endpoint: string | null;
  /** What goes behind a command that is to be typed elsewhere: ` --cluster web`. */
  readonly flags: string;
}

export function pictureOf(scene: Scene, nowMs: number): Picture {
  const { view, tasks, traffic, farewells, losses, lines } = scene;
  const gossip = gossipWords(view);
  const shown = shownRows(view.nodes);
  const gone = farewells.map(({ row, announced }) => nodeCard(row, announced ? 'ended' : 'dead', view, null));
  const nodes = [...shown.map((row) => nodeCard(row, conditionOf(row), view, gossip(row))), ...gone].slice(
    0,
    MAX_NODES,
  );
  return {
    nowMs,
    nodes,
    parts: {
      head: headOf(scene),
      zones: zonesOf(view, nodes),
      traffic,
      tasks,
      concerns: concernsOf(view, shown.length),
      incidents: losses.slice(0, MAX_INCIDENTS).map((loss) => incidentCard(loss, view.spec.desired, view.region)),
      lines,
    },
  };
}

/** Where there are too many, those that need a look come first. */
function shownRows(rows: readonly NodeRow[]): readonly NodeRow[] {
  if (rows.length <= MAX_NODES) return rows;
  const amiss = rows.filter(({ condition }) => condition !== 'serving');
  const chosen = new Set([...amiss, ...rows.filter(({ condition }) => condition === 'serving')].slice(0, MAX_NODES));
  return rows.filter((row) => chosen.has(row));
}

function conditionOf({ node, condition }: NodeRow): Condition {
  switch (condition) {
    case 'booting':
    case 'serving':
      return condition;
    case 'unhealthy':
      return 'unwell';
    case 'draining':
      return 'draining';
    case 'drained':
      return 'ending';
    case 'ending':
      return isAnnounced(node) || (node.phase ?? null) === null ? 'ending' : 'dead';
  }
}

const WORDS: Readonly<Record<NodeCondition, string>> = {
  booting: 'booting',
  serving: 'serving',
  unhealthy: "runs and isn't healthy",
  draining: 'drains and hands over',
  drained: 'has drained',
  ending: 'is being ended by EC2',
};

function nodeCard(row: NodeRow, condition: Condition, { spec }: ClusterView, gossip: GossipWord | null): NodeCard {
  const { node, health, old, usdPerHour } = row;
  const { seat, instanceId, zone, instanceType, lifecycle } = node;
  const word = condition === 'ended' ? 'is gone' : condition === 'dead' ? 'went without a word' : WORDS[row.condition];
  const cutOff = gossip?.apart === true;
  const words = [
    word,
    ...(cutOff ? ['cut off from most of its peers'] : []),
    ...(old === true ? ['with an older template'] : []),
  ].join(', ');
  return {
    id: instanceId,
    slot: seat?.slot ?? null,
    seat: seat === null ? '-' : seatName(seat),
    zone,
    pool: instanceType,
    market: lifecycle,
    condition,
    label: `Slot ${seat?.slot ?? 'none'}: ${words}; ${instanceType} ${lifecycle} in ${zone}`,
    deadlineMs: null,
    atRisk: false,
    cutOff,
    hung: false,
    seenBy: null,
    requests: null,
    facts: [
      ['launched', `${timeText(node.launchTimeMs)} UTC`],
      ...(usdPerHour === null ? [] : [['price', `${usdText(usdPerHour)}/h`] as const]),
      ...(node.templateVersion === null
        ? []
        : [
            [
              'template',
              `${node.templateVersion}${old === true ? `, not ${spec.launch.templateVersion}` : ''}`,
            ] as const,
          ]),
      ...(node.privateIp === null ? [] : [['address', node.privateIp] as const]),
      ...health.map(({ arn, state, reason }) => {
        const group = /targetgroup\/([^/]+)/.exec(arn)?.[1] ?? arn;
        const why = reason === null || state === 'healthy' ? '' : `: ${reason}`;
        return [group, `${state ?? 'not registered'}${why}`] as const;
      }),
      ...(gossip === null
        ? []
        : [cutOff ? (['gossip', gossip.text, true] as const) : (['gossip', gossip.text] as const)]),
      ...(node.waiting ? [['holds back', node.waiting] as const] : []),
    ],
  };
}

function zonesOf({ spec, pools }: ClusterView, nodes: readonly NodeCard[]): ZoneCard[] {
  const names = [...new Set([...spec.launch.pools.map(({ zone }) => zone), ...nodes.map(({ zone }) => zone)])].sort();
  return names.map((name) => ({
    name,
    pools: poolTexts(pools.filter(({ zone }) => zone === name)),
    reclaimed: false,
  }));
}

/** Attribute-based clusters have dozens; those with nodes are always told of. */
const MAX_POOLS = 6;

/** The cheapest first, so that their order changes with prices only. */
function poolTexts(pools: readonly PoolRow[]): string[] {
  const price = ({ spotUsdPerHour }: PoolRow): number => spotUsdPerHour ?? Number.MAX_VALUE;
  const cheapest = [...pools].sort((a, b) => price(a) - price(b) || (a.instanceType < b.instanceType ? -1 : 1));
  const used = cheapest.filter(({ spot, onDemand }) => spot + onDemand > 0);
  const others = cheapest.filter((pool) => !used.includes(pool)).slice(0, Math.max(0, MAX_POOLS - used.length));
  const shown = cheapest.filter((pool) => used.includes(pool) || others.includes(pool));
  const texts = shown.map((pool) =>
    pool.spotUsdPerHour === null ? pool.instanceType : `${pool.instanceType} ${usdText(pool.spotUsdPerHour)}/h`,
  );
  const rest = pools.length - shown.length;
  return rest > 0 ? [...texts, `${rest} more`] : texts;
}

function headOf({ view, tasks, everyMs, trouble, endpoint, flags }: Scene): Parts['head'] {
  const { spec, slots, spot, onDemand } = view;
  const seen = `${timeText(view.atMs).slice(11)} UTC`;
  return {
    title: `${spec.cluster} ${view.region}${endpoint === null ? '' : ` at ${endpoint}`}`,
    stage: trouble === null ? 'live' : 'trouble',
    stageText:
      trouble === null
        ? `As AWS showed it at ${seen}; again every ${elapsedText(everyMs)}.`
        : `${trouble} What is shown was so at ${seen}; the next look is within ${elapsedText(everyMs)}.`,
    desired: spec.desired,
    serving: slots.filter(({ state }) => state === 'serving').length,
    spot,
    onDemand,
    partitioned: false,
    acts: false,
    commands: [
      { name: 'hand over, leave, be replaced', text: `synkti drain {id}${flags}` },
      { name: 'a successor first, then it goes', text: `synkti replace {id}${flags}` },
      { name: 'what its agent says', text: `synkti logs {id}${flags}` },
    ],
    figures: figuresOf(view, tasks !== null),
  };
}

const MAX_FIGURES = 5;

function figuresOf(view: ClusterView, tasksShown: boolean): FigureCard[] {
  const { spotUsdPerHour, spec } = view;
  // Tasks have a card of their own.
  const workloads = view.workloads.filter(({ kind }) => kind !== 'tasks' || !tasksShown);
  const cost = { name: 'spot', value: `${usdText(spotUsdPerHour)}/h`, note: '', bad: false };
  return [...(spotUsdPerHour > 0 ? [cost] : []), ...workloads.flatMap(workloadFigure)]
    .slice(0, MAX_FIGURES)
    .concat({ name: 'template', value: String(spec.launch.templateVersion), note: `spec ${spec.version}`, bad: false });
}

/** What can't be known is left out. */
function workloadFigure({ name, kind, copies, healthy, registered, hasTargets }: WorkloadRow): FigureCard[] {
  if (healthy === null || registered === null || (registered === 0 && copies === null)) return [];
  if (copies !== null) {
    return [{ name, value: `${healthy} / ${copies}`, note: 'copies healthy', bad: healthy < copies }];
  }
  if (!hasTargets)
    return [{ name, value: String(healthy), note: kind === 'tasks' ? 'nodes for tasks' : 'nodes', bad: false }];
  return [{ name, value: `${healthy} / ${registered}`, note: 'targets healthy', bad: healthy < registered }];
}

const MAX_CONCERNS = 20;

function concernsOf({ concerns, unseen, nodes }: ClusterView, shown: number): NonNullable<Parts['concerns']> {
  const more = concerns.length - MAX_CONCERNS;
  const rest = [
    ...(more > 0 ? [`${countText(more, 'other concern')}: synkti status tells all.`] : []),
    ...(shown < nodes.length
      ? [`${shown} of ${nodes.length} nodes are shown, those that don't serve among them.`]
      : []),
    ...unseen.map(({ what, why }) => `Not seen: ${what}. ${why}`),
  ];
  return [
    ...concerns.slice(0, MAX_CONCERNS).map(({ level, text }) => ({ level, text })),
    ...rest.map((text) => ({ level: 'waiting' as const, text })),
  ];
}
