import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { classify } from '../../aws/errors.js';
import type { ObjectName, Transfer } from '../../aws/transfer.js';
import { MAX_MANIFEST_TEXT, parseManifest } from '../../core/tasks/parse.js';
import type { CheckpointRef, Manifest, ManifestFile } from '../../core/tasks/task.js';
import { withDeadline } from './deadline.js';
import { createGate, eachOf, type Gate } from './gate.js';
import type { BandwidthMeter } from './meter.js';
import { type FileView, viewOf } from './scan.js';

/**
 * Brings objects from S3 into files: in parallel, large ones by ranges, memory bounded by one gate for the node. What is
 * no good (a wrong digest, a missing object) is said at once; what may pass (no answer, throttling) is tried again.
 */
export interface Downloader {
  text(key: string, maxBytes: number, signal: AbortSignal): Promise<string>;
  /** Into a new file; rejects with {@link Damaged} when it isn't of that length, or that digest (null: any). */
  file(from: ObjectName, bytes: number, sha256: string | null, path: string, signal: AbortSignal): Promise<void>;
}

export interface RestoredFile {
  readonly entry: ManifestFile;
  readonly view: FileView;
}

export class Damaged extends Error {
  override readonly name = 'Damaged';
}

const PART_BYTES = 8 * 1_048_576;
const MAX_REQUESTS = 16;
const MAX_BYTES = 64 * 1_048_576;
const FILES_AT_ONCE = 16;
/** Tries of one request, with pauses that double: about half a minute. */
const MAX_TRIES = 7;
const FIRST_PAUSE_MS = 250;
const REQUEST_TIMEOUT_MS = 60_000;

export function createDownloader(transfer: Pick<Transfer, 'get'>, meter: BandwidthMeter): Downloader {
  const gate: Gate = createGate(MAX_REQUESTS, MAX_BYTES);

  async function get(
    from: ObjectName,
    range: { first: number; last: number } | null,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Buffer> {
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      const held = Math.min(maxBytes, PART_BYTES);
      await gate.enter(held);
      try {
        return await withDeadline(REQUEST_TIMEOUT_MS, [signal], (timed) =>
          meter.during(range === null ? 0 : maxBytes, () => transfer.get(from, range, maxBytes, timed)),
        );
      } catch (error) {
        signal.throwIfAborted();
        const { kind, code, message } = classify(error);
        if (kind === 'not-found') throw new Damaged(`${from.key} isn't there`);
        if (code === 'TooLong') throw new Damaged(`${from.key} is too long`);
        if (tries >= MAX_TRIES || kind === 'configuration') throw new Error(`${from.key}: ${code}: ${message}`);
      } finally {
        gate.leave(held);
      }
      await sleep(FIRST_PAUSE_MS * 2 ** (tries - 1), undefined, { signal });
    }
  }

  return {
    text: async (key, maxBytes, signal) => (await get({ bucket: null, key }, null, maxBytes, signal)).toString('utf8'),

    async file(from, bytes, sha256, path, signal) {
      const wrong = () => new Damaged(`${from.key} isn't what it should be: another length or digest`);
      if (bytes <= PART_BYTES) {
        const body = bytes === 0 ? Buffer.alloc(0) : await get(from, { first: 0, last: bytes - 1 }, bytes, signal);
        if (body.length !== bytes || (sha256 !== null && digest(body) !== sha256)) throw wrong();
        await writeFile(path, body, { flag: 'wx' });
        return;
      }
      const handle = await open(path, 'wx+');
      try {
        const starts = Array.from({ length: Math.ceil(bytes / PART_BYTES) }, (_, at) => at * PART_BYTES);
        await eachOf(starts, MAX_REQUESTS, async (first) => {
          const length = Math.min(PART_BYTES, bytes - first);
          const body = await get(from, { first, last: first + length - 1 }, length, signal);
          if (body.length !== length) throw wrong();
          await handle.write(body, 0, length, first);
        });
        if (sha256 === null) return;
        const hash = createHash('sha256');
        for await (const chunk of handle.createReadStream({ start: 0, autoClose: false })) hash.update(chunk as Buffer);
        if (hash.digest('hex') !== sha256) throw wrong();
      } finally {
        await handle.close();
      }
    },
  };
}

/** @throws Damaged */
export async function readManifest(downloader: Downloader, task: string, ref: CheckpointRef, signal: AbortSignal) {
  const parsed = parseManifest(await downloader.text(ref.manifest, MAX_MANIFEST_TEXT, signal));
  if (!parsed.ok) throw new Damaged(parsed.problem);
  const { fence, seq } = parsed.value;
  if (!isRunOf(parsed.value.task, task) || fence !== ref.fence || seq !== ref.seq) {
    throw new Damaged(`${ref.manifest} is the manifest of ${parsed.value.task} ${fence}/${seq}`);
  }
  return parsed.value;
}

/** The same run, or one before: a retry goes on from there. */
function isRunOf(found: string, task: string): boolean {
  const [id, run] = split(found);
  const [ownId, ownRun] = split(task);
  return id === ownId && run <= ownRun;
}

function split(task: string): readonly [id: string, run: number] {
  const dot = task.lastIndexOf('.');
  return [task.slice(0, dot), Number(task.slice(dot + 1))];
}

/** Fills a fresh folder beside `folder`, and puts it in its place when it is whole. */
export async function restoreFiles(
  downloader: Downloader,
  manifest: Manifest,
  folder: string,
  signal: AbortSignal,
): Promise<RestoredFile[]> {
  const fresh = `${folder}.restoring`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  for (const path of new Set([...manifest.files.map((file) => dirname(file.path)), ...manifest.emptyFolders])) {
    await mkdir(join(fresh, path), { recursive: true });
  }
  await eachOf(manifest.files, FILES_AT_ONCE, async ({ path, bytes, sha256, key, mode }) => {
    await downloader.file({ bucket: null, key }, bytes, sha256, join(fresh, path), signal);
    await chmod(join(fresh, path), mode);
  });
  await rm(folder, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  await rename(fresh, folder);
  return Promise.all(
    manifest.files.map(async (entry) => ({
      entry,
      view: viewOf(entry.path, await lstat(join(folder, entry.path), { bigint: true })),
    })),
  );
}

const digest = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
