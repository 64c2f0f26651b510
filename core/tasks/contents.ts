/**
 * Which contents of a task's files are in the bucket, under which keys, and which may be deleted. A key bears the holder's
 * fence and the number of the save that first sent the content, so that no key is ever used twice: a deletion that S3
 * carries out long after its sender gave up can't hit what a newer manifest names. Who else could delete what is needed?
 *
 *     an older holder, paused within a prune    knows only keys of its own fence that no manifest named, from the oldest one
 *                                               on that it kept; the next holder began from one of those or a later one
 *     this holder                               keeps what any manifest since the oldest kept one names, also where it
 *                                               doesn't know whether that manifest arrived
 */
import { contentKey, manifestKey } from './keys.js';
import type { CheckpointRef } from './task.js';

export interface Contents {
  readonly task: { readonly id: string; readonly run: number };
  readonly fence: number;
  /** Keys by digest: of earlier holders, which this one never deletes, and of this execution. */
  readonly inherited: ReadonlyMap<string, string>;
  readonly own: Map<string, string>;
  /** Own keys by the save whose manifest names them. */
  readonly named: Map<number, Set<string>>;
  /** What is to be deleted, until it is known to be. */
  readonly garbage: Set<string>;
}

/** Of more that can't be deleted the oldest are left to the task's end, when everything goes. */
const MOST_GARBAGE = 100_000;

export const newContents = (
  task: Contents['task'],
  fence: number,
  inherited: ReadonlyMap<string, string>,
): Contents => ({ task, fence, inherited, own: new Map(), named: new Map(), garbage: new Set() });

/** Where this content is in the bucket; null: it has to be sent. */
export const keyOf = ({ own, inherited }: Contents, sha256: string): string | null =>
  own.get(sha256) ?? inherited.get(sha256) ?? null;

/** Where it is, or is to be put by save `seq`. */
export const keyFor = (contents: Contents, seq: number, sha256: string): string =>
  keyOf(contents, sha256) ?? contentKey(contents.task, contents.fence, seq, sha256);

/** It was put by save `seq`. */
export function hasSent(contents: Contents, seq: number, sha256: string): void {
  if (keyOf(contents, sha256) === null) {
    contents.own.set(sha256, contentKey(contents.task, contents.fence, seq, sha256));
  }
}

/** Before the manifest is put: if the answer is lost, it may well be there. Each try of a save may name others. */
export function willName(contents: Contents, seq: number, keys: Iterable<string>): void {
  const own = new Set(contents.own.values());
  const named = contents.named.get(seq) ?? new Set();
  for (const key of keys) if (own.has(key)) named.add(key);
  contents.named.set(seq, named);
}

/** The keys to delete, once the lease names what is to be kept. From here on they count as gone. */
export function prune(contents: Contents, keep: readonly CheckpointRef[]): readonly string[] {
  const { task, fence, own, named, garbage } = contents;
  const kept = keep.filter((one) => one.fence === fence).map(({ seq }) => seq);
  if (kept.length === 0) return [];
  const oldest = Math.min(...kept);
  const needed = new Set([...named].flatMap(([seq, keys]) => (seq >= oldest ? [...keys] : [])));
  for (const seq of [...named.keys()].filter((seq) => seq < oldest)) {
    garbage.add(manifestKey(task, fence, seq));
    named.delete(seq);
  }
  for (const [sha256, key] of [...own]) {
    if (needed.has(key)) continue;
    garbage.add(key);
    own.delete(sha256);
  }
  for (const key of garbage) {
    if (garbage.size <= MOST_GARBAGE) break;
    garbage.delete(key);
  }
  return [...garbage];
}

export function wereDeleted({ garbage }: Contents, keys: readonly string[]): void {
  for (const key of keys) garbage.delete(key);
}
