/**
 * Claiming: 1,000 small tasks over 20 agents, the real worker on a model of S3 under virtual time. Limits: 4 S3 requests a
 * task on average, from the submission until everything is cleared away, polls included; 2 requests a minute of an
 * idle agent. The submission itself isn't counted. Prints its seeds.
 */

import { randomBetween, seededRng } from '../core/rng.js';
import { openKey } from '../core/tasks/keys.js';
import type { PeerView, StoreCall, StoreOutcome, WorkerEffect, WorkerEvent } from '../core/tasks/port.js';
import { type TaskSpec, taskKey } from '../core/tasks/task.js';
import { createWorker, nextWorkerDeadlineMs, stepWorker, type WorkerState } from '../core/tasks/worker.js';
import { type Context, monoMs, wallMs } from '../core/time.js';

const AGENTS = 20;
const TASKS = 1_000;
const PER_TASK = 4;
const SMALL_MS = 10_000;
const PER_MINUTE = 2;
const IDLE_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 1);
const END_MS = 6 * 3_600_000;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

interface Result {
  readonly perTask: number;
  readonly idlePerMinute: number;
  readonly tookS: number;
  readonly byOp: Record<string, number>;
  readonly done: number;
  readonly conflicts: number;
}

function play(seed: string, taskMs: readonly [number, number], slots: number): Result {
  const rng = seededRng(seed);
  let nowMs = 0;
  const agenda: { readonly atMs: number; readonly n: number; readonly act: () => void }[] = [];
  let planned = 0;
  const later = (delayMs: number, act: () => void): void => {
    const entry = { atMs: nowMs + Math.max(0, delayMs), n: planned++, act };
    let low = 0;
    for (let high = agenda.length; low < high; ) {
      const middle = (low + high) >> 1;
      const other = agenda[middle] ?? entry;
      if (other.atMs > entry.atMs || (other.atMs === entry.atMs && other.n > entry.n)) low = middle + 1;
      else high = middle;
    }
    agenda.splice(low, 0, entry);
  };
  const objects = new Map<string, { body: string; etag: string; atMs: number }>();
  const byOp: Record<string, number> = {};
  let requests = 0;
  let conflicts = 0;
  let etags = 0;

  function serve(call: StoreCall): StoreOutcome {
    requests += 1;
    byOp[call.op] = (byOp[call.op] ?? 0) + 1;
    switch (call.op) {
      case 'list': {
        const keys = [...objects.keys()]
          .filter((key) => key.startsWith(call.prefix) && key > (call.after ?? ''))
          .sort();
        const entries = keys.slice(0, 1_000).map((key) => {
          const { etag, body, atMs } = objects.get(key) ?? { etag: '', body: '', atMs: 0 };
          return { key, etag, bytes: body.length, modifiedMs: wallMs(Math.floor((START_MS + atMs) / 1_000) * 1_000) };
        });
        const more = keys.length > 1_000;
        return { ok: true, value: { entries, nowMs: wallMs(Math.floor((START_MS + nowMs) / 1_000) * 1_000), more } };
      }
      case 'get': {
        const found = objects.get(call.key);
        return { ok: true, value: found === undefined ? null : { body: found.body, etag: found.etag } };
      }
      case 'put': {
        const found = objects.get(call.key);
        if (call.etag !== undefined && (found?.etag ?? null) !== call.etag) {
          conflicts += 1;
          return { ok: false, error: { kind: 'conflict', code: 'PreconditionFailed', message: '' } };
        }
        etags += 1;
        objects.set(call.key, { body: call.body, etag: `"${etags}"`, atMs: nowMs });
        return { ok: true, value: { etag: `"${etags}"` } };
      }
      case 'delete':
        for (const key of call.keys) objects.delete(key);
        return { ok: true, value: null };
    }
  }

  interface Agent {
    state: WorkerState;
    view: PeerView;
    work: number;
    wakeAtMs: number;
  }
  const context = (): Context => ({ nowMs: monoMs(nowMs), wallMs: wallMs(START_MS + nowMs), rng });
  const idOf = (n: number): string => `i-${String(n).padStart(17, '0')}`;
  let done = 0;
  const agents: Agent[] = Array.from({ length: AGENTS }, (_, n) => ({
    state: createWorker(
      {
        identity: { id: idOf(n), instanceType: 'c7g.large', zone: 'us-east-1a', lifecycle: 'spot' },
        workload: {
          ...{ name: 'batch', kind: 'tasks', port: null, environment: {}, health: null, inFlightPath: null },
          ...{ targetGroupArns: [], stopGraceMs: 30_000, memoryMiB: 4_096, gpuMemoryMiB: 0, maxTasks: slots },
          leaseMs: 60_000,
        },
        room: { memoryMiB: 4_096, gpuMemoryMiB: 0 },
        writer: idOf(n),
        preset: 'lan',
      },
      context(),
    ),
    view: {
      ...{ id: idOf(n), address: { host: '10.0.0.1', port: 7946 }, leaving: false, freeMemoryMiB: 4_096 },
      ...{ freeGpuMemoryMiB: 0, warm: [] },
    },
    work: 0,
    wakeAtMs: Number.POSITIVE_INFINITY,
  }));

  function tell(agent: Agent, event: WorkerEvent): void {
    const step = stepWorker(agent.state, event, context());
    agent.state = step.state;
    for (const effect of step.effects) carryOut(agent, effect);
    const due = Math.max(nowMs + 2, Math.ceil(nextWorkerDeadlineMs(agent.state, context())));
    if (due >= agent.wakeAtMs || !Number.isFinite(due)) return;
    agent.wakeAtMs = due;
    later(due - nowMs, () => {
      if (agent.wakeAtMs !== nowMs) return;
      agent.wakeAtMs = Number.POSITIVE_INFINITY;
      tell(agent, { type: 'tick' });
    });
  }

  function carryOut(agent: Agent, effect: WorkerEffect): void {
    switch (effect.type) {
      case 'store': {
        const { id, call } = effect;
        later(randomBetween(rng, 5, 30), () => {
          const outcome = serve(call);
          later(randomBetween(rng, 5, 30), () => tell(agent, { type: 'stored', id, outcome }));
        });
        return;
      }
      case 'run-task': {
        const { spec, fence } = effect;
        const task = taskKey(spec);
        later(50, () => tell(agent, { type: 'task-started', task, fence }));
        later(50 + randomBetween(rng, ...taskMs), () =>
          tell(agent, {
            ...{ type: 'task-ended', task, fence, exitCode: 0, signal: null, problem: null, tail: '' },
            longLog: false,
          }),
        );
        return;
      }
      case 'drop-task':
        done += 1;
        return;
      case 'publish':
        gossip(agent, effect);
        return;
      default:
    }
  }

  /** A change reaches the others within a second or so. */
  function gossip(from: Agent, said: Extract<WorkerEffect, { type: 'publish' }>): void {
    from.view = { ...from.view, freeMemoryMiB: said.freeMemoryMiB, warm: said.warm };
    const grew = said.work > from.work;
    from.work = said.work;
    for (const other of agents) {
      if (other === from) continue;
      later(randomBetween(rng, 200, 1_200), () => {
        tell(other, { type: 'peers', peers: agents.filter((one) => one !== other).map(({ view }) => view) });
        if (!grew || said.work <= other.work) return;
        other.work = said.work;
        tell(other, { type: 'work-heard' });
      });
    }
  }

  function runUntil(endMs: number, enough: () => boolean): void {
    for (let next = agenda.at(-1); next !== undefined && next.atMs <= endMs && !enough(); next = agenda.at(-1)) {
      agenda.pop();
      nowMs = next.atMs;
      next.act();
    }
    if (!enough()) nowMs = endMs;
  }

  for (const agent of agents) {
    later(randomBetween(rng, 0, 5_000), () => {
      tell(agent, { type: 'peers', peers: agents.filter((one) => one !== agent).map(({ view }) => view) });
      tell(agent, { type: 'start' });
    });
  }
  // What comes with the start isn't idleness.
  runUntil(600_000, () => false);
  const beforeIdle = requests;
  runUntil(nowMs + IDLE_MS, () => false);
  const idlePerMinute = (requests - beforeIdle) / AGENTS / (IDLE_MS / 60_000);

  const before = { requests, byOp: { ...byOp } };
  const submittedMs = nowMs;
  for (let n = 0; n < TASKS; n++) {
    const spec: TaskSpec = {
      ...{ format: 1, id: `task-${n}`, run: 1, submittedMs: wallMs(START_MS + nowMs), environment: {} },
      work: { kind: 'process', command: ['true'] },
      ...{ memoryMiB: 256, gpuMemoryMiB: 0, expectedMs: null, deadline: null, checkpoint: null, retries: 0 },
      ...{ priority: 5, data: [], stopGraceMs: 1_000, resume: null },
    };
    etags += 1;
    objects.set(openKey(spec), { body: JSON.stringify(spec), etag: `"${etags}"`, atMs: nowMs });
  }
  const isCleared = (): boolean => ![...objects.keys()].some((key) => /^tasks\/(open|lease)\//.test(key));
  let looked = nowMs;
  let cleared = false;
  runUntil(nowMs + END_MS, () => {
    if (nowMs - looked < 1_000) return cleared;
    looked = nowMs;
    cleared = isCleared();
    return cleared;
  });
  const spent = Object.fromEntries(Object.entries(byOp).map(([op, n]) => [op, n - (before.byOp[op] ?? 0)]));
  return {
    perTask: (requests - before.requests) / TASKS,
    idlePerMinute,
    tookS: (nowMs - submittedMs) / 1_000,
    byOp: spent,
    done: isCleared() ? done : -1,
    conflicts,
  };
}

let failed = false;
for (const [name, taskMs, slots] of [
  ['tasks of 0.5 to 3 s, 4 at once', [500, 3_000], 4],
  ['tasks of 20 to 40 s, 4 at once', [20_000, 40_000], 4],
  ['tasks of 0.5 to 3 s, 16 at once', [500, 3_000], 16],
] as const) {
  for (const seed of ['claims-1', 'claims-2']) {
    const result = play(seed, taskMs, slots);
    const ops = Object.entries(result.byOp)
      .map(([op, n]) => `${op} ${(n / TASKS).toFixed(2)}`)
      .join(', ');
    say(
      `${name}, seed ${seed}: ${result.perTask.toFixed(2)} requests a task${taskMs[1] <= SMALL_MS ? ` (limit ${PER_TASK})` : ''}: ${ops}; ` +
        `${result.conflicts} conflicts; all ${result.done} cleared away after ${result.tookS.toFixed(0)} s; ` +
        `idle ${result.idlePerMinute.toFixed(2)} requests a minute and agent (limit ${PER_MINUTE})`,
    );
    // Long ones renew their leases besides: the limit is for small ones.
    const limit = taskMs[1] <= SMALL_MS ? PER_TASK : Number.POSITIVE_INFINITY;
    failed ||= result.perTask > limit || result.idlePerMinute > PER_MINUTE || result.done !== TASKS;
  }
}
process.exit(failed ? 1 : 0);
