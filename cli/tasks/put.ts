/**
 * Puts tasks into the queue, all of them or none. Whatever comes between - no right, no network, Ctrl-C - those that are
 * there already are taken back, but for those that a node has begun meanwhile.
 */
import { classify, isUnknown } from '../../aws/errors.js';
import { leaseKey, OPEN, openKey, parseOpenKey } from '../../core/tasks/keys.js';
import { type TaskSpec, taskKey } from '../../core/tasks/task.js';
import { inParallel } from '../parallel.js';
import { takeBack } from './end.js';
import type { QueueStore } from './store.js';

export type PutEnd =
  | { readonly type: 'put' }
  | {
      readonly type: 'not-put';
      readonly why: 'failed' | 'stopped' | 'duplicate';
      /** Of `failed`. */
      readonly error: unknown;
      /** Ids that somebody else submitted at the same moment. */
      readonly duplicates: readonly string[];
      readonly takenBack: number;
      /** They stand: claimed before they could be taken back, or (unsure) not to be reached. */
      readonly standing: readonly string[];
      readonly unsure: readonly string[];
    };

export interface PutOptions {
  readonly signal: AbortSignal;
  /** Look once more whether somebody submitted the same ids meanwhile: needless for made-up ids. */
  readonly checkIds: boolean;
  readonly now: () => number;
  readonly onPut?: (done: number) => void;
}

export async function putTasks(
  store: QueueStore,
  tasks: readonly TaskSpec[],
  { signal, checkIds, now, onPut }: PutOptions,
): Promise<PutEnd> {
  /** Also those whose put had no answer: they may be there. */
  const there: TaskSpec[] = [];
  let done = 0;
  const undo = async (why: 'failed' | 'stopped' | 'duplicate', error: unknown, duplicates: readonly string[]) => {
    const remove = why === 'duplicate' ? withdraw : takeBack;
    const { back, standing, unsure } = await takeAllBack(there, (task) => remove(store, task, now()));
    return { type: 'not-put', why, error, duplicates, takenBack: back, standing, unsure } as const;
  };
  try {
    await inParallel(
      tasks,
      async (task) => {
        try {
          await store.create(openKey(task), JSON.stringify(task));
        } catch (error) {
          if (isUnknown(classify(error))) there.push(task);
          throw error;
        }
        there.push(task);
        done += 1;
        onPut?.(done);
      },
      { signal },
    );
  } catch (error) {
    return await undo('failed', error, []);
  }
  if (signal.aborted) return await undo('stopped', null, []);
  try {
    const doubles = checkIds ? await doublesOf(store, tasks) : [];
    return doubles.length === 0 ? { type: 'put' } : await undo('duplicate', null, doubles);
  } catch (error) {
    return await undo('failed', error, []);
  }
}

/** Ids of tasks that stand in the queue a second time, under another key. */
async function doublesOf(store: QueueStore, tasks: readonly TaskSpec[]): Promise<string[]> {
  const own = new Map(tasks.map((task) => [taskKey(task), openKey(task)]));
  const { entries } = await store.list(OPEN);
  return entries.flatMap(({ key }) => {
    const entry = parseOpenKey(key);
    if (entry === null) return [];
    const mine = own.get(taskKey(entry));
    return mine !== undefined && mine !== key ? [entry.id] : [];
  });
}

/** The lease is the other's, too: only the open object goes, and only while nobody has claimed either. */
async function withdraw(store: QueueStore, task: TaskSpec): Promise<boolean> {
  if ((await store.get(leaseKey(task))) !== null) return false;
  await store.remove([openKey(task)]);
  return true;
}

async function takeAllBack(tasks: readonly TaskSpec[], remove: (task: TaskSpec) => Promise<boolean>) {
  let back = 0;
  const standing: string[] = [];
  const unsure: string[] = [];
  await inParallel(tasks, async (task) => {
    try {
      if (await remove(task)) back += 1;
      else standing.push(task.id);
    } catch {
      unsure.push(task.id);
    }
  });
  return { back, standing: standing.sort(), unsure: unsure.sort() };
}
