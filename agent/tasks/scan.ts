import { type BigIntStats, constants } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pathProblem } from '../../core/tasks/fields.js';
import { MAX_FILES } from '../../core/tasks/parse.js';

/**
 * What lies in a checkpoint folder. A task writes it, so nothing of it is believed: a link that leads out would put
 * somebody else's files into the bucket, and so refuses the whole folder.
 */
export interface FileView {
  /** Relative, with `/`. */
  readonly path: string;
  readonly bytes: number;
  readonly modifiedNs: bigint;
  readonly inode: bigint;
  readonly mode: number;
  /** It is reached by a link within the folder. */
  readonly linked?: boolean;
}

export interface FolderView {
  readonly files: ReadonlyMap<string, FileView>;
  /** When each folder's names changed last; the folder itself is ''. */
  readonly folders: ReadonlyMap<string, bigint>;
  /** Those in which nothing lies that could be saved, in order. */
  readonly emptyFolders: readonly string[];
  readonly bytes: number;
  /** Special files, which hold no state. */
  readonly skipped: readonly string[];
}

export type Scanned =
  | { readonly ok: true; readonly view: FolderView }
  /** `gone`: something went away meanwhile, so that the next look may be better. */
  | { readonly ok: false; readonly problem: string; readonly gone: boolean };

const MAX_DEPTH = 64;
/** Looks at so many names at once. */
const BATCH = 32;
const MAX_SKIPPED = 20;

/** Files of `root`, which must lie in `inside`. */
export async function scanFolder(root: string, inside: string): Promise<Scanned> {
  const files = new Map<string, FileView>();
  const folders = new Map<string, bigint>();
  const skipped: string[] = [];
  /** Folders that hold a file or a folder. */
  const used = new Set<string>(['']);
  let bytes = 0;

  async function look(prefix: string, depth: number): Promise<void> {
    const place = prefix === '' ? root : join(root, prefix);
    if (folders.size > MAX_FILES) throw new Refused(`the checkpoint folder has more than ${MAX_FILES} folders`);
    folders.set(prefix, (await lstat(place, { bigint: true })).mtimeNs);
    const names = (await readdir(place)).sort();
    for (let at = 0; at < names.length; at += BATCH) {
      await Promise.all(names.slice(at, at + BATCH).map((name) => take(prefix, name, depth)));
    }
  }

  async function take(prefix: string, name: string, depth: number): Promise<void> {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    const problem = pathProblem(path);
    if (problem !== null) throw new Refused(`the checkpoint folder has a file whose name ${problem}: ${show(path)}`);
    const seen = await lstat(join(root, path), { bigint: true });
    if (seen.isDirectory()) {
      if (depth >= MAX_DEPTH) throw new Refused(`the checkpoint folder is deeper than ${MAX_DEPTH} folders`);
      used.add(prefix);
      await look(path, depth + 1);
      return;
    }
    const found = seen.isSymbolicLink() ? await behindLink(path) : seen;
    if (!found.isFile()) {
      if (skipped.length < MAX_SKIPPED) skipped.push(path);
      return;
    }
    if (files.size >= MAX_FILES) throw new Refused(`the checkpoint folder has more than ${MAX_FILES} files`);
    const view = seen === found ? viewOf(path, found) : { ...viewOf(path, found), linked: true };
    files.set(path, view);
    used.add(prefix);
    bytes += view.bytes;
  }

  /** A link to a file of the same folder is saved as that file. */
  async function behindLink(path: string): Promise<BigIntStats> {
    const target = await realpath(join(root, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ELOOP') throw error;
      throw new Refused(`the checkpoint folder has a link that leads nowhere: ${show(path)}`);
    });
    if (!isWithin(target, await realpath(root))) {
      throw new Refused(`the checkpoint folder has a link that leads out of it: ${show(path)}`);
    }
    const found = await stat(target, { bigint: true });
    if (found.isDirectory()) throw new Refused(`the checkpoint folder has a link to a folder: ${show(path)}`);
    return found;
  }

  try {
    if (!isWithin(await realpath(root), await realpath(inside))) {
      throw new Refused("the checkpoint folder leads out of the task's working folder");
    }
    await look('', 0);
    const emptyFolders = [...folders.keys()].filter((path) => !used.has(path)).sort();
    return { ok: true, view: { files, folders, emptyFolders, bytes, skipped } };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, problem: error.message, gone: false };
    const { code, message } = error as NodeJS.ErrnoException;
    const gone = code === 'ENOENT' || code === 'ENOTDIR';
    return { ok: false, problem: `the checkpoint folder can't be read: ${message}`, gone };
  }
}

export function viewOf(path: string, found: BigIntStats): FileView {
  return {
    path,
    bytes: Number(found.size),
    modifiedNs: found.mtimeNs,
    inode: found.ino,
    mode: Number(found.mode) & 0o777,
  };
}

/** The same content, as far as can be told without reading it. */
export const sameFile = (a: FileView | undefined, b: FileView | undefined): boolean =>
  a !== undefined && b !== undefined && a.bytes === b.bytes && a.modifiedNs === b.modifiedNs && a.inode === b.inode;

/** Opens a file that must not be a link by now. */
export const openPlain = (path: string) => open(path, constants.O_RDONLY | constants.O_NOFOLLOW);

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}${sep}`);

const show = (path: string): string => JSON.stringify(path.slice(0, 100));

class Refused extends Error {}
