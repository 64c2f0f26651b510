import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { remainsOf } from '../../../cli/tasks/clean.js';
import { cancelTask } from '../../../cli/tasks/end.js';
import { queueReader } from '../../../cli/tasks/reader.js';
import { nextRun } from '../../../cli/tasks/retry.js';
import type { TaskView } from '../../../cli/tasks/view.js';
import { ENDED, leaseKey, OPEN } from '../../../core/tasks/keys.js';
import { parseLease, parseRecordLine } from '../../../core/tasks/parse.js';
import { wallMs } from '../../../core/time.js';
import { attemptOf, checkpointOf, FakeQueue, leaseOf, NOW_MS, specOf } from './fake-queue.js';

async function viewOf(queue: FakeQueue, key: string): Promise<TaskView> {
  const found = (await queueReader(queue, 60_000).read()).tasks.find((task) => task.key === key);
  if (found === undefined) throw new Error(`no ${key}`);
  return found;
}

describe('a cancelled task', () => {
  it.each(['waiting', 'free', 'held'] as const)('that was %s is recorded, and out of the queue', async (was) => {
    const queue = new FakeQueue();
    const spec = specOf('a');
    queue.submit(spec);
    const checkpoint = checkpointOf(spec);
    if (was !== 'waiting') queue.hold(leaseOf(spec, was, { fence: 7, attempts: [attemptOf(7)], checkpoint }));
    const end = await cancelTask(queue, await viewOf(queue, 'a.1'), NOW_MS);
    expect(end).toEqual({ type: 'cancelled', wasRunning: was === 'held' });
    expect(queue.keys(OPEN)).toEqual([]);
    const [journal = ''] = queue.keys(ENDED);
    const record = parseRecordLine(queue.objects.get(journal)?.body.trim() ?? '');
    expect(record.ok && record.value.spec).toEqual(spec);
    const fence = was === 'waiting' ? 1 : 8;
    expect(record.ok && record.value.lease).toMatchObject({ state: 'cancelled', fence, holder: null });
    if (was !== 'waiting') {
      expect(record.ok && record.value.lease).toMatchObject({
        checkpoint,
        attempts: [{ end: 'cancelled', endedMs: NOW_MS }],
      });
    }
    // The lease outlives the open object, for those who saw it a moment ago.
    const lease = parseLease(queue.objects.get(leaseKey(spec))?.body ?? '');
    expect(lease.ok && lease.value.state).toBe('cancelled');
    expect((await viewOf(queue, 'a.1')).state).toBe('cancelled');
    expect(await cancelTask(queue, await viewOf(queue, 'a.1'), NOW_MS)).toEqual({ type: 'ended', state: 'cancelled' });
  });

  it('and its holder agree on one end, however their writes meet', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 5 }), async (moment, renewals) => {
        const queue = new FakeQueue();
        const spec = specOf('a');
        queue.submit(spec);
        let held = leaseOf(spec, 'held', { fence: 3 });
        queue.hold(held);
        const view = await viewOf(queue, 'a.1');
        let holderDone = false;
        let left = renewals;
        let etag = queue.objects.get(leaseKey(spec))?.etag;
        // The holder writes as it does: on its own ETag. It renews some times, then completes.
        const holder = (): void => {
          if (etag === undefined || queue.objects.get(leaseKey(spec))?.etag !== etag) return;
          held = left-- > 0 ? { ...held, nonce: `r-${left}` } : leaseOf(spec, 'done', { fence: 3 });
          queue.hold(held);
          etag = held.state === 'held' ? queue.objects.get(leaseKey(spec))?.etag : undefined;
          holderDone = held.state === 'done';
        };
        let calls = 0;
        queue.before = () => {
          if (calls++ >= moment) holder();
        };
        const end = await cancelTask(queue, view, NOW_MS);
        queue.before = () => {};
        holder();
        expect(end.type).toBe(holderDone ? 'ended' : 'cancelled');
        const lease = parseLease(queue.objects.get(leaseKey(spec))?.body ?? '');
        expect(lease.ok && lease.value.state).toBe(holderDone ? 'done' : 'cancelled');
        expect(queue.keys(ENDED)).toHaveLength(holderDone ? 0 : 1);
      }),
      { numRuns: 200 },
    );
  });

  it('that went meanwhile is told as gone', async () => {
    const queue = new FakeQueue();
    queue.submit(specOf('a'));
    const view = await viewOf(queue, 'a.1');
    queue.objects.clear();
    expect(await cancelTask(queue, view, NOW_MS)).toEqual({ type: 'gone' });
    expect(queue.keys()).toEqual([]);
  });
});

describe('a retry', () => {
  const ended = async (state: 'done' | 'failed' | 'cancelled', withManifest = true) => {
    const queue = new FakeQueue();
    const spec = specOf('a', { deadline: { atMs: wallMs(NOW_MS + 1_000), policy: 'adaptive' }, expectedMs: 1_000 });
    const checkpoint = checkpointOf(spec);
    for (const _ of queue.archive(spec, leaseOf(spec, state, { checkpoint })));
    if (withManifest) queue.put(checkpoint.manifest, '{}');
    return { queue, spec, checkpoint, view: await viewOf(queue, 'a.1') };
  };
  const now = { nowMs: NOW_MS + 5_000 };

  it('goes on from the last checkpoint, with as much time as before', async () => {
    const { queue, spec, checkpoint, view } = await ended('failed');
    const next = await nextRun(queue, view, { fromStart: false, ...now });
    const atMs = NOW_MS + 5_000 + (NOW_MS + 1_000 - spec.submittedMs);
    const deadline = { atMs, policy: 'adaptive' };
    expect(next).toEqual({ ...spec, run: 2, submittedMs: NOW_MS + 5_000, deadline, resume: checkpoint });
  });

  it('goes from nothing when told so', async () => {
    const { queue, view } = await ended('failed');
    expect((await nextRun(queue, view, { fromStart: true, ...now })).resume).toBe(null);
  });

  it('says why it can not go on', async () => {
    const failed = await ended('failed', false);
    await expect(nextRun(failed.queue, failed.view, { fromStart: false, ...now })).rejects.toThrow(
      'The last checkpoint of task "a" isn\'t there any more; to begin from nothing, add --from-start.',
    );
    const done = await ended('done');
    await expect(nextRun(done.queue, done.view, { fromStart: false, ...now })).rejects.toThrow('is done; to run it');
    const queue = new FakeQueue();
    queue.submit(specOf('b'));
    await expect(nextRun(queue, await viewOf(queue, 'b.1'), { fromStart: true, ...now })).rejects.toThrow(
      'is waiting;',
    );
  });
});

it('cleaning removes checkpoints of tasks that ended long ago, and none of an id that is open again', async () => {
  const queue = new FakeQueue();
  const hour = 3_600_000;
  queue.nowMs = NOW_MS - 5 * hour;
  const runs = ['old', 'resumed', 'running', 'unknown', 'fresh'].map((id) => specOf(id));
  for (const spec of runs) queue.put(checkpointOf(spec).manifest, '{}');
  const attempts = [attemptOf(1, { endedMs: wallMs(NOW_MS - 5 * hour), end: 'failed' })];
  for (const spec of runs.filter(({ id }) => id === 'old' || id === 'resumed')) {
    for (const _ of queue.archive(spec, leaseOf(spec, 'failed', { attempts })));
  }
  const fresh = specOf('fresh');
  for (const _ of queue.archive(fresh, leaseOf(fresh, 'failed')));
  queue.submit(specOf('resumed', { run: 2, resume: checkpointOf(specOf('resumed')) }));
  queue.submit(specOf('running'));
  const { tasks } = await queueReader(queue, 60_000).read();
  expect(await remainsOf(queue, tasks, NOW_MS - hour)).toEqual({
    ids: ['old', 'unknown'],
    keys: ['old', 'unknown'].map((id) => checkpointOf(specOf(id)).manifest),
    bytes: 4,
  });
  expect(await remainsOf(queue, tasks, NOW_MS - 6 * hour)).toEqual({ ids: [], keys: [], bytes: 0 });
});
