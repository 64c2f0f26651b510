import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Checkpoints, createCheckpoints } from '../../../agent/tasks/checkpoint.js';
import { createMeter } from '../../../agent/tasks/meter.js';
import { createDownloader, type RestoredFile, readManifest, restoreFiles } from '../../../agent/tasks/restore.js';
import { createUploader } from '../../../agent/tasks/upload.js';
import { createTransfer, type Transfer } from '../../../aws/transfer.js';
import type { CheckpointRef } from '../../../core/tasks/task.js';
import { createS3, type S3 } from '../../../local/s3/service.js';
import { type Endpoint, startEndpoint } from '../../../local/wire/server.js';

export const BUCKET = 'tasks-bucket';

export interface Bucket {
  readonly s3: S3;
  readonly transfer: Transfer;
  readonly endpoint: Endpoint;
  readonly client: Parameters<typeof createTransfer>[0];
  keys(prefix?: string): string[];
  /** Requests so far by action. */
  requests(action: string): number;
  close(): Promise<void>;
}

/** A bucket of the local cloud's S3, and a client of it. */
export async function openBucket(): Promise<Bucket> {
  const directory = mkdtempSync(join(tmpdir(), 'synkti-bucket-'));
  const s3 = createS3({ directory });
  s3.createBucket(BUCKET);
  const endpoint = await startEndpoint({
    host: '127.0.0.1',
    port: 0,
    services: [s3.service],
    principalOf: (accessKeyId) => ({ kind: 'user', accessKeyId }),
  });
  const client = {
    region: 'us-east-1',
    endpoint: endpoint.url,
    bucket: BUCKET,
    credentials: async () => ({ accessKeyId: 'AKIATEST', secretAccessKey: 'secret' }),
  };
  const transfer = createTransfer(client);
  return {
    s3,
    transfer,
    endpoint,
    client,
    keys: (prefix = '') =>
      s3.objects().flatMap(({ bucket, key }) => (bucket === BUCKET && key.startsWith(prefix) ? [key] : [])),
    requests: (action) =>
      endpoint.history.counts().reduce((sum, one) => sum + (one.action === action ? one.count : 0), 0),
    async close() {
      transfer.close();
      await endpoint.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** One task's folders on a node, with the checkpoints of one execution. */
export interface Place {
  readonly root: string;
  readonly folder: string;
  readonly checkpoints: Checkpoints;
  readonly skipped: string[];
  write(path: string, content: string | Buffer): void;
  /** As a careful task does: a new file, put in the old one's place. */
  replace(path: string, content: string | Buffer): void;
  mark(progress?: number): void;
  close(): Promise<void>;
}

export const TASK = { id: 'train', run: 1 };

export interface PlaceOptions {
  readonly bucket: Bucket;
  readonly fence?: number;
  readonly restored?: { readonly files: readonly RestoredFile[]; readonly root: string };
  readonly transfer?: Transfer;
  readonly doneMs?: number;
}

export const newRoot = (): string => mkdtempSync(join(tmpdir(), 'synkti-task-'));

export function openPlace({
  bucket,
  fence = 1,
  restored,
  transfer = bucket.transfer,
  doneMs = 0,
}: PlaceOptions): Place {
  const root = restored?.root ?? newRoot();
  const folder = join(root, 'work', 'state');
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(root, 'mark'), { recursive: true });
  const skipped: string[] = [];
  const checkpoints = createCheckpoints({
    task: TASK,
    fence,
    folder,
    work: join(root, 'work'),
    markPath: join(root, 'mark', 'consistent'),
    staging: join(root, 'snapshots'),
    restored: restored?.files ?? [],
    doneMs,
    startedMs: performance.now(),
    uploader: createUploader(
      transfer,
      createMeter(
        () => performance.now(),
        () => {},
      ),
    ),
    transfer,
    nowMs: () => performance.now(),
    onSkipped: (paths) => skipped.push(...paths),
  });
  const put = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  };
  const replace = (path: string, content: string | Buffer): void => {
    put(`${path}.new`, content);
    renameSync(`${path}.new`, path);
  };
  return {
    root,
    folder,
    checkpoints,
    skipped,
    write: (path, content) => put(join(folder, path), content),
    replace: (path, content) => replace(join(folder, path), content),
    mark: (progress) =>
      replace(join(root, 'mark', 'consistent'), progress === undefined ? '' : `{"progress":${progress}}`),
    async close() {
      await checkpoints.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Saves, or fails the test. */
export async function saved(place: Place, seq: number, inMs = 10_000): Promise<CheckpointRef> {
  const outcome = await place.checkpoints.save(seq, performance.now() + inMs);
  if (!outcome.ok) throw new Error(outcome.why);
  return outcome.checkpoint;
}

/** Restores a checkpoint into a fresh place. */
export async function restored(bucket: Bucket, ref: CheckpointRef, task = `${TASK.id}.${TASK.run}`) {
  const downloader = createDownloader(
    bucket.transfer,
    createMeter(
      () => performance.now(),
      () => {},
    ),
  );
  const root = newRoot();
  const signal = AbortSignal.timeout(20_000);
  const manifest = await readManifest(downloader, task, ref, signal);
  const files = await restoreFiles(downloader, manifest, join(root, 'work', 'state'), signal);
  return { root, files, folder: join(root, 'work', 'state'), manifest };
}

/** Every file below a folder with its content. */
export function contents(folder: string, prefix = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(folder, prefix)).sort()) {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    if (statSync(join(folder, path)).isDirectory()) Object.assign(found, contents(folder, path));
    else found[path] = readFileSync(join(folder, path), 'latin1');
  }
  return found;
}
