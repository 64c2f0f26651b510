/** What a task wrote. Whole logs stand in the bucket where they are longer than a lease's tail. */
import { LOGS } from '../../core/tasks/keys.js';
import { UserError } from '../user-error.js';
import type { QueueStore } from './store.js';
import { isFinal, type TaskView } from './view.js';
import { printable } from './words.js';

export interface LogOptions {
  /** Fencing number of an execution; null: the last one. */
  readonly fence: number | null;
  /** Into a terminal: what could steer it is shown as `?`. */
  readonly terminal: boolean;
  readonly write: (chunk: string | Uint8Array) => Promise<void>;
  /** Words to the user, apart from the log. */
  readonly say: (text: string) => void;
}

/** @throws UserError when there is no log of it */
export async function writeLog(store: QueueStore, task: TaskView, options: LogOptions): Promise<void> {
  const { fence, write, say } = options;
  const { entries } = await store.list(`${LOGS}${task.key}/`);
  const fences = entries.flatMap(({ key }) => /\/(\d+)\.log$/.exec(key)?.[1] ?? []).map(Number);
  const attempts = task.lease?.attempts ?? [];
  if (fence !== null && !fences.includes(fence) && !attempts.some((one) => one.fence === fence)) {
    const known = attempts.map((one) => one.fence).join(', ');
    throw new UserError(
      `Task "${task.id}" has no execution ${fence}${known === '' ? ": it hasn't run yet" : `; those there: ${known}`}.`,
    );
  }
  const last = attempts.at(-1)?.fence ?? 0;
  const wanted = fence ?? last;
  if (fences.includes(wanted)) {
    const safe = async (chunk: Uint8Array): Promise<void> =>
      await write(options.terminal ? printable(Buffer.from(chunk).toString('utf8')) : chunk);
    if (await store.copy(`${LOGS}${task.key}/${wanted}.log`, safe)) return;
  }
  const tail = task.lease?.tail ?? '';
  if (tail !== '' && (fence === null || fence === last)) {
    await write(`${(options.terminal ? printable(tail) : tail).trimEnd()}\n`);
    return;
  }
  if (attempts.length === 0) throw new UserError(`Task "${task.id}" hasn't run yet, so it has no log.`);
  say(
    isFinal(task.state)
      ? `Task "${task.id}" wrote nothing.\n`
      : `Task "${task.id}" runs on ${attempts.at(-1)?.instanceId}; its log comes here when this execution ends.\n`,
  );
}
