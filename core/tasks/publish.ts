/** What the others are told of this node, in its gossip record. */
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import { acceptsWork, freeRoom } from './room.js';
import type { Emit, WorkerState } from './state.js';

export function reconcilePublish(state: WorkerState, ctx: Context, emit: Emit): void {
  const { published, timings } = state;
  if (published !== null && after(published.atMs, timings.publishMs) > ctx.nowMs) {
    state.publishDue = true;
    return;
  }
  state.publishDue = false;
  const { memoryMiB, gpuMemoryMiB, slots } = freeRoom(state);
  // Room that can't be used isn't told.
  const open = acceptsWork(state) && slots > 0;
  const told = {
    freeMemoryMiB: open ? Math.max(0, memoryMiB) : 0,
    freeGpuMemoryMiB: open ? Math.max(0, gpuMemoryMiB) : 0,
    warm: state.warm,
    work: state.work,
    pressure: state.pressure.on,
  };
  const text = JSON.stringify(told);
  if (published?.text === text) return;
  state.published = { text, atMs: ctx.nowMs };
  emit({ type: 'publish', ...told });
}

/** While something isn't told yet. */
export function nextPublishMs(state: WorkerState): MonoMs {
  const { published, timings } = state;
  return published === null || !state.publishDue ? NEVER : after(published.atMs, timings.publishMs);
}
