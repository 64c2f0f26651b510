import {
  createWorker,
  nextWorkerDeadlineMs,
  stepWorker,
  unsettledTasks,
  type WorkerOptions,
} from '../../core/tasks/worker.js';
import type { Context } from '../../core/time.js';
import type { Brain } from './brain.js';

/** core/tasks' worker, as its host drives it. */
export function createBrain(options: WorkerOptions, ctx: Context): Brain {
  let state = createWorker(options, ctx);
  return {
    step(event, now) {
      const step = stepWorker(state, event, now);
      state = step.state;
      return step.effects;
    },
    nextDeadlineMs: (now) => nextWorkerDeadlineMs(state, now),
    unsettled: () => unsettledTasks(state),
    view: () => ({
      phase: state.phase,
      counters: { ...state.counters },
      queued: state.queue.entries.length,
      tasks: [...state.held.values()].map(({ key, spec, fence, program, saves, register }) => ({
        task: key,
        fence,
        program,
        memoryMiB: spec.memoryMiB,
        gpuMemoryMiB: spec.gpuMemoryMiB,
        progress: saves.progress,
        checkpoint: register.lease?.checkpoint?.manifest ?? null,
      })),
    }),
  };
}
