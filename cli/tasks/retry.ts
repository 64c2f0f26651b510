/** The next run of a task that has ended: the same spec, from the last checkpoint of the run before. */
import type { TaskSpec } from '../../core/tasks/task.js';
import { wallMs } from '../../core/time.js';
import { UserError } from '../user-error.js';
import type { QueueStore } from './store.js';
import { isFinal, type TaskView } from './view.js';

/** @throws UserError when it can't be run again so */
export async function nextRun(
  store: QueueStore,
  view: TaskView,
  options: { readonly fromStart: boolean; readonly nowMs: number },
): Promise<TaskSpec> {
  const { id, state, spec, lease } = view;
  if (!isFinal(state)) {
    throw new UserError(
      `Task "${id}" is ${state}; it is run again by itself, or cancel it first: synkti tasks cancel ${id}`,
    );
  }
  if (spec === null) throw new UserError(`Task "${id}" is just being archived; try again in a moment.`);
  if (state === 'done' && !options.fromStart) {
    throw new UserError(`Task "${id}" is done; to run it once more from nothing, add --from-start.`);
  }
  const resume = options.fromStart ? null : (lease?.checkpoint ?? spec.resume);
  if (resume !== null) {
    const { entries } = await store.list(resume.manifest);
    if (!entries.some(({ key }) => key === resume.manifest)) {
      throw new UserError(
        `The last checkpoint of task "${id}" isn't there any more; to begin from nothing, add --from-start.`,
      );
    }
  }
  const { deadline } = spec;
  return {
    ...spec,
    run: spec.run + 1,
    submittedMs: wallMs(options.nowMs),
    // As much time as the run before had.
    deadline:
      deadline === null ? null : { ...deadline, atMs: wallMs(options.nowMs + deadline.atMs - spec.submittedMs) },
    resume,
  };
}
