/** The Banker's rule for the worker: a task isn't started that the cluster couldn't finish or, by policy, evacuate. */
import { admit } from '../safety/admit.js';
import { poolName, type SafeNode, type SafetyView } from '../safety/view.js';
import type { Admission } from './state.js';
import { taskKey } from './task.js';

/**
 * @param viewOf the cluster as this node knows it now; null: nothing is known yet. What it says of this node itself is
 * replaced by what the worker knows, which is newer.
 */
export function bankersAdmission(viewOf: () => SafetyView | null): Admission {
  return (spec, { identity, room, running }) => {
    const view = viewOf();
    if (view === null) return 'Nothing is known of the cluster yet.';
    const known = view.nodes.find((node) => node.id === identity.id);
    const taken = running.reduce((sum, one) => sum + one.memoryMiB, 0);
    const takenGpu = running.reduce((sum, one) => sum + one.gpuMemoryMiB, 0);
    const self: SafeNode = {
      slot: known?.slot ?? 0,
      serves: known?.serves ?? true,
      id: identity.id,
      pool: poolName(identity),
      lifecycle: identity.lifecycle,
      leaving: false,
      freeMemoryMiB: Math.max(0, room.memoryMiB - taken),
      freeGpuMemoryMiB: Math.max(0, room.gpuMemoryMiB - takenGpu),
      memoryMiB: room.memoryMiB,
      gpuMemoryMiB: room.gpuMemoryMiB,
    };
    const own = running.map((one) => ({
      task: taskKey(one),
      node: identity.id,
      memoryMiB: one.memoryMiB,
      gpuMemoryMiB: one.gpuMemoryMiB,
    }));
    const names = new Set(own.map(({ task }) => task));
    const others = view.tasks.filter((one) => one.node !== identity.id && !names.has(one.task));
    const task = { task: taskKey(spec), node: null, memoryMiB: spec.memoryMiB, gpuMemoryMiB: spec.gpuMemoryMiB };
    const nodes = [...view.nodes.filter((node) => node.id !== identity.id), self];
    const judged = admit({ task, node: identity.id }, { ...view, nodes, tasks: [...others, ...own] });
    return judged.safe ? null : judged.reason;
  };
}
