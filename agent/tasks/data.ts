import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ObjectPage, Transfer } from '../../aws/transfer.js';
import { pathProblem } from '../../core/tasks/fields.js';
import { MAX_WARM, warmDigest } from '../../core/tasks/warmth.js';
import { withDeadline } from './deadline.js';
import { eachOf } from './gate.js';
import { Damaged, type Downloader } from './restore.js';

/**
 * Data that tasks read, `s3://bucket/prefix`, fetched once and kept under digests of its name: what stands there must
 * not change, changed data belongs under another name. What was used longest ago goes when the disk gets short.
 */
export interface DataCache {
  /** The folder with the data; `warm`: it was there. To be released. Rejects with one sentence. */
  acquire(url: string, signal: AbortSignal): Promise<{ readonly folder: string; readonly warm: boolean }>;
  release(url: string): void;
}

/** Part of the disk, and bytes, that stay free: what is more of the two, but no more than half of the disk. */
const FREE_SHARE = 0.1;
const FREE_BYTES = 5 * 1_073_741_824;
const MAX_OBJECTS = 100_000;
const PAGE_TIMEOUT_MS = 30_000;
const FILES_AT_ONCE = 16;

export interface DataCacheParts {
  readonly root: string;
  readonly transfer: Pick<Transfer, 'list'>;
  readonly downloader: Downloader;
  readonly onEvicted: (folder: string) => void;
  /** Of the disk; for tests. */
  readonly space?: () => Promise<{ readonly freeBytes: number; readonly bytes: number }>;
}

export function createDataCache(parts: DataCacheParts): DataCache {
  const { root, downloader } = parts;
  const space = parts.space ?? (() => spaceOf(root));
  const inUse = new Map<string, number>();
  const fetching = new Map<string, Promise<void>>();

  async function fetchInto(url: string, folder: string, signal: AbortSignal): Promise<void> {
    const { bucket, prefix } = placeOf(url);
    const objects = await listAll(parts.transfer, bucket, prefix, signal);
    if (objects.length === 0) throw new Damaged(`there is nothing under ${url}`);
    const bytes = objects.reduce((sum, one) => sum + one.bytes, 0);
    await makeRoom(bytes);
    const fresh = `${folder}.part`;
    await rm(fresh, { recursive: true, force: true });
    for (const parent of new Set(objects.map(({ path }) => dirname(path)))) {
      await mkdir(join(fresh, parent), { recursive: true });
    }
    await eachOf(objects, FILES_AT_ONCE, ({ key, path, bytes: size }) =>
      downloader.file({ bucket, key }, size, null, join(fresh, path), signal),
    );
    await rename(fresh, folder);
  }

  /** Makes room for so many bytes; what can't be freed is for the download to fail on. */
  async function makeRoom(bytes: number): Promise<void> {
    const candidates: { readonly folder: string; readonly usedMs: number }[] = [];
    for (const name of await readdir(root)) {
      const folder = join(root, name);
      if ((inUse.get(name.replace(/\.part$/, '')) ?? 0) > 0) continue;
      candidates.push({ folder, usedMs: (await stat(folder)).mtimeMs });
    }
    candidates.sort((a, b) => a.usedMs - b.usedMs || (a.folder < b.folder ? -1 : 1));
    for (const { folder } of candidates) {
      const { freeBytes, bytes: all } = await space();
      if (freeBytes - bytes >= Math.min(Math.max(all * FREE_SHARE, FREE_BYTES), all / 2)) return;
      await rm(folder, { recursive: true, force: true });
      parts.onEvicted(folder);
    }
  }

  return {
    async acquire(url, signal) {
      const name = cacheName(url);
      const folder = join(root, name);
      await mkdir(root, { recursive: true });
      inUse.set(name, (inUse.get(name) ?? 0) + 1);
      try {
        const warm = await isFolder(folder);
        if (!warm) {
          // Two tasks that need the same data fetch it once; one that gives up doesn't spoil it for the other.
          let under = fetching.get(name);
          if (under === undefined) {
            under = fetchInto(url, folder, signal).finally(() => fetching.delete(name));
            fetching.set(name, under);
          }
          await under;
        }
        const now = new Date();
        await utimes(folder, now, now);
        return { folder, warm };
      } catch (error) {
        this.release(url);
        throw error;
      }
    },

    release(url) {
      const name = cacheName(url);
      const users = (inUse.get(name) ?? 1) - 1;
      if (users <= 0) inUse.delete(name);
      else inUse.set(name, users);
    },
  };
}

export const dataDir = (stateDir: string): string => join(stateDir, 'data');

/** What others are told of it goes along, so that an agent that begins anew knows what it has. */
export const cacheName = (url: string): string =>
  `${createHash('sha256').update(url).digest('hex').slice(0, 32)}-${warmDigest(url)}`;

const CACHED = /^[0-9a-f]{32}-([0-9a-z]{1,7})$/;

/** Digests of the data that a former life of the agent left, what was used last first. */
export async function warmIn(root: string): Promise<readonly string[]> {
  const names = await readdir(root).catch(() => []);
  const found: { readonly digest: string; readonly usedMs: number }[] = [];
  for (const name of names) {
    const digest = CACHED.exec(name)?.[1];
    const seen = digest === undefined ? null : await stat(join(root, name)).catch(() => null);
    if (digest !== undefined && seen?.isDirectory() === true) found.push({ digest, usedMs: seen.mtimeMs });
  }
  found.sort((a, b) => b.usedMs - a.usedMs || (a.digest < b.digest ? -1 : 1));
  return found.slice(0, MAX_WARM).map(({ digest }) => digest);
}

export function placeOf(url: string): { readonly bucket: string; readonly prefix: string } {
  const rest = url.slice('s3://'.length);
  const slash = rest.indexOf('/');
  return slash < 0 ? { bucket: rest, prefix: '' } : { bucket: rest.slice(0, slash), prefix: rest.slice(slash + 1) };
}

interface DataObject {
  readonly key: string;
  /** Below the data's folder. */
  readonly path: string;
  readonly bytes: number;
}

async function listAll(
  transfer: Pick<Transfer, 'list'>,
  bucket: string,
  prefix: string,
  signal: AbortSignal,
): Promise<DataObject[]> {
  const found: DataObject[] = [];
  for (let after: string | null = null; ; ) {
    const from: string | null = after;
    const page: ObjectPage = await withDeadline(PAGE_TIMEOUT_MS, [signal], (timed) =>
      transfer.list(bucket, prefix, from, timed),
    );
    for (const { key, bytes } of page.objects) {
      // Folders that the console makes.
      if (key.endsWith('/')) continue;
      const path = pathBelow(key, prefix);
      // `model-2` isn't part of `model`.
      if (path === null) continue;
      const problem = pathProblem(path);
      if (problem !== null) throw new Damaged(`the key ${JSON.stringify(key.slice(0, 100))} in ${bucket} ${problem}`);
      if (found.length >= MAX_OBJECTS) throw new Damaged(`there are more than ${MAX_OBJECTS} objects`);
      found.push({ key, path, bytes });
    }
    after = page.objects.at(-1)?.key ?? null;
    if (!page.more || after === null) return found;
  }
}

/** Null: it isn't below. A prefix that is an object itself gives one file of that name. */
export function pathBelow(key: string, prefix: string): string | null {
  if (prefix === '' || prefix.endsWith('/')) return key.slice(prefix.length);
  if (key === prefix) return key.slice(key.lastIndexOf('/') + 1);
  return key.startsWith(`${prefix}/`) ? key.slice(prefix.length + 1) : null;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (seen) => seen.isDirectory(),
    () => false,
  );
}

async function spaceOf(path: string): Promise<{ freeBytes: number; bytes: number }> {
  const { bavail, blocks, bsize } = await statfs(path);
  return { freeBytes: bavail * bsize, bytes: blocks * bsize };
}
