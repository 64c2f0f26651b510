import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { mkdir, open, readFile, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Transfer } from '../../aws/transfer.js';
import type { LogFields, LogLevel } from '../../core/node/port.js';
import { MAX_TAIL } from '../../core/tasks/parse.js';
import type { WorkerEvent } from '../../core/tasks/port.js';
import { type CheckpointRef, type TaskSpec, taskKey } from '../../core/tasks/task.js';
import type { WallMs } from '../../core/time.js';
import type { Engine } from '../drivers/docker-engine.js';
import { leftoversOf } from '../drivers/leftovers.js';
import { exchange } from '../http-client.js';
import { type Checkpoints, createCheckpoints, type Saved } from './checkpoint.js';
import { startContainer } from './container.js';
import type { DataCache } from './data.js';
import { type Begun, type Program, startProcess } from './program.js';
import { type Downloader, type RestoredFile, readManifest, restoreFiles } from './restore.js';
import { readMark } from './snapshot.js';
import type { Uploader } from './upload.js';

/**
 * One execution of a task on this node:
 *
 *     preparing (data, checkpoint) -> running -> ended;  any -> dropped
 *
 * Its folders lie in `<state dir>/tasks/<id>.<run>.<fence>`: `work`, where the program runs and its checkpoint folder
 * lies; `mark`, for the file by which it says that the checkpoint folder is consistent; `data`; `task.log`.
 */
export interface Execution {
  readonly spec: TaskSpec;
  readonly fence: number;
  tell(deadlineMs: WallMs): Promise<void>;
  stop(graceMs: number): void;
  save(seq: number, byMs: number): Promise<Saved>;
  prune(keep: readonly CheckpointRef[]): Promise<void>;
  /** The whole output that is kept. */
  log(): Promise<Buffer>;
  /** Looks at the folder's size more often. */
  setAttentive(attentive: boolean): void;
  readonly running: boolean;
  /** Ends everything and removes the folders. */
  drop(): Promise<void>;
}

export interface ExecutionParts {
  readonly spec: TaskSpec;
  readonly fence: number;
  readonly restore: CheckpointRef | null;
  readonly stateDir: string;
  /** What every workload of this node is told of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Of the workload, for all its tasks. */
  readonly workloadEnvironment: Readonly<Record<string, string>>;
  readonly engine: () => Engine;
  readonly uploader: Uploader;
  readonly downloader: Downloader;
  readonly transfer: Pick<Transfer, 'remove'>;
  readonly data: DataCache;
  readonly nowMs: () => number;
  readonly log: (level: LogLevel, code: string, fields: LogFields) => void;
  readonly onEvent: (event: WorkerEvent) => void;
}

const SIZE_MS = 10_000;
const ATTENTIVE_SIZE_MS = 1_000;
/** A look at a large folder takes at most this part of the time. */
const SIZE_SHARE = 20;
const HOOK_TIMEOUT_MS = 2_000;
/** Where a container finds its folders. */
const IN_CONTAINER = { checkpoint: '/synkti/checkpoint', mark: '/synkti/mark', data: '/synkti/data' };
const MARK_NAME = 'consistent';

export const executionsDir = (stateDir: string): string => join(stateDir, 'tasks');

/** Ends what a former life of the agent left, and removes its folders. Returns how many there were. */
export async function endLeftovers(stateDir: string): Promise<number> {
  const root = executionsDir(stateDir);
  let names: string[];
  try {
    names = readdirSync(root);
  } catch {
    return 0;
  }
  for (const name of names) {
    leftoversOf(join(root, name), 'task').end();
    await rm(join(root, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
  return names.length;
}

export function startExecution(parts: ExecutionParts): Execution {
  const { spec, fence, log, nowMs } = parts;
  const task = taskKey(spec);
  const root = join(executionsDir(parts.stateDir), `${task}.${fence}`);
  const place = {
    work: join(root, 'work'),
    folder: join(root, 'work', spec.checkpoint?.folder ?? '.'),
    mark: join(root, 'mark', MARK_NAME),
    data: join(root, 'data'),
    log: join(root, 'task.log'),
  };
  const giveUp = new AbortController();
  const acquired: string[] = [];
  let program: Program | null = null;
  let checkpoints: Checkpoints | null = null;
  let stopGraceMs: number | null = null;
  let attentive = false;
  let over = false;
  let watcher: FSWatcher | null = null;
  let sizeTimer: NodeJS.Timeout | undefined;
  let lastMark: string | null = null;
  let overMemory = false;

  async function live(): Promise<void> {
    let problem: string | null = null;
    try {
      problem = await run();
    } catch (error) {
      problem = messageOf(error);
    }
    if (problem !== null) await ended({ exitCode: null, signal: null, problem });
  }

  /** Null: it ended by itself, and that was told. */
  async function run(): Promise<string | null> {
    await rm(root, { recursive: true, force: true });
    await mkdir(join(root, 'mark'), { recursive: true });
    await mkdir(place.work, { recursive: true });
    const folders: string[] = [];
    let warm = true;
    for (const url of spec.data) {
      const got = await parts.data.acquire(url, giveUp.signal);
      acquired.push(url);
      folders.push(got.folder);
      warm &&= got.warm;
    }
    let restored: readonly RestoredFile[] = [];
    if (parts.restore !== null) {
      const manifest = await readManifest(parts.downloader, task, parts.restore, giveUp.signal);
      restored = await restoreFiles(parts.downloader, manifest, place.folder, giveUp.signal);
    }
    await mkdir(place.folder, { recursive: true });
    if (giveUp.signal.aborted) return 'it was stopped before it began';
    const begun = await begin(folders);
    if (!begun.ok) return begun.problem;
    program = begun.program;
    if (stopGraceMs !== null) program.stop(stopGraceMs);
    if (spec.checkpoint !== null) {
      checkpoints = createCheckpoints({
        task: spec,
        fence,
        folder: place.folder,
        work: place.work,
        markPath: place.mark,
        staging: join(root, 'snapshots'),
        restored,
        doneMs: parts.restore?.doneMs ?? 0,
        startedMs: nowMs(),
        uploader: parts.uploader,
        transfer: parts.transfer,
        nowMs,
        onSkipped: (paths) => log('warn', 'checkpoint-skipped', { task, files: paths.join(' ').slice(0, 300) }),
      });
      watchMark();
    }
    log('info', 'task-started', { task, fence, warm, restored: parts.restore?.manifest ?? null });
    parts.onEvent({ type: 'task-started', task, fence });
    scheduleSize(0);
    await ended(await begun.program.ended);
    return null;
  }

  async function begin(folders: readonly string[]): Promise<Begun> {
    const { work } = spec;
    const inside = work.kind === 'container';
    const environment = {
      ...parts.environment,
      ...parts.workloadEnvironment,
      ...spec.environment,
      SYNKTI_TASK_ID: spec.id,
      SYNKTI_RUN: String(spec.run),
      SYNKTI_FENCE: String(fence),
      ...(spec.checkpoint === null
        ? {}
        : {
            SYNKTI_CHECKPOINT_DIR: inside ? IN_CONTAINER.checkpoint : place.folder,
            SYNKTI_CHECKPOINT_MARK: inside ? `${IN_CONTAINER.mark}/${MARK_NAME}` : place.mark,
          }),
      ...(folders.length === 0 ? {} : { SYNKTI_DATA_DIR: inside ? IN_CONTAINER.data : place.data }),
    };
    if (work.kind === 'process') {
      if (folders.length > 0) await mkdir(place.data);
      for (const [index, folder] of folders.entries()) await symlink(folder, join(place.data, String(index)));
      return startProcess({
        command: work.command,
        cwd: place.work,
        environment: { ...process.env, ...environment },
        logPath: place.log,
        stateDir: root,
      });
    }
    return startContainer(parts.engine(), {
      name: `synkti-task-${task}.${fence}`,
      task,
      image: work.image,
      args: work.args,
      gpus: work.gpus,
      memoryMiB: spec.memoryMiB,
      environment,
      mounts: [
        ...(spec.checkpoint === null
          ? []
          : [
              { source: place.folder, target: IN_CONTAINER.checkpoint, readOnly: false },
              { source: join(root, 'mark'), target: IN_CONTAINER.mark, readOnly: false },
            ]),
        ...folders.map((source, index) => ({ source, target: `${IN_CONTAINER.data}/${index}`, readOnly: true })),
      ],
      logPath: place.log,
      signal: giveUp.signal,
    });
  }

  async function ended(end: { exitCode: number | null; signal: string | null; problem: string | null }): Promise<void> {
    // A last mark may have been set on the way out.
    await lookAtMark();
    over = true;
    watcher?.close();
    watcher = null;
    clearTimeout(sizeTimer);
    const { tail, longLog } = await tailOf(place.log);
    for (const url of acquired.splice(0)) parts.data.release(url);
    parts.onEvent({ type: 'task-ended', task, fence, ...end, tail, longLog });
  }

  function watchMark(): void {
    try {
      watcher = watch(join(root, 'mark'), () => void lookAtMark());
      watcher.on('error', () => {});
    } catch {
      // No watches left on this machine: the look at the folder's size sees the mark too.
    }
  }

  async function lookAtMark(): Promise<void> {
    if (over || checkpoints === null) return;
    const mark = await readMark(place.mark).catch(() => null);
    if (mark === null || mark.identity === lastMark) return;
    lastMark = mark.identity;
    // First the snapshot: the task goes on writing.
    await checkpoints.marked();
    if (!over) parts.onEvent({ type: 'task-marked', task, fence, progress: mark.progress });
  }

  function scheduleSize(delayMs: number): void {
    clearTimeout(sizeTimer);
    if (!over) sizeTimer = setTimeout(() => void lookAtSize(), delayMs);
  }

  async function lookAtSize(): Promise<void> {
    const began = nowMs();
    await lookAtMark();
    const size = (await checkpoints?.size()) ?? null;
    if (size !== null && !over) parts.onEvent({ type: 'task-size', task, fence, ...size });
    await lookAtMemory();
    scheduleSize(Math.max(attentive ? ATTENTIVE_SIZE_MS : SIZE_MS, (nowMs() - began) * SIZE_SHARE));
  }

  async function lookAtMemory(): Promise<void> {
    const bytes = (await program?.memoryBytes()) ?? null;
    const isOver = bytes !== null && bytes > spec.memoryMiB * 1_048_576;
    if (isOver && !overMemory) {
      log('warn', 'task-over-memory', { task, memoryMiB: Math.round(bytes / 1_048_576), limitMiB: spec.memoryMiB });
    }
    overMemory = isOver;
  }

  let life: Promise<void> = live();

  return {
    spec,
    fence,

    async tell(deadlineMs) {
      const notify = spec.checkpoint?.notify ?? { by: 'none' };
      if (program === null || over || notify.by === 'none') return;
      const why = notify.by === 'signal' ? await program.tell() : await callHook(program, notify.url, task, deadlineMs);
      if (why !== null) log('warn', 'task-not-told', { task, by: notify.by, why });
    },

    stop(graceMs) {
      stopGraceMs = Math.min(stopGraceMs ?? graceMs, graceMs);
      if (program === null) giveUp.abort();
      else program.stop(stopGraceMs);
    },

    async save(seq, byMs) {
      if (checkpoints === null) return { ok: false, why: 'it has no checkpoint folder, or has not started' };
      return checkpoints.save(seq, byMs);
    },

    prune: async (keep) => checkpoints?.prune(keep),

    async log() {
      const pieces = await Promise.all(
        [`${place.log}.1`, place.log].map((path) => readFile(path).catch(() => Buffer.alloc(0))),
      );
      return Buffer.concat(pieces);
    },

    setAttentive(next) {
      if (next === attentive) return;
      attentive = next;
      if (program !== null) scheduleSize(0);
    },

    get running() {
      return !over;
    },

    async drop() {
      giveUp.abort();
      program?.stop(0);
      await life;
      life = Promise.resolve();
      await checkpoints?.close();
      await rm(root, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
    },
  };
}

/** Null: it was told. */
async function callHook(program: Program, url: string, task: string, deadlineMs: WallMs): Promise<string | null> {
  const { port, pathname, search } = new URL(url);
  const { status, problem } = await exchange({
    host: await program.host(),
    port: Number(port === '' ? 80 : port),
    path: `${pathname}${search}`,
    method: 'POST',
    body: JSON.stringify({ task, deadlineMs }),
    timeoutMs: HOOK_TIMEOUT_MS,
    maxBytes: 65_536,
  });
  return status >= 200 && status < 300 ? null : (problem ?? `it answered ${status}`);
}

/** The last characters of an output. */
async function tailOf(path: string): Promise<{ tail: string; longLog: boolean }> {
  const last = await lastBytes(path);
  const earlier = last.whole ? (await lastBytes(`${path}.1`)).bytes : Buffer.alloc(0);
  const text = Buffer.concat([earlier, last.bytes])
    .toString('utf8')
    .replace(/^\ufffd+/, '');
  return { tail: text.slice(-MAX_TAIL), longLog: !last.whole || earlier.length > 0 };
}

async function lastBytes(path: string): Promise<{ bytes: Buffer; whole: boolean }> {
  try {
    const { size } = await stat(path);
    const length = Math.min(size, MAX_TAIL);
    const handle = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await handle.read(buffer, 0, length, size - length);
      return { bytes: buffer.subarray(0, bytesRead), whole: size <= MAX_TAIL };
    } finally {
      await handle.close();
    }
  } catch {
    return { bytes: Buffer.alloc(0), whole: true };
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
