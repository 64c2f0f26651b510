/** `synkti status` as text. */
import type { Colors } from '../aws/flags.js';
import type { Level } from './concerns.js';
import { groupName } from './read.js';
import { countText, elapsedText, shortZone, timeText, usdText, wrap } from './show.js';
import { type Column, tableLines } from './table.js';
import type { ClusterView, NodeCondition, NodeRow, PoolRow, SlotRow } from './view.js';

export interface StatusOptions {
  readonly width: number;
  readonly colors: Colors;
  /** Every node, however many. */
  readonly all: boolean;
  /** Where the answers come from; null: AWS. */
  readonly endpoint: string | null;
}

/** With more slots than this only those that aren't simply serving are listed. */
const MANY = 40;
const MAX_CONCERNS = 20;
const MAX_POOLS = 8;

export function statusText(view: ClusterView, options: StatusOptions): string {
  const { colors } = options;
  const parts = [headLines(view, options), workloadLines(view, options), nodeLines(view, options)];
  parts.push(poolLines(view, options), concernLines(view, options));
  parts.push(
    view.unseen.flatMap(({ what, why }) =>
      wrap(`Not seen: ${what}. ${why}`, options.width).map((line) => colors.yellow(line)),
    ),
  );
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function headLines(view: ClusterView, { colors, endpoint, width }: StatusOptions): string[] {
  const { spec, slots } = view;
  const serving = slots.filter(({ state }) => state === 'serving').length;
  const where = endpoint === null ? view.region : `${view.region} at ${endpoint}`;
  const left = `${spec.cluster}  ${where}`;
  const right = `${timeText(view.atMs)} UTC`;
  const room = width - left.length - right.length;
  // Where there isn't room beside the cluster's name the time stands below it.
  const gap = room < 2 ? '\n' : ' '.repeat(room);
  const count = `${serving} of ${countText(spec.desired, 'seat')} serve`;
  const tone = serving === spec.desired ? colors.green : serving === 0 ? colors.red : colors.yellow;
  const price = view.spotUsdPerHour > 0 ? `, ${usdText(view.spotUsdPerHour)}/h` : '';
  const facts = [
    `${view.spot} spot${price}`,
    `${view.onDemand} on-demand`,
    `template ${spec.launch.templateVersion}`,
    `spec ${spec.version}`,
  ];
  const [first = '', ...rest] = inLines([count, ...facts], width);
  return [
    `${colors.bold(spec.cluster)}  ${colors.dim(where)}${gap}${colors.dim(right)}`,
    tone(first.slice(0, count.length)) + first.slice(count.length),
    ...rest,
  ];
}

/** Facts side by side, as many in a line as there is room for. */
function inLines(facts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const fact of facts) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 2 + fact.length > width) lines.push(fact);
    else lines[lines.length - 1] = `${line}  ${fact}`;
  }
  return lines;
}

function workloadLines({ workloads, unseen }: ClusterView, { colors }: StatusOptions): string[] {
  return workloads.map(({ name, kind, copies, healthy, registered, hasTargets }) => {
    if (copies !== null) {
      const wished = `${name} (${kind})  ${countText(copies, 'copy', 'copies')} wanted`;
      if (healthy === null) return `${wished}, not seen${hasTargets ? '' : ': it has no target group'}`;
      return `${wished}, ${(healthy >= copies ? colors.green : colors.red)(`${healthy} healthy`)}`;
    }
    if (healthy === null || registered === null) return `${name} (${kind})  not seen`;
    if (!hasTargets) return `${name} (${kind})  on ${countText(healthy, 'serving node')}`;
    if (registered === 0 && unseen.length > 0) return `${name} (${kind})  targets not seen`;
    const tone = healthy === registered && healthy > 0 ? colors.green : colors.red;
    return `${name} (${kind})  ${tone(`${healthy} of ${countText(registered, 'target')} healthy`)}`;
  });
}

interface Line {
  readonly slot: SlotRow | null;
  readonly row: NodeRow | null;
}

function nodeLines(view: ClusterView, options: StatusOptions): string[] {
  const { colors, width } = options;
  const lines: Line[] = view.slots.flatMap((slot): Line[] =>
    slot.nodes.length === 0 ? [{ slot, row: null }] : slot.nodes.map((row) => ({ slot, row })),
  );
  const slotted = new Set(lines.map(({ row }) => row?.node.instanceId));
  for (const row of view.nodes) if (!slotted.has(row.node.instanceId)) lines.push({ slot: null, row });
  const plain = ({ slot, row }: Line): boolean =>
    slot?.state === 'serving' && slot.nodes.length === 1 && row?.old !== true && row?.node.lifecycle === 'spot';
  const hide = !options.all && lines.length > MANY;
  const shown = hide ? lines.filter((line) => !plain(line)).slice(0, MANY) : lines;
  const hidden = lines.length - shown.length;
  const more = hidden > 0 ? [colors.dim(`and ${countText(hidden, 'other')}; --all lists them`)] : [];
  if (shown.length === 0) return hidden > 0 ? [colors.dim(`${hidden} nodes serve on spot; --all lists them`)] : [];
  return [...tableLines(shown, nodeColumns(view, colors), width, colors), ...more];
}

function nodeColumns(view: ClusterView, colors: Colors): Column<Line>[] {
  const region = view.region;
  const groups = [...new Set(view.spec.workloads.flatMap((workload) => workload.targetGroupArns))];
  return [
    {
      head: 'SEAT',
      value: ({ slot, row }) =>
        row?.node.seat ? `${row.node.seat.slot}.${row.node.seat.generation}` : String(slot?.slot ?? '-'),
    },
    { head: 'NODE', value: ({ row }) => row?.node.instanceId ?? '-' },
    { head: 'TYPE', spare: 4, value: ({ row }) => row?.node.instanceType ?? '' },
    { head: 'ZONE', spare: 1, value: ({ row }) => (row === null ? '' : shortZone(row.node.zone, region)) },
    {
      head: 'MARKET',
      spare: 2,
      value: ({ row }) => row?.node.lifecycle ?? '',
      style: (text, { row }) => (row?.node.lifecycle === 'on-demand' ? colors.yellow(text) : text),
    },
    { head: 'STATE', value: conditionText, style: (text, line) => toneOf(line, colors)(text) },
    { head: 'AGE', spare: 3, value: ({ row }) => (row === null ? '' : elapsedText(row.ageMs)), right: true },
    {
      head: 'USD/H',
      from: 90,
      value: ({ row }) => (row?.usdPerHour == null ? '' : row.usdPerHour.toFixed(4)),
      right: true,
    },
    { head: 'TEMPLATE', from: 104, value: ({ row }) => String(row?.node.templateVersion ?? ''), right: true },
    { head: 'ADDRESS', from: 122, value: ({ row }) => row?.node.privateIp ?? '' },
    {
      head:
        groups.length === 1
          ? groupName(groups[0] ?? '')
              .slice(0, 24)
              .toUpperCase()
          : 'TARGETS',
      from: 140,
      value: ({ row }) => row?.health.map(({ state }) => state ?? 'not registered').join(', ') ?? '',
    },
  ];
}

function conditionText({ slot, row }: Line): string {
  if (row === null) return 'empty';
  const { condition } = row;
  const old = row.old === true && condition === 'serving' ? ' (old)' : '';
  const spare =
    slot !== null && slot.nodes.length > 1 && slot.nodes[0] === row && condition === 'serving' ? ' (newer)' : '';
  return `${condition}${old}${spare}`;
}

const TONES: Readonly<Record<NodeCondition, 'green' | 'yellow' | 'red' | 'dim'>> = {
  booting: 'yellow',
  serving: 'green',
  unhealthy: 'red',
  draining: 'yellow',
  drained: 'yellow',
  ending: 'dim',
};

const toneOf = ({ row }: Line, colors: Colors) => (row === null ? colors.red : colors[TONES[row.condition]]);

function poolLines(view: ClusterView, { colors, width, all }: StatusOptions): string[] {
  const { pools } = view;
  const used = pools.filter(({ spot, onDemand }) => spot + onDemand > 0);
  const shown = all ? pools : pools.slice(0, Math.max(MAX_POOLS, Math.min(used.length, 2 * MAX_POOLS)));
  const most = Math.max(1, ...pools.map(({ spot, onDemand }) => spot + onDemand));
  const columns: Column<PoolRow>[] = [
    { head: 'POOL', value: ({ instanceType }) => instanceType },
    { head: 'ZONE', value: ({ zone }) => shortZone(zone, view.region) },
    { head: 'SPOT USD/H', value: ({ spotUsdPerHour }) => spotUsdPerHour?.toFixed(4) ?? '?', right: true },
    { head: 'SPOT', value: ({ spot }) => String(spot), right: true },
    { head: 'ON-DEMAND', spare: 1, value: ({ onDemand }) => String(onDemand), right: true },
    {
      head: '',
      spare: 2,
      value: ({ spot, onDemand, wanted }) =>
        `${'#'.repeat(Math.round(((spot + onDemand) / most) * 20))}${wanted ? '' : ' (not in the spec any more)'}`,
      style: (text) => colors.dim(text),
    },
  ];
  const rest = pools.length - shown.length;
  const more = rest > 0 ? [colors.dim(`and ${countText(rest, 'pool')} more; --all lists them`)] : [];
  return [...tableLines(shown, columns, width, colors), ...more];
}

const HEADS: Readonly<Record<Level, string>> = { down: 'Down', risk: 'At risk', waiting: 'Under way' };

function concernLines({ concerns }: ClusterView, { colors, width }: StatusOptions): string[] {
  if (concerns.length === 0) return [colors.green('Nothing is amiss.')];
  const tones = { down: colors.red, risk: colors.yellow, waiting: colors.dim };
  const lines = concerns.slice(0, MAX_CONCERNS).flatMap(({ level, text }) => {
    const head = `${HEADS[level]}:`.padEnd(11);
    return wrap(text, width, head).map((line, i) => (i === 0 ? tones[level](head) + line.slice(head.length) : line));
  });
  const rest = concerns.length - MAX_CONCERNS;
  return rest > 0 ? [...lines, colors.dim(`and ${rest} more; --json has them all`)] : lines;
}
