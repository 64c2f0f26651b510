import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { queueReader } from '../../../cli/tasks/reader.js';
import { leaseKey } from '../../../core/tasks/keys.js';
import { FakeQueue, leaseOf, NOW_MS, specOf } from './fake-queue.js';

const LEASE_MS = 60_000;
const statesOf = async (queue: FakeQueue): Promise<Record<string, string>> =>
  Object.fromEntries((await queueReader(queue, LEASE_MS).read()).tasks.map((task) => [task.key, task.state]));

describe('what the reader sees', () => {
  it('of each stage of a task', async () => {
    const queue = new FakeQueue();
    const [waiting, running, free, ended] = ['waiting', 'running', 'free', 'ended'].map((id) => specOf(id));
    for (const spec of [waiting, running, free, ended]) if (spec) queue.submit(spec);
    if (running) queue.hold(leaseOf(running, 'held'));
    if (free) queue.hold(leaseOf(free, 'free'));
    if (ended) queue.hold(leaseOf(ended, 'failed'));
    expect(await statesOf(queue)).toEqual({
      'waiting.1': 'waiting',
      'running.1': 'running',
      'free.1': 'waiting',
      'ended.1': 'failed',
    });
  });

  it('of a holder that is lost: its lease is judged by the clock of the bucket', async () => {
    const queue = new FakeQueue();
    const spec = specOf('a');
    queue.submit(spec);
    queue.hold(leaseOf(spec, 'held'));
    queue.nowMs = NOW_MS + LEASE_MS;
    expect(await statesOf(queue)).toEqual({ 'a.1': 'running' });
    queue.nowMs = NOW_MS + LEASE_MS + 1;
    expect(await statesOf(queue)).toEqual({ 'a.1': 'waiting' });
  });

  it('is each task once and in its true state, whatever is archived between two requests', async () => {
    const steps = fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (pace, count) => {
        const queue = new FakeQueue();
        const specs = Array.from({ length: count }, (_, i) => specOf(`t-${i}`));
        for (const spec of specs) {
          queue.submit(spec);
          queue.hold(leaseOf(spec, 'held'));
        }
        const work = specs.map((spec) => queue.archive(spec, leaseOf(spec, 'done', { fence: 2 })));
        let turn = 0;
        queue.before = () => {
          for (let n = pace[turn % pace.length] ?? 0; n > 0; n--) work[(turn + n) % count]?.next();
          turn += 1;
        };
        const reader = queueReader(queue, LEASE_MS);
        let finals = 0;
        for (let look = 0; look < 6; look++) {
          const { tasks, problems } = await reader.read();
          expect(problems).toEqual([]);
          expect(tasks.map(({ id }) => id)).toEqual(specs.map(({ id }) => id));
          const now = tasks.filter(({ state }) => state === 'done').length;
          // Never back again from an end.
          expect(now).toBeGreaterThanOrEqual(finals);
          finals = now;
          for (const { state } of tasks) expect(['running', 'waiting', 'done']).toContain(state);
        }
        for (const one of work) while (one.next().done !== true);
        expect(new Set((await reader.read()).tasks.map(({ state }) => state))).toEqual(new Set(['done']));
      }),
      { numRuns: 100 },
    );
  });

  it('of two records of one run is the one of the later holder', async () => {
    const queue = new FakeQueue();
    const spec = specOf('a');
    const line = (fence: number, state: 'failed' | 'done'): string =>
      `${JSON.stringify({ spec, lease: leaseOf(spec, state, { fence }) })}\n`;
    queue.put('tasks/ended/1-a-1.jsonl', line(3, 'done'));
    queue.put('tasks/ended/2-b-1.jsonl', line(2, 'failed'));
    expect(await statesOf(queue)).toEqual({ 'a.1': 'done' });
  });

  it('is the rest, when something can not be read', async () => {
    const queue = new FakeQueue();
    queue.submit(specOf('a'));
    queue.put('tasks/open/what', '');
    queue.put(leaseKey({ id: 'a', run: 1 }), '{');
    queue.put('tasks/ended/1-a-1.jsonl', 'x\n');
    const { tasks, problems } = await queueReader(queue, LEASE_MS).read();
    expect(tasks.map(({ key }) => key)).toEqual(['a.1']);
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      's3://synkti-training/tasks/lease/a.1',
      's3://synkti-training/tasks/ended/1-a-1.jsonl',
      's3://synkti-training/tasks/open/what',
    ]);
  });
});

it('a second look reads only what has changed', async () => {
  const queue = new FakeQueue();
  const [a, b, c] = [specOf('a'), specOf('b'), specOf('c')];
  for (const spec of [a, b]) {
    queue.submit(spec);
    queue.hold(leaseOf(spec, 'held'));
  }
  for (const _ of queue.archive(c, leaseOf(c, 'done')));
  const reader = queueReader(queue, LEASE_MS);
  await reader.read();
  queue.calls.length = 0;
  queue.hold(leaseOf(b, 'held', { fence: 2 }));
  await reader.read();
  expect(queue.calls).toEqual([
    'list tasks/open/',
    'list tasks/lease/',
    'get tasks/lease/b.1',
    'list tasks/ended/',
    'list tasks/failed/',
  ]);
});
