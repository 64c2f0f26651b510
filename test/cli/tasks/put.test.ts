import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshRuns, pick, refuseTaken } from '../../../cli/tasks/ids.js';
import { putTasks } from '../../../cli/tasks/put.js';
import { queueReader } from '../../../cli/tasks/reader.js';
import { OPEN, openKey } from '../../../core/tasks/keys.js';
import type { TaskSpec } from '../../../core/tasks/task.js';
import { wallMs } from '../../../core/time.js';
import { FakeQueue, leaseOf, NOW_MS, sdkError, specOf } from './fake-queue.js';

const tasksOf = (count: number): TaskSpec[] => Array.from({ length: count }, (_, i) => specOf(`t-${i}`));
const put = (queue: FakeQueue, tasks: readonly TaskSpec[], signal = new AbortController().signal) =>
  putTasks(queue, tasks, { signal, checkIds: true, now: () => NOW_MS });

describe('a submission', () => {
  it('puts every task, each with a condition', async () => {
    const queue = new FakeQueue();
    const tasks = tasksOf(40);
    expect(await put(queue, tasks)).toEqual({ type: 'put' });
    expect(queue.keys(OPEN)).toEqual(tasks.map(openKey).sort());
    expect(queue.calls.filter((call) => call.startsWith('create'))).toHaveLength(40);
  });

  it('is all or nothing, whichever put fails, whatever was claimed meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 29 }),
        fc.constantFrom(sdkError('AccessDenied', 403), sdkError('InternalError', 500)),
        fc.array(fc.integer({ min: 0, max: 29 }), { maxLength: 5 }),
        async (failing, error, claimed) => {
          const queue = new FakeQueue();
          const tasks = tasksOf(30);
          const doomed = openKey(tasks[failing] ?? specOf('x'));
          queue.before = (op, key) => {
            if (op !== 'create') return;
            if (key === doomed) throw error;
            const task = tasks.find((one) => openKey(one) === key);
            if (task !== undefined && claimed.includes(tasks.indexOf(task))) {
              queueMicrotask(() => queue.objects.has(key) && queue.hold(leaseOf(task, 'held')));
            }
          };
          const end = await put(queue, tasks);
          if (end.type === 'put') throw new Error('It was put.');
          expect(end.why).toBe('failed');
          expect(end.error).toBe(error);
          expect(end.unsure).toEqual([]);
          // What stands is what was claimed, and it is told.
          const standing = tasks.filter((task) => queue.keys(OPEN).includes(openKey(task))).map(({ id }) => id);
          expect(standing.sort()).toEqual([...end.standing]);
          for (const id of standing) expect(queue.leaseOf({ id, run: 1 })?.state).toBe('held');
        },
      ),
      { numRuns: 100 },
    );
  });

  it('that is stopped takes back what it put', async () => {
    const queue = new FakeQueue();
    const stop = new AbortController();
    let puts = 0;
    queue.before = (op) => {
      if (op === 'create' && ++puts === 20) stop.abort();
    };
    const end = await put(queue, tasksOf(100), stop.signal);
    expect(end).toMatchObject({ type: 'not-put', why: 'stopped', standing: [], unsure: [] });
    expect(queue.keys(OPEN)).toEqual([]);
  });

  it('counts a put without an answer as perhaps done, and takes it back too', async () => {
    const queue = new FakeQueue();
    const [task] = tasksOf(1);
    if (task === undefined) throw new Error('no task');
    const lost = sdkError('TimeoutError', 500);
    queue.before = (op, key) => {
      if (op !== 'create' || key !== openKey(task)) return;
      queue.submit(task);
      throw lost;
    };
    expect(await put(queue, [task])).toMatchObject({ type: 'not-put', takenBack: 1 });
    expect(queue.keys(OPEN)).toEqual([]);
  });

  it('says what it is not sure of when taking back fails, too', async () => {
    const queue = new FakeQueue();
    let broken = false;
    queue.before = (_, key) => {
      if (key === openKey(specOf('t-3'))) broken = true;
      if (broken) throw sdkError('InternalError', 500);
    };
    const end = await put(queue, tasksOf(4));
    expect(end).toMatchObject({ type: 'not-put', unsure: ['t-0', 't-1', 't-2', 't-3'], takenBack: 0 });
  });

  it('of ids that somebody else submits at the same moment is withdrawn', async () => {
    const queue = new FakeQueue();
    const mine = specOf('a');
    const other = { ...mine, submittedMs: wallMs(mine.submittedMs + 5) };
    queue.before = (op, key) => {
      if (op === 'create' && key === openKey(mine)) queue.submit(other);
    };
    expect(await put(queue, [mine, specOf('b')])).toMatchObject({ why: 'duplicate', duplicates: ['a'], takenBack: 2 });
    expect(queue.keys(OPEN)).toEqual([openKey(other)]);
    expect(queue.leaseOf(other)).toBe(null);
  });
});

it('what was taken back can be submitted again: as the next run, since the lease of this one is cancelled', async () => {
  const queue = new FakeQueue();
  queue.before = (op, key) => {
    if (op === 'create' && key === openKey(specOf('t-1'))) throw sdkError('AccessDenied', 403);
  };
  await put(queue, tasksOf(2));
  queue.before = () => {};
  const { tasks, leftovers } = await queueReader(queue, 60_000).read();
  expect(tasks).toEqual([]);
  refuseTaken(tasksOf(2), tasks, 'training');
  expect(freshRuns(tasksOf(2), leftovers).map(({ run }) => run)).toEqual([2, 1]);
});

describe('ids', () => {
  it('that are taken are refused, with what to do', async () => {
    const queue = new FakeQueue();
    queue.submit(specOf('a'));
    for (const _ of queue.archive(specOf('b'), leaseOf(specOf('b'), 'done')));
    const { tasks } = await queueReader(queue, 60_000).read();
    expect(() => refuseTaken([specOf('a')], tasks, 'training')).toThrow('Task "a" is waiting already; give another id');
    expect(() => refuseTaken([specOf('b'), specOf('a')], tasks, 'training')).toThrow(
      'Task "b" (and 1 more that are taken) has ended already (done); give it another id, or run it again with: synkti tasks retry b',
    );
    expect(() => refuseTaken([specOf('c')], tasks, 'training')).not.toThrow();
  });

  it('that nobody has are told, with near ones; a run can be named', async () => {
    const queue = new FakeQueue();
    for (const run of [1, 2]) queue.submit(specOf('train', { run }));
    const { tasks } = await queueReader(queue, 60_000).read();
    expect(() => pick(['tran'], tasks, 'c')).toThrow('Cluster "c" has no task "tran". Did you mean "train"?');
    expect(pick(['train'], tasks, 'c').map(({ key }) => key)).toEqual(['train.2']);
    expect(pick(['train.1', 'train'], tasks, 'c').map(({ key }) => key)).toEqual(['train.1', 'train.2']);
    expect(() => pick(['x'], [], 'c')).toThrow('has no task "x". It has none at all.');
  });
});
