import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GossipSocket, openGossipSocket } from '../../../agent/gossip-socket.js';
import type { Brain } from '../../../agent/tasks/brain.js';
import { cacheName, createDataCache, pathBelow, warmIn } from '../../../agent/tasks/data.js';
import { createTasksDoor } from '../../../agent/tasks/door.js';
import { createTasksHost, type TasksHost } from '../../../agent/tasks/host.js';
import { createMeter } from '../../../agent/tasks/meter.js';
import { createDownloader } from '../../../agent/tasks/restore.js';
import { createStore } from '../../../aws/store.js';
import type { WorkloadHealth } from '../../../core/gossip/member.js';
import type { WorkerEffect, WorkerEvent } from '../../../core/tasks/port.js';
import { warmDigest } from '../../../core/tasks/warmth.js';
import { monoMs, NEVER, wallMs } from '../../../core/time.js';
import { eventually } from '../wait.js';
import { type Bucket, newRoot, openBucket } from './world.js';

let bucket: Bucket;
const sockets: GossipSocket[] = [];
const hosts: TasksHost[] = [];
const roots: string[] = [];
beforeAll(async () => {
  bucket = await openBucket();
});
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
  for (const socket of sockets.splice(0)) socket.close();
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});
afterAll(() => bucket.close());

const root = (): string => {
  roots.push(newRoot());
  return roots.at(-1) ?? '';
};

/** A worker that notes what it hears, and wishes what a test says. */
function scripted() {
  const heard: WorkerEvent[] = [];
  const answers = new Map<WorkerEvent['type'], (event: never) => readonly WorkerEffect[]>();
  const brain: Brain = {
    step(event) {
      heard.push(event);
      return answers.get(event.type)?.(event as never) ?? [];
    },
    nextDeadlineMs: () => NEVER,
    unsettled: () => 1,
    view: () => ({ phase: 'running', counters: {}, tasks: [], queued: 0 }),
  };
  const on = <T extends WorkerEvent['type']>(
    type: T,
    act: (event: Extract<WorkerEvent, { type: T }>) => readonly WorkerEffect[],
  ) => answers.set(type, act as never);
  return { heard, brain, on };
}

const plainEnvelope = {
  seal: (plaintext: Uint8Array) => plaintext,
  open: (sealed: Uint8Array) => ({ ok: true, plaintext: sealed }) as const,
};
let port = 24_700 + (process.pid % 200) * 4;

async function open(nodeId: string) {
  const script = scripted();
  const healths: WorkloadHealth[] = [];
  let host: TasksHost | null = null;
  port += 1;
  const own = port;
  const socket = await openGossipSocket({
    ...{ bindAddress: '127.0.0.1', port: own, envelope: plainEnvelope },
    onDatagram: () => {},
    onExchange: () => {},
    onNote: (connection, note) => host?.noted(connection, note) ?? false,
  });
  sockets.push(socket);
  host = createTasksHost({
    brain: script.brain,
    nodeId,
    clock: () => ({ nowMs: monoMs(performance.now()), wallMs: wallMs(Date.now()), rng: { next: () => 0.5 } }),
    store: createStore(bucket.client),
    transfer: bucket.transfer,
    ask: socket.ask,
    answer: socket.answer,
    stateDir: root(),
    environment: {},
    workloadEnvironment: {},
    engine: () => {
      throw new Error('no engine');
    },
    log: () => {},
    onPublish: () => {},
    onHealth: (health) => healths.push(health),
  });
  hosts.push(host);
  return { ...script, host, healths, socket, address: { host: '127.0.0.1', port: own } };
}

describe('the host of a worker', () => {
  it('carries requests out, is healthy once it saw the queue, and stops when it is told', async () => {
    const { host, heard, on, healths } = await open('i-1');
    on('start', () => [
      { type: 'store', id: 1, call: { op: 'list', prefix: 'tasks/open/', after: null }, timeoutMs: 5_000 },
    ]);
    on('stop', () => [{ type: 'stopped' }]);
    host.push({ type: 'start' });
    await eventually(
      () => heard.at(-1),
      (event) => event?.type === 'stored' && event.id === 1 && event.outcome.ok,
    );
    expect(healths).toEqual(['healthy']);
    expect(host.counters.requests).toEqual({ 'list ok': 1 });
    expect(host.inFlight).toBe(1);
    host.push({ type: 'stop', graceMs: 100 });
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'stopped',
    );
    expect(host.inFlight).toBe(0);
  });

  it('brings notes to a peer and its answer back; nonsense is cut off, and nobody at home is no answer', async () => {
    const one = await open('i-1');
    const two = await open('i-2');
    two.on('asked', ({ connection, note, from }) => [
      { type: 'answer', connection, note: { type: 'refuse', task: 'job.1', reason: `${note.type} from ${from}` } },
    ]);
    one.on('tick', () => [
      { type: 'ask', id: 4, to: two.address, note: { type: 'running', task: 'job.1' }, timeoutMs: 3_000 },
    ]);
    one.host.push({ type: 'tick' });
    const answered = await eventually(
      () => one.heard.at(-1),
      (event) => event?.type === 'answered',
    );
    const note = { type: 'refuse', task: 'job.1', reason: 'running from i-1' };
    expect(answered).toEqual({ type: 'answered', id: 4, note });
    for (const text of [
      '',
      '{',
      '{"from":"i-1"}',
      '{"from":"I 1","note":"{}"}',
      '{"from":"i-1","note":"{\\"type\\":\\"x\\"}"}',
    ]) {
      expect(await one.socket.ask(two.address, text, 3_000)).toBeNull();
    }
    expect(two.heard.filter(({ type }) => type === 'asked')).toHaveLength(1);
    expect(await one.socket.ask({ host: '127.0.0.1', port: 1 }, 'x', 500)).toBeNull();
    expect(one.socket.counters).toMatchObject({ notesAsked: 7, notesFailed: 6 });
  });

  it('ends a stop that the worker forgets about, and answers for a task that it does not have', async () => {
    const { host, heard, on } = await open('i-1');
    on('tick', () => [
      { type: 'stop-task', task: 'job.1', fence: 3, graceMs: 10 },
      { type: 'save-task', task: 'job.1', fence: 3, seq: 1, byMs: monoMs(performance.now() + 50) },
      { type: 'drop-task', task: 'job.1', fence: 3 },
    ]);
    host.push({ type: 'tick' });
    await eventually(
      () => heard.map(({ type }) => type),
      (types) => types.includes('save-failed') && types.includes('task-ended'),
    );
  });
});

describe('the door between brain and worker', () => {
  it('loads nothing before the workload starts, and stops without it', async () => {
    let loads = 0;
    const healths: WorkloadHealth[] = [];
    const door = createTasksDoor({
      load: async () => {
        loads += 1;
        throw new Error('not needed');
      },
      nowMs: () => 0,
      onHealth: (health) => healths.push(health),
      onCrash: () => {},
    });
    expect(door.noted(1, 'x')).toBe(false);
    door.driver.stop(100);
    door.driver.start();
    await door.driver.close();
    expect([loads, healths]).toEqual([0, ['stopped']]);
  });
});

describe('data', () => {
  const signal = new AbortController().signal;
  const meter = createMeter(
    () => 0,
    () => {},
  );
  const put = (key: string, text: string) => bucket.transfer.put(key, Buffer.from(text), { signal });

  it('is fetched once, kept, and makes room by what was used longest ago, never by what is in use', async () => {
    await put('models/a/weights', 'aaaa');
    await put('models/a/deep/config', 'conf');
    await put('models/ab/other', 'none of it');
    await put('models/b/weights', 'bbbb');
    const dir = root();
    const evicted: string[] = [];
    let freeBytes = 1_000;
    const cache = createDataCache({
      root: dir,
      transfer: bucket.transfer,
      downloader: createDownloader(bucket.transfer, meter),
      onEvicted: (folder) => evicted.push(folder),
      space: async () => ({ freeBytes, bytes: 1_000 }),
    });
    const a = 's3://tasks-bucket/models/a';
    const [first, again] = await Promise.all([cache.acquire(a, signal), cache.acquire(a, signal)]);
    expect(first.folder).toBe(again.folder);
    expect(readFileSync(join(first.folder, 'deep/config'), 'utf8')).toBe('conf');
    expect(readdirSync(first.folder).sort()).toEqual(['deep', 'weights']);
    expect((await cache.acquire(a, signal)).warm).toBe(true);
    // What a later life of the agent finds.
    expect(await warmIn(dir)).toEqual([warmDigest(a)]);
    freeBytes = 10;
    await cache.acquire('s3://tasks-bucket/models/b/', signal);
    expect(evicted).toEqual([]);
    for (let n = 0; n < 3; n++) cache.release(a);
    mkdirSync(join(dir, 'older'));
    utimesSync(join(dir, 'older'), 1, 1);
    await cache.acquire('s3://tasks-bucket/models/ab', signal);
    expect(evicted).toEqual([join(dir, 'older'), join(dir, cacheName(a))]);
    await expect(cache.acquire('s3://tasks-bucket/models/none', signal)).rejects.toThrow(/nothing under/);
    await put('evil/../../out', 'x');
    await expect(cache.acquire('s3://tasks-bucket/evil', signal)).rejects.toThrow(/leads out/);
  });

  it('below a prefix is what lies in that folder', () => {
    expect(pathBelow('a/b/c', 'a/b')).toBe('c');
    expect(pathBelow('a/bc', 'a/b')).toBeNull();
    expect(pathBelow('a/b', 'a/b')).toBe('b');
    expect(pathBelow('x', '')).toBe('x');
  });
});
