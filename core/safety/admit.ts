/** Whether a task may be started: the Banker's rule for those who admit tasks. */
import { planPlacement } from '../placement/plan.js';
import type { PolicySpec } from '../spec/spec.js';
import { isSpot, type Judgement } from './judge.js';
import { asHost, asWork } from './order.js';
import { type SafeNode, type SafeTask, type SafetyView, staying } from './view.js';

export interface Admission {
  readonly task: SafeTask;
  /** Where it would run. */
  readonly node: string;
}

/**
 * `finish`: the node has room now; a task that runs has all it needs, so it can finish or be started anew elsewhere.
 * `evacuate`: besides, if any pool were lost, what is known to run on its spot nodes and would fit elsewhere in an otherwise
 * idle cluster must fit there beside what runs, all at once. What no idle cluster could save isn't asked for, and
 * what wasn't safe before isn't held against a task.
 */
export function admit(
  { task, node: id }: Admission,
  view: SafetyView,
  policy: PolicySpec['admission'] = view.admission,
): Judgement {
  const node = staying(view).find((one) => one.id === id);
  if (node === undefined) {
    return { safe: false, cause: 'unknown', reason: `Node ${id} is not there to stay, so no task is begun on it.` };
  }
  if (task.memoryMiB > node.freeMemoryMiB || task.gpuMemoryMiB > node.freeGpuMemoryMiB) {
    const free = `${node.freeMemoryMiB} MiB of memory and ${node.freeGpuMemoryMiB} MiB of GPU memory free`;
    const reason = `Task ${task.task} needs ${task.memoryMiB} and ${task.gpuMemoryMiB} MiB; node ${id} has ${free}.`;
    return { safe: false, cause: 'room', reason };
  }
  if (policy === 'evacuate') {
    const after = started(task, node, view);
    for (const pool of new Set(
      staying(view)
        .filter(isSpot)
        .map((one) => one.pool),
    )) {
      if (unsaved(after, pool) <= unsaved(view, pool)) continue;
      const reason =
        `With task ${task.task} on ${id}, the other nodes couldn't take over at once what runs on the spot nodes ` +
        `of ${pool}.`;
      return { safe: false, cause: 'task-loss', reason };
    }
  }
  return {
    safe: true,
    order: [
      { do: 'start', task: task.task, on: id },
      { do: 'finish', task: task.task },
    ],
  };
}

function started(task: SafeTask, node: SafeNode, view: SafetyView): SafetyView {
  const fuller: SafeNode = {
    ...node,
    freeMemoryMiB: node.freeMemoryMiB - task.memoryMiB,
    freeGpuMemoryMiB: node.freeGpuMemoryMiB - task.gpuMemoryMiB,
  };
  return {
    ...view,
    nodes: view.nodes.map((one) => (one.id === node.id ? fuller : one)),
    tasks: [...view.tasks.filter((one) => one.task !== task.task), { ...task, node: node.id }],
  };
}

/** How much of a pool's tasks the others couldn't take over at once; 0 also where that is none of what could be saved. */
function unsaved(view: SafetyView, pool: string): number {
  const nodes = staying(view);
  const lost = new Set(nodes.filter((node) => isSpot(node) && node.pool === pool).map(({ id }) => id));
  const others = nodes.filter(({ id }) => !lost.has(id));
  const savable = view.tasks.filter(
    (task) =>
      task.node !== null &&
      lost.has(task.node) &&
      others.some((node) => task.memoryMiB <= node.memoryMiB && task.gpuMemoryMiB <= node.gpuMemoryMiB),
  );
  return savable.length - planPlacement(savable.map(asWork), others.map(asHost)).placed;
}
