/**
 * The order of the banker (E. W. Dijkstra, EWD108, 1965; A. N. Habermann, "Prevention of system deadlocks", CACM 12(7),
 * 1969): what has no place takes one where there is room; where there is none, something that runs is waited for, and
 * its room is free again. A task takes all of its room at once and gives it back at its end, so what runs can always
 * finish, and a task is stuck only where no node would hold it even when empty.
 */
import { type DisplacedWork, planPlacement } from '../placement/plan.js';
import { fitsNode, type SafeNode, type SafeTask } from './view.js';

export type Step =
  /** A newcomer for the node's slot, and it serves. */
  | { readonly do: 'fill'; readonly slot: number }
  | { readonly do: 'move'; readonly task: string; readonly to: string }
  /** Wait for its end. */
  | { readonly do: 'finish'; readonly task: string }
  | { readonly do: 'start'; readonly task: string; readonly on: string }
  | { readonly do: 'leave'; readonly node: string };

export interface Order {
  readonly steps: readonly Step[];
  /** Tasks that no node would hold. */
  readonly stuck: readonly SafeTask[];
}

/** @param running tasks on these nodes; their room isn't free */
export function findOrder(
  pending: readonly SafeTask[],
  running: readonly SafeTask[],
  nodes: readonly SafeNode[],
): Order {
  const able = (task: SafeTask): boolean => nodes.some((node) => fitsNode(task, node));
  const stuck = pending.filter((task) => !able(task));
  let open = pending.filter(able);
  const free = new Map(nodes.map((node) => [node.id, { ...node }]));
  const held = new Map<string, SafeTask>();
  for (const task of running) if (task.node !== null && free.has(task.node)) held.set(task.task, task);
  const steps: Step[] = [];
  let opened = false;
  // Each round places something, waits for one that runs, or is the one that opens what isn't known.
  for (let rounds = 3 * pending.length + held.size + 1; open.length > 0 && rounds > 0; rounds--) {
    const { placements } = planPlacement(open.map(asWork), [...free.values()].map(asHost));
    const where = new Map(placements.map(({ task, host }) => [task, host]));
    const left: SafeTask[] = [];
    for (const task of open) {
      const to = where.get(task.task) ?? null;
      const node = to === null ? undefined : free.get(to);
      if (to === null || node === undefined) {
        left.push(task);
        continue;
      }
      steps.push({ do: 'move', task: task.task, to });
      held.set(task.task, { ...task, node: to });
      take(node, task, -1);
    }
    open = left;
    if (open.length === 0) break;
    const next = soonest(open, held, nodes);
    if (next === null) {
      if (opened) break;
      // What isn't known holds the room, such as tasks of peers: it ends, too.
      opened = true;
      openUp(free, nodes, held);
      continue;
    }
    held.delete(next.task);
    steps.push({ do: 'finish', task: next.task });
    const node = free.get(next.node ?? '');
    if (node !== undefined) take(node, next, 1);
  }
  return { steps, stuck: [...stuck, ...open] };
}

/** Of those in the way of what waits: the one that ends first. */
function soonest(
  open: readonly SafeTask[],
  held: ReadonlyMap<string, SafeTask>,
  nodes: readonly SafeNode[],
): SafeTask | null {
  const useful = new Set(nodes.filter((node) => open.some((task) => fitsNode(task, node))).map(({ id }) => id));
  const leftMs = ({ leftMs: ms }: SafeTask): number => ms ?? Number.MAX_SAFE_INTEGER;
  const list = [...held.values()].filter(({ node }) => useful.has(node ?? ''));
  list.sort((a, b) => leftMs(a) - leftMs(b) || (a.task < b.task ? -1 : 1));
  return list[0] ?? null;
}

type Room = { -readonly [K in keyof SafeNode]: SafeNode[K] };

function openUp(free: Map<string, Room>, nodes: readonly SafeNode[], held: ReadonlyMap<string, SafeTask>): void {
  for (const node of nodes) {
    free.set(node.id, { ...node, freeMemoryMiB: node.memoryMiB, freeGpuMemoryMiB: node.gpuMemoryMiB });
  }
  for (const task of held.values()) {
    const node = free.get(task.node ?? '');
    if (node !== undefined) take(node, task, -1);
  }
}

function take(node: Room, task: SafeTask, sign: 1 | -1): void {
  node.freeMemoryMiB += sign * task.memoryMiB;
  node.freeGpuMemoryMiB += sign * task.gpuMemoryMiB;
}

export const asWork = ({ task, memoryMiB, gpuMemoryMiB }: SafeTask): DisplacedWork => ({
  task,
  memoryMiB,
  gpuMemoryMiB,
  stateMiB: 0,
  data: [],
});

export const asHost = ({ id, freeMemoryMiB, freeGpuMemoryMiB }: SafeNode) => ({
  id,
  freeMemoryMiB,
  freeGpuMemoryMiB,
  warm: [],
});
