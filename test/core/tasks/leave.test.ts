import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../core/rng.js';
import { leaseKey, manifestKey, openKey } from '../../../core/tasks/keys.js';
import type { StoreCall, WorkerEffect, WorkerEvent } from '../../../core/tasks/port.js';
import type { Lease } from '../../../core/tasks/task.js';
import { createWorker, nextWorkerDeadlineMs, stepWorker } from '../../../core/tasks/worker.js';
import { type Context, monoMs, wallMs } from '../../../core/time.js';
import { SPEC } from './samples.js';

const EPOCH = 1_780_000_000_000;
const LEAVES_IN_MS = 4_000;

interface Scene {
  readonly stopGraceMs: number;
  readonly bytes: number | null;
  readonly marks: boolean;
  readonly stays?: boolean;
}

/** A worker whose task runs and has marked a state, and whose bucket answers at once; its node goes, if it doesn't stay. */
function leaving({ stopGraceMs, bytes, marks, stays = false }: Scene) {
  const task = {
    ...{ ...SPEC, id: 'a', data: [], deadline: null, expectedMs: null, resume: null, stopGraceMs },
    // Saved whenever it asks.
    ...(stays ? { checkpoint: { folder: 'ckpt', intervalMs: null, notify: { by: 'none' as const } } } : {}),
  };
  let nowMs = 1_000;
  const rng = seededRng(4);
  const ctx = (): Context => ({ nowMs: monoMs(nowMs), wallMs: wallMs(EPOCH + nowMs), rng });
  let state = createWorker(
    {
      identity: { id: 'i-1', instanceType: 'm7g.large', zone: 'us-east-1a', lifecycle: 'spot' },
      workload: {
        ...{ name: 'tasks', kind: 'tasks', port: null, environment: {}, health: null, inFlightPath: null },
        ...{
          targetGroupArns: [],
          stopGraceMs: 5_000,
          memoryMiB: 90_000,
          gpuMemoryMiB: 0,
          maxTasks: 2,
          leaseMs: 60_000,
        },
      },
      room: { memoryMiB: 90_000, gpuMemoryMiB: 90_000 },
      writer: 'i-1',
      preset: 'local',
    },
    ctx(),
  );
  const saves: Extract<WorkerEffect, { type: 'save-task' }>[] = [];
  const stops: Extract<WorkerEffect, { type: 'stop-task' }>[] = [];
  const leases: Lease[] = [];
  let etag = 0;
  const found = (call: StoreCall): unknown => {
    const entry = { key: openKey(task), etag: '"o"', bytes: 1, modifiedMs: wallMs(EPOCH) };
    if (call.op === 'list') {
      const entries = call.prefix.startsWith('tasks/open/') ? [entry] : [];
      return { entries, nowMs: wallMs(EPOCH + nowMs), more: false };
    }
    if (call.op === 'put' && call.key === leaseKey(task)) leases.push(JSON.parse(call.body));
    if (call.op === 'get') return { body: JSON.stringify(task), etag: '"o"' };
    return call.op === 'put' ? { etag: `"${++etag}"` } : null;
  };
  const send = (event: WorkerEvent): void => {
    const step = stepWorker(state, event, ctx());
    state = step.state;
    for (const effect of step.effects) {
      if (effect.type === 'save-task') saves.push(effect);
      if (effect.type === 'stop-task') stops.push(effect);
      if (effect.type === 'store') {
        send({ type: 'stored', id: effect.id, outcome: { ok: true, value: found(effect.call) } as never });
      }
      if (effect.type === 'run-task') send({ type: 'task-started', task: 'a.1', fence: effect.fence });
    }
  };
  const pass = (ms: number): void => {
    const untilMs = nowMs + ms;
    for (let i = 0; i < 2_000 && nowMs < untilMs; i++) {
      nowMs = Math.min(untilMs, Math.max(nowMs + 1, nextWorkerDeadlineMs(state, ctx())));
      send({ type: 'tick' });
    }
  };
  send({ type: 'start' });
  pass(5_000);
  if (bytes !== null) send({ type: 'task-size', task: 'a.1', fence: 1, changedBytes: bytes, bytes });
  if (marks) send({ type: 'task-marked', task: 'a.1', fence: 1, progress: 0.5 });
  const deadlineMs = nowMs + LEAVES_IN_MS;
  if (!stays) send({ type: 'leaving', deadlineMs: wallMs(EPOCH + deadlineMs), cause: 'interruption' });
  return { send, pass, saves, stops, leases, deadlineMs };
}

describe('a checkpoint that fails', () => {
  it('is told of in the lease, until one succeeds', () => {
    const { send, pass, saves, leases } = leaving({ stopGraceMs: 5_000, bytes: 1_000, marks: true, stays: true });
    const renewed = (): string | null | undefined => {
      pass(25_000);
      return leases.at(-1)?.saveProblem;
    };
    pass(1_000);
    expect(leases.at(-1)?.saveProblem).toBeNull();
    send({ type: 'save-failed', task: 'a.1', fence: 1, why: `a\nb can't be a file's name${'.'.repeat(500)}` });
    expect(renewed()).toMatch(/^a\nb can't be a file's name\.+$/);
    expect(renewed()).toHaveLength(200);
    const seq = saves.at(-1)?.seq ?? 0;
    const manifest = manifestKey({ id: 'a', run: 1 }, 1, seq);
    const checkpoint = { fence: 1, seq, manifest, bytes: 1, progress: 0.5, doneMs: 1 };
    send({ type: 'saved', task: 'a.1', fence: 1, checkpoint });
    expect(renewed()).toBeNull();
  });
});

describe('a node that goes', () => {
  // More than goes through after the stop: only the marked state can be sent, from now on.
  const marked = { stopGraceMs: 60_000, bytes: 80_000_000, marks: true };

  it('gives the upload of a marked state until the end, whatever it is thought to take', () => {
    const { saves, deadlineMs } = leaving(marked);
    expect(saves).toHaveLength(1);
    expect(saves[0]?.byMs).toBeGreaterThanOrEqual(deadlineMs - 2_000);
  });

  it('does not try again at once, over and over, what has failed', () => {
    const { send, pass, saves } = leaving(marked);
    for (let i = 0; i < 200; i++) {
      send({ type: 'save-failed', task: 'a.1', fence: 1, why: 'no time' });
      pass(10);
    }
    expect(saves.length).toBeGreaterThan(0);
    expect(saves.length).toBeLessThan(10);
  });

  it.each([
    ['whose size is not known yet', null],
    ['that is small', 1_000],
  ])('stops and saves a task %s, although its grace is longer than the time that is left', (_, bytes) => {
    const { send, pass, saves, stops, deadlineMs } = leaving({ stopGraceMs: 60_000, bytes, marks: false });
    expect(stops).toMatchObject([{ task: 'a.1', graceMs: 1_333 }]);
    pass(20);
    const end = { exitCode: 143, signal: null, problem: null, tail: '', longLog: false };
    send({ type: 'task-ended', task: 'a.1', fence: 1, ...end });
    expect(saves).toMatchObject([{ task: 'a.1', seq: 1 }]);
    expect(saves[0]?.byMs).toBeLessThanOrEqual(deadlineMs);
  });
});
