import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../core/rng.js';
import { openKey } from '../../../core/tasks/keys.js';
import { claimedLease, looksFree, lostInARow, MOST_LOST, poisonLease, writeLease } from '../../../core/tasks/leases.js';
import type { StoreCall, WorkerEffect, WorkerEvent } from '../../../core/tasks/port.js';
import { ranked, rankOf, turnOf } from '../../../core/tasks/spread.js';
import type { WorkerOptions, WorkerState } from '../../../core/tasks/state.js';
import { type Lease, MAX_ATTEMPTS, type TaskSpec } from '../../../core/tasks/task.js';
import { warmDigest } from '../../../core/tasks/warmth.js';
import { createWorker, nextWorkerDeadlineMs, stepWorker, unsettledTasks } from '../../../core/tasks/worker.js';
import { type Context, monoMs, wallMs } from '../../../core/time.js';
import { SPEC } from './samples.js';

const EPOCH = 1_780_000_000_000;
const OPTIONS: WorkerOptions = {
  identity: { id: 'i-1', instanceType: 'm7g.large', zone: 'us-east-1a', lifecycle: 'spot' },
  workload: {
    ...{ name: 'tasks', kind: 'tasks', port: null, environment: {}, health: null, inFlightPath: null },
    ...{ targetGroupArns: [], stopGraceMs: 5_000, memoryMiB: 4_000, gpuMemoryMiB: 0, maxTasks: 2, leaseMs: 60_000 },
  },
  room: { memoryMiB: 4_000, gpuMemoryMiB: 0 },
  writer: 'i-1',
  preset: 'lan',
};

/** A worker alone with its bucket, which the test answers for. */
class Bench {
  nowMs = 1_000;
  state: WorkerState;
  readonly effects: WorkerEffect[] = [];
  readonly rng = seededRng(4);

  constructor(options: Partial<WorkerOptions> = {}) {
    this.state = createWorker({ ...OPTIONS, ...options }, this.ctx());
    this.send({ type: 'start' });
  }

  ctx(): Context {
    return { nowMs: monoMs(this.nowMs), wallMs: wallMs(EPOCH + this.nowMs), rng: this.rng };
  }

  send(event: WorkerEvent): void {
    const step = stepWorker(this.state, event, this.ctx());
    this.state = step.state;
    this.effects.push(...step.effects);
  }

  /** Ticks when the worker wants it. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let i = 0; i < 1_000; i++) {
      const next = Math.max(nextWorkerDeadlineMs(this.state, this.ctx()), this.nowMs + 1);
      if (next > untilMs) break;
      this.nowMs = next;
      this.send({ type: 'tick' });
    }
    this.nowMs = untilMs;
    this.send({ type: 'tick' });
  }

  /** The oldest request of that kind that nobody answered; answered with the value given. */
  answer(op: StoreCall['op'], value: unknown, key?: string): StoreCall {
    const isIt = (call: StoreCall): boolean =>
      call.op === op && (key === undefined || ('key' in call && call.key === key));
    const at = this.effects.findIndex((effect) => effect.type === 'store' && isIt(effect.call));
    const effect = this.effects[at];
    if (effect?.type !== 'store') throw new Error(`No ${op} was asked for.`);
    this.effects.splice(at, 1);
    const known = value as { readonly kind?: 'conflict' | 'unknown' };
    const failed = { ok: false, error: { kind: known?.kind ?? 'unknown', code: 'x', message: 'x' } } as const;
    this.send({
      type: 'stored',
      id: effect.id,
      outcome: known?.kind === undefined ? ({ ok: true, value } as never) : failed,
    });
    return effect.call;
  }

  take<T extends WorkerEffect['type']>(type: T): Extract<WorkerEffect, { type: T }>[] {
    return this.effects.filter((effect): effect is Extract<WorkerEffect, { type: T }> => effect.type === type);
  }

  open(...specs: readonly TaskSpec[]): void {
    const entries = specs.map((spec) => ({ key: openKey(spec), etag: '"o"', bytes: 1, modifiedMs: wallMs(EPOCH) }));
    this.answer('list', {
      entries: entries.sort((a, b) => (a.key < b.key ? -1 : 1)),
      nowMs: wallMs(EPOCH),
      more: false,
    });
  }

  leases(ageMs: number, ...tasks: readonly string[]): void {
    const entries = tasks.map((task) => ({
      ...{ key: `tasks/lease/${task}`, etag: '"l"', bytes: 1, modifiedMs: wallMs(EPOCH - ageMs) },
    }));
    this.answer('list', { entries, nowMs: wallMs(EPOCH), more: false });
  }
}

const task = (id: string, change: Partial<TaskSpec> = {}): TaskSpec => ({
  ...SPEC,
  id,
  data: [],
  deadline: null,
  ...change,
});
const text = (value: unknown): { readonly body: string; readonly etag: string } => ({
  body: JSON.stringify(value),
  etag: '"l"',
});
const leaseOf = (call: StoreCall): Lease => JSON.parse(call.op === 'put' ? call.body : '{}') as Lease;

/** Up to the claim of that one task, which waits for its answer. */
function claiming(spec: TaskSpec): Bench {
  const bench = new Bench();
  bench.pass(10_000);
  bench.open(spec);
  bench.leases(0);
  bench.answer('get', text(spec));
  return bench;
}

describe('a claim', () => {
  it('is a put that demands that there be no lease, and then the task runs', () => {
    const bench = claiming(task('a'));
    const call = bench.answer('put', { etag: '"1"' });
    expect(call).toMatchObject({ op: 'put', key: 'tasks/lease/a.1', etag: null });
    expect(leaseOf(call)).toMatchObject({ state: 'held', fence: 1, holder: 'i-1' });
    expect(bench.take('run-task')).toMatchObject([{ fence: 1, restore: null }]);
    expect(unsettledTasks(bench.state)).toBe(1);
  });

  it('that was answered too late is looked at: a phantom is deleted, not run', () => {
    const bench = claiming(task('a'));
    const at = bench.effects.findIndex((effect) => effect.type === 'store' && effect.call.op === 'put');
    const [put] = bench.effects.splice(at, 1);
    // The host was paused: its answer comes as the first thing after more than the linger time.
    bench.nowMs += 61_000;
    if (put?.type === 'store')
      bench.send({ type: 'stored', id: put.id, outcome: { ok: true, value: { etag: '"1"' } } });
    expect(bench.take('run-task')).toEqual([]);
    expect(bench.answer('get', null)).toMatchObject({ key: openKey(task('a')) });
    expect(bench.answer('delete', null)).toEqual({ op: 'delete', keys: ['tasks/lease/a.1'] });
    expect(bench.take('run-task')).toEqual([]);
    expect(unsettledTasks(bench.state)).toBe(0);
  });

  it('whose reply was lost is recognised by its nonce', () => {
    const bench = claiming(task('a'));
    const call = bench.answer('put', { kind: 'unknown' });
    bench.pass(2_000);
    expect(bench.take('run-task')).toEqual([]);
    bench.answer('get', text(leaseOf(call)));
    expect(bench.take('run-task')).toMatchObject([{ fence: 1 }]);
  });

  it('whose request was lost is sent again, the same', () => {
    const bench = claiming(task('a'));
    const call = bench.answer('put', { kind: 'unknown' });
    bench.pass(2_000);
    bench.answer('get', null);
    bench.pass(2_000);
    expect(bench.answer('put', { etag: '"1"' })).toEqual(call);
    expect(bench.take('run-task')).toMatchObject([{ fence: 1 }]);
  });

  it('that lost leaves the task to the other', () => {
    const bench = claiming(task('a'));
    bench.answer('put', { kind: 'conflict' });
    bench.pass(5_000);
    expect(bench.take('run-task')).toEqual([]);
    expect(unsettledTasks(bench.state)).toBe(0);
  });
});

describe('what is chosen', () => {
  const asked = (bench: Bench): string[] =>
    bench
      .take('store')
      .flatMap(({ call }) => (call.op === 'put' && call.key.startsWith('tasks/lease/') ? [call.key.slice(12)] : []));

  it('fits, is warm first, then of high priority, then old', () => {
    const bench = new Bench();
    bench.state.warm = [warmDigest('s3://bucket/b')];
    bench.pass(10_000);
    const specs = [
      task('big', { memoryMiB: 5_000, priority: 9 }),
      task('cold', { priority: 8, data: ['s3://bucket/a'] }),
      task('warm', { priority: 1, data: ['s3://bucket/b'] }),
      task('later', { priority: 8, data: ['s3://bucket/a'], submittedMs: wallMs(SPEC.submittedMs + 1) }),
    ];
    bench.open(...specs);
    bench.leases(0);
    for (const at of [0, 1, 3, 2]) {
      const left = bench.take('store').some(({ call }) => call.op === 'get');
      if (left) bench.answer('get', text(specs[at]));
    }
    expect(asked(bench)).toEqual(['warm.1', 'cold.1']);
  });

  it('waits while the cluster could not bear it', () => {
    const bench = new Bench({ admit: (spec) => (spec.id === 'a' ? 'not safe' : null) });
    bench.pass(10_000);
    bench.open(task('a', { priority: 9 }), task('b'));
    bench.leases(0);
    bench.answer('get', text(task('a', { priority: 9 })));
    bench.answer('get', text(task('b')));
    expect(asked(bench)).toEqual(['b.1']);
  });

  it('a lease that is not older than its time by the clock of S3 is left alone; an older one is read, then replaced', () => {
    const bench = new Bench();
    bench.pass(10_000);
    bench.open(task('a'));
    bench.leases(60_900, 'a.1');
    expect(bench.take('store')).toEqual([]);
    bench.pass(10_000);
    bench.open(task('a'));
    bench.leases(61_100, 'a.1');
    bench.answer('get', text(task('a')), openKey(task('a')));
    const held = claimedLease(bench.state, task('a'), null, null, bench.ctx());
    bench.answer(
      'get',
      text({ ...held, holder: 'i-9', attempts: held.attempts.map((a) => ({ ...a, instanceId: 'i-9' })) }),
    );
    const call = bench.answer('put', { etag: '"2"' });
    expect(call).toMatchObject({ etag: '"l"' });
    expect(leaseOf(call)).toMatchObject({
      fence: 2,
      holder: 'i-1',
      attempts: [{ end: 'lost' }, { fence: 2, end: null }],
    });
  });
});

describe('a node that stood still', () => {
  it('between its claim and the answer renews what has run out before it runs anything', () => {
    const bench = new Bench();
    bench.pass(10_000);
    bench.open(task('a'));
    bench.leases(61_100, 'a.1');
    bench.answer('get', text(task('a')), openKey(task('a')));
    const held = claimedLease(bench.state, task('a'), null, null, bench.ctx());
    bench.answer('get', text({ ...held, holder: 'i-9' }));
    const at = bench.effects.findIndex((effect) => effect.type === 'store' && effect.call.op === 'put');
    const [put] = bench.effects.splice(at, 1);
    bench.nowMs += 61_000;
    if (put?.type === 'store')
      bench.send({ type: 'stored', id: put.id, outcome: { ok: true, value: { etag: '"2"' } } });
    expect(bench.take('run-task')).toEqual([]);
    expect(bench.answer('put', { etag: '"3"' })).toMatchObject({ key: 'tasks/lease/a.1', etag: '"2"' });
    expect(bench.take('run-task')).toMatchObject([{ fence: 2 }]);
  });

  it.each([
    ['within a look, takes what was claimed meanwhile for no remains', 20_000, 0],
    ['takes what is older than its look for remains', 22_000, 1],
  ])('%s', (_, ageMs, orphans) => {
    const bench = new Bench();
    bench.pass(10_000);
    const [list] = bench.effects.splice(
      bench.effects.findIndex((effect) => effect.type === 'store' && effect.call.op === 'list'),
      1,
    );
    // The request had 20 s on its way; its answer is the first thing that the node sees.
    const sentMs = bench.state.queue.look?.sentMs ?? 0;
    bench.nowMs = sentMs + 20_000;
    const value = { entries: [], nowMs: wallMs(EPOCH), more: false };
    if (list?.type === 'store') bench.send({ type: 'stored', id: list.id, outcome: { ok: true, value } });
    bench.leases(ageMs, 'a.1');
    expect(bench.state.queue.orphans.size).toBe(orphans);
  });
});

describe('a lease that was given back', () => {
  const held = (bench: Bench): Lease => claimedLease(bench.state, task('a'), null, null, bench.ctx());
  const bytesOf = (lease: Lease): number => Buffer.byteLength(writeLease(lease));

  it('is told from others by its length', () => {
    const bench = new Bench();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (tail) => {
        const lease = { ...held(bench), tail };
        expect(JSON.parse(writeLease(lease))).toEqual(lease);
        expect(looksFree(bytesOf(lease))).toBe(false);
        expect(looksFree(bytesOf({ ...lease, state: 'free', holder: null }))).toBe(true);
      }),
    );
  });

  it('is claimed at once, however young it is; and one that only looks so is left alone', () => {
    for (const state of ['free', 'held'] as const) {
      const bench = new Bench();
      bench.pass(10_000);
      bench.open(task('a'));
      const lease: Lease = { ...held(bench), state, holder: state === 'free' ? null : 'i-9' };
      const bytes = bytesOf({ ...lease, state: 'free' });
      const entry = { key: 'tasks/lease/a.1', etag: '"l"', bytes, modifiedMs: wallMs(EPOCH) };
      bench.answer('list', { entries: [entry], nowMs: wallMs(EPOCH), more: false });
      bench.answer('get', text(task('a')), openKey(task('a')));
      bench.answer('get', { body: writeLease(lease), etag: '"l"' }, 'tasks/lease/a.1');
      const puts = bench.take('store').filter(({ call }) => call.op === 'put');
      expect(puts).toHaveLength(state === 'free' ? 1 : 0);
    }
  });
});

describe('leases', () => {
  const bench = new Bench();
  const many = (count: number): Lease => {
    let lease: Lease | null = null;
    for (let i = 0; i < count; i++) lease = claimedLease(bench.state, task('a'), lease, 5_000, bench.ctx());
    if (lease === null) throw new Error('at least one');
    return lease;
  };

  it('keep the first and the last of many attempts', () => {
    const lease = many(200);
    expect(lease.fence).toBe(200);
    expect(lease.attempts).toHaveLength(MAX_ATTEMPTS);
    expect(lease.attempts[0]?.fence).toBe(1);
    expect(lease.attempts.at(-1)?.fence).toBe(200);
  });

  it('count executions that were lost since anything was saved', () => {
    expect(lostInARow(many(MOST_LOST))).toBe(MOST_LOST);
    expect(lostInARow({ ...many(30), checkpoint: { ...CHECK, fence: 25 } })).toBe(5);
    const poison = poisonLease(bench.state, many(MOST_LOST), null, bench.ctx());
    expect(poison).toMatchObject({ state: 'failed', holder: null, fence: MOST_LOST + 1 });
    expect(poison.tail).toMatch(/executions in a row were lost/);
  });

  it('never have the same nonce, in no life', () => {
    const other = new Bench();
    const nonces = [bench.state, other.state].flatMap((state) =>
      Array.from({ length: 50 }, () => claimedLease(state, task('a'), null, null, bench.ctx()).nonce),
    );
    // The same seed would give the same life: hosts seed from their machine.
    expect(new Set(nonces.slice(0, 50)).size).toBe(50);
  });
});

const CHECK = { fence: 1, seq: 1, manifest: 'm', bytes: 1, progress: null, doneMs: 1 };

describe('turns', () => {
  it('are one node each, whoever asks, and are spread', () => {
    const ids = fc.uniqueArray(fc.stringMatching(/^i-[0-9a-f]{4}$/), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(ids, fc.stringMatching(/^[a-z]{1,8}\.1$/), (names, key) => {
        const all = ranked(names);
        const ranks = all.map((self) =>
          rankOf(
            key,
            self,
            all.filter((one) => one !== self),
          ),
        );
        expect([...ranks].sort()).toEqual(names.map((_, i) => i));
        expect(all[ranks.indexOf(0)]?.id).toBe(turnOf(key, all));
        expect(turnOf(key, [...all].reverse())).toBe(turnOf(key, all));
      }),
      { seed: 4, numRuns: 200 },
    );
    const all = ranked(Array.from({ length: 20 }, (_, i) => `i-${i}`));
    const counts = new Map<string | null, number>();
    for (let i = 0; i < 2_000; i++) {
      const owner = turnOf(`t-${i}.1`, all);
      counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    expect(Math.max(...counts.values())).toBeLessThan(150);
    expect(counts.size).toBe(20);
  });
});

describe('deadlines', () => {
  it('a task that falls behind while everything is full asks for on-demand capacity', () => {
    const bench = new Bench();
    const urgent = task('urgent', {
      ...{ memoryMiB: 4_000, expectedMs: 3_600_000, submittedMs: wallMs(EPOCH - 7_000_000), priority: 1 },
      deadline: { atMs: wallMs(EPOCH + 3_700_000), policy: 'uniform-progress' },
    });
    const fillers = [task('a', { memoryMiB: 2_000, priority: 9 }), task('b', { memoryMiB: 2_000, priority: 9 })];
    bench.pass(10_000);
    bench.open(...fillers, urgent);
    bench.leases(0);
    for (const spec of fillers) bench.answer('get', text(spec));
    for (const _ of fillers) bench.answer('put', { etag: '"1"' });
    expect(bench.state.held.size).toBe(2);
    expect(bench.state.pressure.on).toBe(false);
    const asked = (): boolean =>
      bench.take('store').some(({ call }) => call.op === 'get' && call.key === openKey(urgent));
    for (let i = 0; i < 35 && !asked(); i++) bench.pass(1_000);
    bench.answer('get', text(urgent), openKey(urgent));
    bench.pass(35_000);
    expect(bench.state.pressure.on).toBe(true);
    expect(bench.take('publish').at(-1)).toMatchObject({ pressure: true, freeMemoryMiB: 0 });
  });
});
