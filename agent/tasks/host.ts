import type { Store } from '../../aws/store.js';
import type { Transfer } from '../../aws/transfer.js';
import type { Address, WorkloadHealth } from '../../core/gossip/member.js';
import type { HeldTask, LogFields, LogLevel } from '../../core/node/port.js';
import { parseNote, writeNote } from '../../core/tasks/note.js';
import type { Note, StoreCall, WorkerEffect, WorkerEvent } from '../../core/tasks/port.js';
import type { CheckpointRef, TaskSpec } from '../../core/tasks/task.js';
import type { Context } from '../../core/time.js';
import type { Engine } from '../drivers/docker-engine.js';
import type { Brain, BrainView } from './brain.js';
import { createDataCache, dataDir } from './data.js';
import { withDeadline } from './deadline.js';
import { type Execution, startExecution } from './execution.js';
import { createMeter } from './meter.js';
import { createDownloader } from './restore.js';
import { createUploader } from './upload.js';

/**
 * Runs the worker of this node beside its brain: hands it events one at a time, carries out what it asks for, and wakes it
 * at its next deadline.
 */
export interface TasksHost {
  push(event: WorkerEvent): void;
  /** A peer's note; false: nobody answers it. */
  noted(connection: number, text: string): boolean;
  readonly inFlight: number;
  readonly view: BrainView;
  readonly counters: Readonly<TasksCounters>;
  /** Ends every program at once; nothing more is told to the worker. */
  close(): Promise<void>;
}

export interface TasksCounters {
  checkpointBytes: number;
  savesFailed: number;
  /** Requests to S3 by `op result`: bounded by the ops and the kinds of errors. */
  readonly requests: Record<string, number>;
}

export type Publish = Omit<Extract<WorkerEffect, { readonly type: 'publish' }>, 'type'> & {
  readonly tasks: readonly HeldTask[];
};

export interface TasksHostParts {
  readonly brain: Brain;
  readonly nodeId: string;
  readonly clock: () => Context;
  readonly store: Pick<Store, 'call'>;
  readonly transfer: Transfer;
  readonly ask: (to: Address, note: string, timeoutMs: number) => Promise<string | null>;
  readonly answer: (connection: number, note: string) => void;
  readonly stateDir: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly workloadEnvironment: Readonly<Record<string, string>>;
  readonly engine: () => Engine;
  readonly log: (level: LogLevel, code: string, fields: LogFields) => void;
  readonly onPublish: (publish: Publish) => void;
  readonly onHealth: (health: WorkloadHealth) => void;
}

const SHORTEST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 60_000;
/** Events that wait while one is handled. */
const QUEUE_MAX = 4_096;
/** Executions on a node at most, ended ones included: the worker holds far fewer. */
const MAX_EXECUTIONS = 1_000;
const LOG_TIMEOUT_MS = 60_000;
/** After the grace of a stop, for the last requests: then the agent goes on without the worker's word. */
const STOP_EXTRA_MS = 20_000;
/** S3 is silent or refuses so often in a row: the worker can do nothing. */
const UNHEALTHY_AFTER = 5;

export function createTasksHost(parts: TasksHostParts): TasksHost {
  const { brain, clock, log, transfer } = parts;
  const nowMs = (): number => clock().nowMs;
  const queue: WorkerEvent[] = [];
  const executions = new Map<string, Execution>();
  /** Logs on their way, by execution: its folder is needed until then. */
  const savingLogs = new Map<string, Promise<void>>();
  const counters: TasksCounters = { checkpointBytes: 0, savesFailed: 0, requests: {} };
  const meter = createMeter(nowMs, (bytesPerSecond) => push({ type: 'bandwidth', bytesPerSecond }));
  const uploader = createUploader(transfer, meter);
  const downloader = createDownloader(transfer, meter);
  const data = createDataCache({
    root: dataDir(parts.stateDir),
    transfer,
    downloader,
    onEvicted: (folder) => log('info', 'data-evicted', { folder }),
  });
  let timer: NodeJS.Timeout | undefined;
  let stopTimer: NodeJS.Timeout | undefined;
  let busy = false;
  let closed = false;
  let leaving = false;
  let failures = 0;
  let health: WorkloadHealth = 'starting';

  function report(next: WorkloadHealth): void {
    if (next === health || health === 'stopped') return;
    health = next;
    parts.onHealth(next);
  }

  function push(event: WorkerEvent): void {
    if (closed || queue.length >= QUEUE_MAX) return;
    if (event.type === 'leaving') {
      leaving = true;
      for (const execution of executions.values()) execution.setAttentive(true);
    }
    if (event.type === 'stop') expectStop(event.graceMs);
    queue.push(event);
    if (!busy) work();
  }

  function work(): void {
    busy = true;
    for (let event = queue.shift(); event !== undefined && !closed; event = queue.shift()) {
      for (const effect of brain.step(event, clock())) {
        try {
          carryOut(effect);
        } catch (error) {
          log('error', 'task-effect-failed', { effect: effect.type, why: messageOf(error) });
        }
      }
    }
    busy = false;
    schedule();
  }

  function schedule(): void {
    clearTimeout(timer);
    if (closed) return;
    const now = clock();
    const wait = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, brain.nextDeadlineMs(now) - now.nowMs));
    timer = setTimeout(() => push({ type: 'tick' }), Math.ceil(wait));
  }

  /** Whoever stops the workload waits for `stopped`, come what may. */
  function expectStop(graceMs: number): void {
    clearTimeout(stopTimer);
    stopTimer = setTimeout(() => {
      log('warn', 'tasks-stop-late', { tasks: brain.unsettled() });
      void close();
    }, graceMs + STOP_EXTRA_MS);
  }

  function carryOut(effect: WorkerEffect): void {
    switch (effect.type) {
      case 'store':
        void callStore(effect.id, effect.call, effect.timeoutMs);
        return;
      case 'ask':
        void ask(effect.id, effect.to, effect.note, effect.timeoutMs);
        return;
      case 'answer':
        parts.answer(effect.connection, envelope(effect.note));
        return;
      case 'run-task':
        runTask(effect.spec, effect.fence, effect.restore);
        return;
      case 'tell-task':
        void executionOf(effect)?.tell(effect.deadlineMs).catch(ignored('task-not-told', effect.task));
        return;
      case 'stop-task': {
        const execution = executionOf(effect);
        if (execution === undefined) unknownExecution(effect.task, effect.fence);
        else execution.stop(effect.graceMs);
        return;
      }
      case 'save-task':
        void save(effect.task, effect.fence, effect.seq, effect.byMs);
        return;
      case 'prune':
        void executionOf(effect)?.prune(effect.keep).catch(ignored('checkpoint-not-pruned', effect.task));
        return;
      case 'save-task-log':
        saveLog(effect.task, effect.fence, effect.key);
        return;
      case 'drop-task':
        void drop(`${effect.task}.${effect.fence}`);
        return;
      case 'publish': {
        const { type: _type, ...publish } = effect;
        const tasks = brain
          .view()
          .tasks.map(({ task, memoryMiB, gpuMemoryMiB }) => ({ task, memoryMiB, gpuMemoryMiB }));
        parts.onPublish({ ...publish, tasks });
        return;
      }
      case 'log':
        log(effect.level, effect.code, effect.fields);
        return;
      case 'stopped':
        void close();
        return;
    }
  }

  const executionOf = (of: { readonly task: string; readonly fence: number }): Execution | undefined =>
    executions.get(`${of.task}.${of.fence}`);

  const ignored = (code: string, task: string) => (error: unknown) =>
    log('warn', code, { task, why: messageOf(error) });

  async function callStore(id: number, call: StoreCall, timeoutMs: number): Promise<void> {
    const outcome = await parts.store.call(call, timeoutMs);
    const result = outcome.ok ? 'ok' : outcome.error.kind;
    counters.requests[`${call.op} ${result}`] = (counters.requests[`${call.op} ${result}`] ?? 0) + 1;
    if (!outcome.ok) {
      const { code, message } = outcome.error;
      log('debug', 'store-failed', { op: call.op, kind: result, error: code, message });
    }
    if (call.op === 'list')
      judgeHealth(outcome.ok, outcome.ok ? '' : `${outcome.error.code}: ${outcome.error.message}`);
    push({ type: 'stored', id, outcome });
  }

  /** Healthy once it has seen the queue. */
  function judgeHealth(ok: boolean, why: string): void {
    failures = ok ? 0 : failures + 1;
    if (ok) report('healthy');
    else if (failures === 1 || failures % 20 === 0) log('warn', 'queue-unread', { why, failures });
    if (failures >= UNHEALTHY_AFTER) report('unhealthy');
  }

  const envelope = (note: Note): string => JSON.stringify({ from: parts.nodeId, note: writeNote(note) });

  async function ask(id: number, to: Address, note: Note, timeoutMs: number): Promise<void> {
    const text = await parts.ask(to, envelope(note), timeoutMs).catch(() => null);
    push({ type: 'answered', id, note: text === null ? null : (opened(text)?.note ?? null) });
  }

  function opened(text: string): { readonly from: string; readonly note: Note } | null {
    try {
      const { from, note } = JSON.parse(text) as { from?: unknown; note?: unknown };
      if (typeof from !== 'string' || !/^[a-z0-9-]{1,64}$/.test(from) || typeof note !== 'string') return null;
      const parsed = parseNote(note);
      if (!parsed.ok) log('debug', 'note-refused', { from, why: parsed.problem });
      return parsed.ok ? { from, note: parsed.value } : null;
    } catch {
      return null;
    }
  }

  function runTask(spec: TaskSpec, fence: number, restore: CheckpointRef | null): void {
    const name = `${spec.id}.${spec.run}.${fence}`;
    if (executions.has(name)) return;
    if (executions.size >= MAX_EXECUTIONS) throw new Error(`more than ${MAX_EXECUTIONS} tasks on this node`);
    const execution = startExecution({
      spec,
      fence,
      restore,
      stateDir: parts.stateDir,
      environment: parts.environment,
      workloadEnvironment: parts.workloadEnvironment,
      engine: parts.engine,
      uploader,
      downloader,
      transfer,
      data,
      nowMs,
      log,
      onEvent: push,
    });
    execution.setAttentive(leaving);
    executions.set(name, execution);
  }

  /** The worker waits for its end. */
  function unknownExecution(task: string, fence: number): void {
    const problem = "it doesn't run on this node";
    push({ type: 'task-ended', task, fence, exitCode: null, signal: null, problem, tail: '', longLog: false });
  }

  async function save(task: string, fence: number, seq: number, byMs: number): Promise<void> {
    const began = nowMs();
    const saved = (await executionOf({ task, fence })?.save(seq, byMs)) ?? { ok: false, why: "it doesn't run here" };
    const tookMs = Math.round(nowMs() - began);
    if (saved.ok) {
      counters.checkpointBytes += saved.sentBytes;
      const { bytes, progress } = saved.checkpoint;
      log('debug', 'checkpoint-saved', { task, fence, seq, bytes, sentBytes: saved.sentBytes, progress, tookMs });
      push({ type: 'saved', task, fence, checkpoint: saved.checkpoint });
    } else {
      counters.savesFailed += 1;
      log('warn', 'checkpoint-not-saved', { task, fence, seq, why: saved.why, tookMs });
      push({ type: 'save-failed', task, fence, why: saved.why });
    }
  }

  function saveLog(task: string, fence: number, key: string): void {
    const execution = executionOf({ task, fence });
    if (execution === undefined) return;
    const name = `${task}.${fence}`;
    const sent = execution
      .log()
      .then((body) =>
        withDeadline(LOG_TIMEOUT_MS, [], (signal) =>
          transfer.put(key, body, { contentType: 'text/plain; charset=utf-8', signal }),
        ),
      )
      .catch(ignored('task-log-not-saved', task))
      .finally(() => savingLogs.delete(name));
    savingLogs.set(name, sent);
  }

  async function drop(name: string): Promise<void> {
    const execution = executions.get(name);
    if (execution === undefined) return;
    await savingLogs.get(name);
    await execution.drop();
    executions.delete(name);
  }

  let closing: Promise<void> | null = null;

  function close(): Promise<void> {
    closing ??= (async () => {
      closed = true;
      clearTimeout(timer);
      clearTimeout(stopTimer);
      await Promise.all([...executions.keys()].map(drop));
      report('stopped');
    })();
    return closing;
  }

  return {
    push,
    noted(connection, text) {
      const note = closed ? null : opened(text);
      if (note === null) return false;
      push({ type: 'asked', connection, from: note.from, note: note.note });
      return true;
    },
    get inFlight() {
      return closed ? 0 : brain.unsettled();
    },
    get view() {
      return brain.view();
    },
    counters,
    close,
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
