/** Where a node's files lie on this system. They are the same for all nodes, so there is one copy of each. */
import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import type { Fetch, NodePlan } from './user-data.js';

export const nodeFilesDir = (runDir: string): string => join(runDir, 'node-files');

/** Folder of what a fetch brings; another object has another. */
export const folderOf = (directory: string, { bucket, key }: Fetch): string =>
  join(directory, createHash('sha256').update(`${bucket}/${key}`).digest('hex').slice(0, 16));

/** Path of the file itself, for a fetch of kind `file`. */
export const fileOf = (directory: string, fetch: Fetch): string =>
  join(folderOf(directory, fetch), fetch.path.split('/').at(-1) ?? 'file');

/** Where a path of a node is here; null: the user data doesn't put anything there. */
export function hereOf(plan: NodePlan, path: string, directory: string): string | null {
  if (plan.nodeLinks.includes(path)) return process.execPath;
  if (!isAbsolute(path)) return null;
  for (const fetch of plan.fetches) {
    if (fetch.kind === 'file' && fetch.path === path) return fileOf(directory, fetch);
    const root = fetch.kind === 'folder' ? fetch.path : plan.unpacked.get(fetch.path);
    if (root === undefined) continue;
    const base = root.replace(/\/+$/, '');
    if (path === base || path.startsWith(`${base}/`)) return join(folderOf(directory, fetch), path.slice(base.length));
  }
  return null;
}
