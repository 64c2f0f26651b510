import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../core/rng.js';
import { openKey } from '../../../core/tasks/keys.js';
import type { StoreCall, WorkerEffect, WorkerEvent } from '../../../core/tasks/port.js';
import { createWorker, nextWorkerDeadlineMs, stepWorker } from '../../../core/tasks/worker.js';
import { type Context, monoMs, wallMs } from '../../../core/time.js';
import { SPEC } from './samples.js';

const EPOCH = 1_780_000_000_000;
const LEAVES_IN_MS = 4_000;

/** A worker whose task runs and has marked a state, and whose bucket answers at once. */
function leaving(stopGraceMs: number) {
  const task = { ...SPEC, id: 'a', data: [], deadline: null, expectedMs: null, resume: null, stopGraceMs };
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
  let etag = 0;
  const found = (call: StoreCall): unknown => {
    const entry = { key: openKey(task), etag: '"o"', bytes: 1, modifiedMs: wallMs(EPOCH) };
    if (call.op === 'list') {
      const entries = call.prefix.startsWith('tasks/open/') ? [entry] : [];
      return { entries, nowMs: wallMs(EPOCH + nowMs), more: false };
    }
    if (call.op === 'get') return { body: JSON.stringify(task), etag: '"o"' };
    return call.op === 'put' ? { etag: `"${++etag}"` } : null;
  };
  const send = (event: WorkerEvent): void => {
    const step = stepWorker(state, event, ctx());
    state = step.state;
    for (const effect of step.effects) {
      if (effect.type === 'save-task') saves.push(effect);
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
  send({ type: 'task-size', task: 'a.1', fence: 1, changedBytes: 1_000, bytes: 1_000 });
  send({ type: 'task-marked', task: 'a.1', fence: 1, progress: 0.5 });
  const deadlineMs = nowMs + LEAVES_IN_MS;
  send({ type: 'leaving', deadlineMs: wallMs(EPOCH + deadlineMs), cause: 'interruption' });
  return { send, pass, saves, deadlineMs };
}

describe('a node that goes', () => {
  // A grace that fills the time that is left: only the marked state can be sent.
  it('gives the upload of a marked state until the end, however small it is', () => {
    const { saves, deadlineMs } = leaving(60_000);
    expect(saves).toHaveLength(1);
    expect(saves[0]?.byMs).toBeGreaterThanOrEqual(deadlineMs - 2_000);
  });

  it('does not try again at once, over and over, what has failed', () => {
    const { send, pass, saves } = leaving(60_000);
    for (let i = 0; i < 200; i++) {
      send({ type: 'save-failed', task: 'a.1', fence: 1, why: 'no time' });
      pass(10);
    }
    expect(saves.length).toBeGreaterThan(0);
    expect(saves.length).toBeLessThan(10);
  });
});
