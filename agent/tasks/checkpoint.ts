import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Transfer } from '../../aws/transfer.js';
import { hasSent, keyFor, keyOf, newContents, prune, wereDeleted, willName } from '../../core/tasks/contents.js';
import { manifestKey } from '../../core/tasks/keys.js';
import { MAX_MANIFEST_TEXT } from '../../core/tasks/parse.js';
import { type CheckpointRef, type Manifest, type ManifestFile, taskKey } from '../../core/tasks/task.js';
import { withDeadline } from './deadline.js';
import { eachOf } from './gate.js';
import type { RestoredFile } from './restore.js';
import { type FileView, sameFile, scanFolder } from './scan.js';
import { readMark, type Snapshot, type SnapshotFile, type Taken, takeSnapshot } from './snapshot.js';
import { FileChanged, type Uploader } from './upload.js';

/**
 * The checkpoints of one execution: takes snapshots when the task marks its folder, uploads them when the worker asks,
 * and forgets contents that no checkpoint names. Saves and prunes follow one another, so that none deletes what another
 * is about to name. The manifest goes last: until it is there, nothing of a checkpoint can be restored.
 */
export interface Checkpoints {
  /** The task has replaced its mark. */
  marked(): Promise<void>;
  save(seq: number, byMs: number): Promise<Saved>;
  prune(keep: readonly CheckpointRef[]): Promise<void>;
  /** Null: the folder can't be looked at. */
  size(): Promise<{ readonly changedBytes: number; readonly bytes: number } | null>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

export type Saved =
  | { readonly ok: true; readonly checkpoint: CheckpointRef; readonly sentBytes: number }
  | { readonly ok: false; readonly why: string };

export interface CheckpointParts {
  readonly task: { readonly id: string; readonly run: number };
  readonly fence: number;
  readonly folder: string;
  readonly work: string;
  readonly markPath: string;
  /** For snapshots; on the file system of the checkpoint folder. */
  readonly staging: string;
  readonly restored: readonly RestoredFile[];
  /** Computing time before this execution, in ms, and when this one began. */
  readonly doneMs: number;
  readonly startedMs: number;
  readonly uploader: Uploader;
  readonly transfer: Pick<Transfer, 'remove'>;
  readonly nowMs: () => number;
  readonly onSkipped: (paths: readonly string[]) => void;
}

interface Known extends FileView {
  readonly entry: ManifestFile;
}

/** Tries of one save, over changed files and failed requests. */
const MAX_TRIES = 8;
const RETRY_MS = 150;
const MARK_POLL_MS = 100;
/** Files of one checkpoint under way; the uploader bounds their memory. */
const FILES_AT_ONCE = 16;
/** Snapshots take at most this part of the time: a task may mark its folder as often as it likes. */
const SNAPSHOT_SHARE = 10;
const PRUNE_TIMEOUT_MS = 10_000;
const MAX_KEYS = 1_000;

export function createCheckpoints(parts: CheckpointParts): Checkpoints {
  const { task, fence, nowMs } = parts;
  const known = new Map<string, Known>(
    parts.restored.map((file) => [file.entry.path, { ...file.view, entry: file.entry }]),
  );
  const inherited = new Map(parts.restored.map(({ entry }) => [entry.sha256, entry.key]));
  const contents = newContents(task, fence, inherited);
  const closing = new AbortController();
  let held: Snapshot | null = null;
  /** Snapshots that a save is reading. */
  const reading = new Set<string>();
  let snapshots = 0;
  let taking: Promise<Taken> | null = null;
  let nextSnapshotMs = 0;
  let queue: Promise<unknown> = Promise.resolve();

  /** One after another. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = queue.then(act);
    queue = turn.catch(() => {});
    return turn;
  }

  const drop = (snapshot: Snapshot | null): void => {
    if (snapshot !== null && !reading.has(snapshot.folder)) {
      void rm(snapshot.folder, { recursive: true, force: true }).catch(() => {});
    }
  };

  function take(): Promise<Taken> {
    taking ??= (async () => {
      const began = nowMs();
      await mkdir(parts.staging, { recursive: true });
      snapshots += 1;
      const taken = await takeSnapshot({
        root: parts.folder,
        work: parts.work,
        markPath: parts.markPath,
        folder: join(parts.staging, String(snapshots)),
        known,
        nowMs,
      });
      const ended = nowMs();
      nextSnapshotMs = ended + (ended - began) * SNAPSHOT_SHARE;
      if (taken.ok && taken.snapshot.mark !== null) {
        drop(held);
        held = taken.snapshot;
      }
      return taken;
    })().finally(() => {
      taking = null;
    });
    return taking;
  }

  /** What a save sends: the state of the latest mark, or a quiet moment of a folder without one. */
  async function toSave(byMs: number, lastSaved: string | null): Promise<Taken> {
    for (let tries = 1; ; tries++) {
      const mark = await readMark(parts.markPath).catch(() => null);
      if (held !== null && held.mark === mark?.identity) return { ok: true, snapshot: held };
      const taken = await take();
      if (taken.ok || !taken.torn) return taken;
      // The task is writing the next state: the one before is whole.
      if (held !== null && held.mark !== lastSaved) return { ok: true, snapshot: held };
      if (nowMs() >= byMs || closing.signal.aborted) return taken;
      await sleep(Math.min(MARK_POLL_MS * tries, 1_000, Math.max(1, byMs - nowMs())));
    }
  }

  let lastSaved: string | null = null;

  const saveNow = (seq: number, byMs: number): Promise<Saved> =>
    withDeadline(byMs - nowMs(), [closing.signal], (signal) => saveWithin(seq, byMs, signal));

  async function saveWithin(seq: number, byMs: number, signal: AbortSignal): Promise<Saved> {
    let why = 'no time';
    for (let tries = 1; tries <= MAX_TRIES && !signal.aborted; tries++) {
      const taken = await toSave(byMs, lastSaved);
      if (!taken.ok) return { ok: false, why: taken.why };
      const { snapshot } = taken;
      reading.add(snapshot.folder);
      try {
        const saved = await send(snapshot, seq, signal);
        lastSaved = snapshot.mark;
        if (snapshot.skipped.length > 0) parts.onSkipped(snapshot.skipped);
        return saved;
      } catch (error) {
        why = signal.aborted ? `no time, after: ${why}` : messageOf(error);
        // It is spoiled for good.
        if (error instanceof FileChanged && held === snapshot) held = null;
        if (error instanceof Refused) break;
      } finally {
        reading.delete(snapshot.folder);
        if (held !== snapshot) drop(snapshot);
      }
      await sleep(RETRY_MS * tries, undefined, { signal }).catch(() => {});
    }
    return { ok: false, why };
  }

  async function send(snapshot: Snapshot, seq: number, signal: AbortSignal): Promise<Saved> {
    const entries = new Map<string, ManifestFile>();
    const sending = new Set<string>();
    let sentBytes = 0;
    await eachOf(snapshot.files, FILES_AT_ONCE, async (file) => {
      const before = known.get(file.path);
      if (before !== undefined && sameFile(before, file) && keyOf(contents, before.entry.sha256) === before.entry.key) {
        entries.set(file.path, { ...before.entry, mode: file.mode });
        return;
      }
      if (file.source === null) throw new Error(`${file.path} was saved, but its content is gone`);
      let mine = false;
      const sha256 = await parts.uploader.upload(
        { ...file, source: file.source },
        {
          keyOf: (digest) => keyFor(contents, seq, digest),
          has: (digest) => {
            if (keyOf(contents, digest) !== null || sending.has(digest)) return true;
            mine = true;
            sending.add(digest);
            return false;
          },
          signal,
        },
      );
      if (mine) {
        hasSent(contents, seq, sha256);
        sentBytes += file.bytes;
      }
      entries.set(file.path, entryOf(file, seq, sha256));
    });
    const manifest: Manifest = {
      format: 1,
      task: taskKey(task),
      fence,
      seq,
      files: snapshot.files.flatMap(({ path }) => entries.get(path) ?? []),
      emptyFolders: snapshot.emptyFolders,
    };
    const text = JSON.stringify(manifest);
    if (text.length > MAX_MANIFEST_TEXT) throw new Refused('the list of its files is too long');
    const key = manifestKey(task, fence, seq);
    willName(
      contents,
      seq,
      manifest.files.map((file) => file.key),
    );
    await parts.uploader.putText(key, text, 'application/json', signal);
    known.clear();
    for (const file of snapshot.files) {
      const entry = entries.get(file.path);
      if (entry !== undefined) known.set(file.path, { ...file, entry });
    }
    const doneMs = Math.max(0, Math.round(parts.doneMs + snapshot.takenMs - parts.startedMs));
    const { bytes, progress } = snapshot;
    return { ok: true, sentBytes, checkpoint: { fence, seq, manifest: key, bytes, progress, doneMs } };
  }

  const entryOf = (file: SnapshotFile, seq: number, sha256: string): ManifestFile => ({
    path: file.path,
    bytes: file.bytes,
    sha256,
    key: keyFor(contents, seq, sha256),
    mode: file.mode,
  });

  async function pruneNow(keep: readonly CheckpointRef[]): Promise<void> {
    const keys = prune(contents, keep);
    for (let at = 0; at < keys.length; at += MAX_KEYS) {
      const some = keys.slice(at, at + MAX_KEYS);
      await withDeadline(PRUNE_TIMEOUT_MS, [closing.signal], (signal) => parts.transfer.remove(some, signal));
      wereDeleted(contents, some);
    }
  }

  return {
    async marked() {
      if (closing.signal.aborted || nowMs() < nextSnapshotMs || taking !== null) return;
      await take().catch(() => {});
    },

    save: (seq, byMs) => inTurn(() => saveNow(seq, byMs)).catch((error) => ({ ok: false, why: messageOf(error) })),

    prune: (keep) => inTurn(() => pruneNow(keep)),

    async size() {
      const scanned = await scanFolder(parts.folder, parts.work);
      if (!scanned.ok) return null;
      let changedBytes = 0;
      for (const file of scanned.view.files.values()) {
        if (!sameFile(known.get(file.path), file)) changedBytes += file.bytes;
      }
      return { changedBytes, bytes: scanned.view.bytes };
    },

    async close() {
      closing.abort();
      await queue;
      await taking?.catch(() => {});
    },
  };
}

/** Trying again won't help. */
class Refused extends Error {}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
