import type { Message } from './message.js';

/**
 * News waiting to ride on datagrams. One word a member: a newer one replaces the older. The least sent go first (by
 * level, the number of times sent), so that fresh news overtakes what most have heard; urgent words start a level
 * earlier. Bounded: when full, the most sent word is dropped.
 */
export interface BroadcastQueue {
  readonly byId: Map<string, QueuedWord>;
  readonly levels: Map<string, QueuedWord>[];
  readonly max: number;
  /** Words dropped because the queue was full. */
  dropped: number;
}

interface QueuedWord {
  readonly id: string;
  readonly message: Message;
  readonly size: number;
  level: number;
}

/** After so many words that don't fit, a datagram counts as full. */
const MISFITS_MAX = 4;

export const createQueue = (max: number): BroadcastQueue => ({ byId: new Map(), levels: [], max, dropped: 0 });

/** Queues the newest word on member `id`; `size` is its encoded size in bytes. */
export function enqueue(queue: BroadcastQueue, id: string, message: Message, size: number, urgent: boolean): void {
  remove(queue, id);
  if (queue.byId.size >= queue.max) dropMostSent(queue);
  const word: QueuedWord = { id, message, size, level: urgent ? 0 : 1 };
  queue.byId.set(id, word);
  level(queue, word.level).set(id, word);
}

/** The words for one datagram with `budget` bytes left; each may be taken `limit` times in all. */
export function take(queue: BroadcastQueue, budget: number, limit: number): Message[] {
  const taken: QueuedWord[] = [];
  let left = budget;
  let misfits = 0;
  for (let at = 0; at < queue.levels.length && misfits < MISFITS_MAX; at++) {
    for (const word of level(queue, at).values()) {
      if (word.size > left) {
        misfits++;
        if (misfits >= MISFITS_MAX) break;
        continue;
      }
      left -= word.size;
      taken.push(word);
    }
  }
  for (const word of taken) {
    level(queue, word.level).delete(word.id);
    word.level++;
    if (word.level > limit) queue.byId.delete(word.id);
    else level(queue, word.level).set(word.id, word);
  }
  return taken.map((word) => word.message);
}

function remove(queue: BroadcastQueue, id: string): void {
  const word = queue.byId.get(id);
  if (word === undefined) return;
  queue.byId.delete(id);
  level(queue, word.level).delete(id);
}

function dropMostSent(queue: BroadcastQueue): void {
  for (let at = queue.levels.length - 1; at >= 0; at--) {
    const first = level(queue, at).keys().next();
    if (first.done) continue;
    remove(queue, first.value);
    queue.dropped++;
    return;
  }
}

/** Levels are few: `limit` of a word's sendings, made when first needed. */
function level(queue: BroadcastQueue, at: number): Map<string, QueuedWord> {
  while (queue.levels.length <= at) queue.levels.push(new Map());
  return queue.levels[at] as Map<string, QueuedWord>;
}
