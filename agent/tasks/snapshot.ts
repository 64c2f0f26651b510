import { linkSync, lstatSync, realpathSync } from 'node:fs';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises';
import { type FileView, type FolderView, sameFile, scanFolder, viewOf } from './scan.js';

/**
 * One moment of a checkpoint folder, while its task goes on. Changed files are linked into a folder of our own, which
 * costs no copy and keeps their content where the task replaces them by renaming; a file that is changed in place is
 * noticed by its time, and spoils the snapshot.
 *
 * A task that replaces its mark says when the folder is consistent. Then nothing in the folder may be newer than the mark,
 * or the task has gone on since. Without a mark, the folder must not change while the snapshot is taken.
 */
export interface Snapshot {
  readonly files: readonly SnapshotFile[];
  readonly emptyFolders: readonly string[];
  readonly bytes: number;
  /** As the mark said. */
  readonly progress: number | null;
  /** The moment that it stands for, on the monotonic clock: the mark's, or when it was taken. */
  readonly takenMs: number;
  /** Identity of the mark that it stands for; null: no mark. */
  readonly mark: string | null;
  readonly skipped: readonly string[];
  /** Where the linked files lie; to be removed. */
  readonly folder: string;
}

export interface SnapshotFile extends FileView {
  /** Where its content is; null: unchanged since `known`. */
  readonly source: string | null;
}

export type Taken =
  | { readonly ok: true; readonly snapshot: Snapshot }
  /** `torn`: another try may succeed. */
  | { readonly ok: false; readonly why: string; readonly torn: boolean };

export interface SnapshotParts {
  /** The checkpoint folder, the task's working folder that it lies in, and the mark. */
  readonly root: string;
  readonly work: string;
  readonly markPath: string;
  /** To be made; nothing is there yet. */
  readonly folder: string;
  /** Files whose content is saved already. */
  readonly known: ReadonlyMap<string, FileView>;
  readonly nowMs: () => number;
}

/** Two writes within one tick of a file system's clock look like one: a file so young is looked at again. */
const TICK_MS = 20;
const TICK_NS = 20_000_000n;
const MAX_MARK_BYTES = 4_096;
/**
 * Files that are linked or looked at in one go. What was just scanned is in memory, so that waiting for each would cost
 * ten times the act itself.
 */
const BATCH = 64;

export async function takeSnapshot(parts: SnapshotParts): Promise<Taken> {
  try {
    const taken = await take(parts);
    if (!taken.ok) await rm(parts.folder, { recursive: true, force: true });
    return taken;
  } catch (error) {
    await rm(parts.folder, { recursive: true, force: true }).catch(() => {});
    return { ok: false, why: `no snapshot: ${(error as Error).message}`, torn: isGone(error) };
  }
}

async function take(parts: SnapshotParts): Promise<Taken> {
  const { root, work } = parts;
  const mark = await readMark(parts.markPath);
  const markAgeMs = mark === null ? 0 : Math.max(0, Date.now() - Number(mark.modifiedNs / 1_000_000n));
  const takenMs = parts.nowMs() - markAgeMs;
  const scanned = await scanFolder(root, work);
  if (!scanned.ok) return { ok: false, why: scanned.problem, torn: scanned.gone };
  const newer = mark === null ? null : newerThan(scanned.view, mark);
  if (newer !== null) return torn(`${newer} is newer than the mark`);
  const chosen = [...scanned.view.files.values()];
  await mkdir(parts.folder, { recursive: true });
  const linked = await linkAll(parts, chosen);
  if (linked === null) return torn('a file went away meanwhile');
  const oldEnoughNs = BigInt(Date.now()) * 1_000_000n - TICK_NS;
  if (chosen.some(({ modifiedNs }) => modifiedNs > oldEnoughNs)) await sleep(TICK_MS);
  for (const [index, file] of linked.entries()) {
    if (index % BATCH === BATCH - 1) await breathe();
    if (file.source === null) continue;
    if (!sameFile(viewOf(file.path, lstatSync(file.source, { bigint: true })), file)) {
      return torn(`${file.path} changed meanwhile`);
    }
  }
  // With a mark: replaced in the meantime, but all files of its moment are linked by now.
  if (mark === null && !(await isStill(parts, scanned.view))) return torn('files changed meanwhile');
  return {
    ok: true,
    snapshot: {
      files: linked,
      emptyFolders: scanned.view.emptyFolders,
      bytes: linked.reduce((sum, { bytes }) => sum + bytes, 0),
      progress: mark?.progress ?? null,
      takenMs,
      mark: mark?.identity ?? null,
      skipped: scanned.view.skipped,
      folder: parts.folder,
    },
  };
}

const torn = (why: string): Taken => ({ ok: false, why, torn: true });

interface Mark {
  readonly identity: string;
  readonly modifiedNs: bigint;
  readonly progress: number | null;
}

/** Null: the task has set none. */
export async function readMark(path: string): Promise<Mark | null> {
  try {
    const seen = await stat(path, { bigint: true });
    const text = seen.size > MAX_MARK_BYTES ? '' : await readFile(path, 'utf8');
    return { identity: `${seen.ino}:${seen.mtimeNs}`, modifiedNs: seen.mtimeNs, progress: progressIn(text) };
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** `{"progress": 0.5}` or `0.5`; anything else says nothing. */
export function progressIn(text: string): number | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const progress = typeof value === 'object' && value !== null ? (value as { progress?: unknown }).progress : value;
  return typeof progress === 'number' && progress >= 0 && progress <= 1 ? progress : null;
}

/** What is newer than the mark: then the folder has gone on since, and nobody knows how far. Null: nothing is. */
function newerThan(view: FolderView, mark: Mark): string | null {
  for (const { path, modifiedNs } of view.files.values()) if (modifiedNs > mark.modifiedNs) return path;
  for (const [path, changedNs] of view.folders) if (changedNs > mark.modifiedNs) return `${path}/`;
  return null;
}

/** Null: a file isn't any more what it was. */
async function linkAll(parts: SnapshotParts, files: readonly FileView[]): Promise<SnapshotFile[] | null> {
  const out: SnapshotFile[] = [];
  for (const [index, file] of files.entries()) {
    if (sameFile(parts.known.get(file.path), file)) {
      out.push({ ...file, source: null });
      continue;
    }
    if (index % BATCH === BATCH - 1) await breathe();
    const source = join(parts.folder, String(index));
    const path = join(parts.root, file.path);
    try {
      // Behind a link lies a file of the same folder: the scan has seen to that. What it is now is looked at later.
      linkSync(file.linked === true ? realpathSync(path) : path, source);
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
    out.push({ ...file, source });
  }
  return out;
}

async function isStill(parts: SnapshotParts, before: FolderView): Promise<boolean> {
  const after = await scanFolder(parts.root, parts.work);
  if (!after.ok || after.view.files.size !== before.files.size) return false;
  if (after.view.emptyFolders.join('\0') !== before.emptyFolders.join('\0')) return false;
  for (const [path, file] of before.files) if (!sameFile(after.view.files.get(path), file)) return false;
  return true;
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
