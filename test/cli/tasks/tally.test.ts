import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENDED_BOUNDS, EndedTasks } from '../../../cli/tasks/ended.js';
import { countsOf } from '../../../cli/tasks/list.js';
import { queueReader } from '../../../cli/tasks/reader.js';
import { type Listed, tallyOf } from '../../../cli/tasks/tally.js';
import { ENDED, journalKey, LEASES, leaseKey, OPEN } from '../../../core/tasks/keys.js';
import { writeLease } from '../../../core/tasks/leases.js';
import { wallMs } from '../../../core/time.js';
import { FakeQueue, leaseOf, NOW_MS, specOf } from './fake-queue.js';

const LEASE_MS = 60_000;
const ALL = { pages: 5 };

async function listed(queue: FakeQueue, ended = new EndedTasks(), pages = ALL): Promise<Listed> {
  const open = await queue.listSome(OPEN, pages);
  const leases = await queue.listSome(LEASES, pages);
  await ended.look(queue);
  return { open, leases, ended: ended.tasks, endedMore: ended.more };
}

const tally = async (queue: FakeQueue, ended?: EndedTasks, pages?: typeof ALL) =>
  tallyOf(await listed(queue, ended, pages), LEASE_MS);

/** A task in some state, as agents leave it in the bucket. */
function place(queue: FakeQueue, id: string, state: string, journal: string[]): void {
  const spec = specOf(id);
  const lease = (...args: Parameters<typeof leaseOf>): void => queue.put(leaseKey(spec), writeLease(leaseOf(...args)));
  switch (state) {
    case 'waiting':
      queue.submit(spec);
      break;
    case 'held':
    case 'free':
      queue.submit(spec);
      lease(spec, state);
      break;
    case 'overdue':
      queue.submit(spec);
      queue.nowMs -= LEASE_MS + 1_000;
      lease(spec, 'held');
      queue.nowMs += LEASE_MS + 1_000;
      break;
    case 'forgotten':
      lease(spec, 'held');
      break;
    case 'lingering':
      // Its record is there; its open object and its lease aren't gone yet.
      queue.submit(spec);
      lease(spec, 'done');
      journal.push(JSON.stringify({ spec, lease: leaseOf(spec, 'done') }));
      break;
    default:
      journal.push(JSON.stringify({ spec, lease: leaseOf(spec, state as 'done') }));
  }
}

const writeJournal = (queue: FakeQueue, n: number, lines: readonly string[], atMs = NOW_MS): void =>
  queue.put(journalKey(wallMs(atMs), 'i-1', n), `${lines.join('\n')}\n`);

describe('counting tasks from listings', () => {
  it('finds what reading every lease finds', async () => {
    const state = fc.constantFrom(
      ...['waiting', 'held', 'free', 'overdue', 'forgotten', 'lingering', 'done', 'failed', 'cancelled'],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(state, { maxLength: 25 }), async (states) => {
        const queue = new FakeQueue();
        const lines: string[] = [];
        states.forEach((one, i) => {
          place(queue, `t-${i}`, one, lines);
        });
        lines.forEach((line, i) => {
          writeJournal(queue, i % 3, [line], NOW_MS + i);
        });
        const counts = await tally(queue);
        const { tasks } = await queueReader(queue, LEASE_MS).read();
        expect(counts).toEqual({ ...countsOf(tasks), least: { open: false, ended: false } });
      }),
      { numRuns: 60 },
    );
  });

  it('of listings that were cut never counts too many, and says so', async () => {
    const states = fc.array(fc.constantFrom('waiting', 'held', 'free'), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(states, fc.integer({ min: 1, max: 8 }), async (drawn, pageKeys) => {
        const queue = new FakeQueue();
        drawn.forEach((one, i) => {
          place(queue, `t-${(i * 7) % 20}-${i}`, one, []);
        });
        const whole = await tally(queue);
        queue.pageKeys = pageKeys;
        const { open, leases } = await listed(queue, new EndedTasks(), { pages: 1 });
        const cut = tallyOf({ open, leases, ended: new Map(), endedMore: false }, LEASE_MS);
        expect(cut.waiting).toBeLessThanOrEqual(whole.waiting);
        expect(cut.running).toBeLessThanOrEqual(whole.running);
        expect(cut.least.open).toBe(open.more || leases.more);
        if (!cut.least.open) expect(cut).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it('a task that two nodes archived counts once, in the state of its later holder', async () => {
    const queue = new FakeQueue();
    const spec = specOf('a');
    const line = (fence: number, state: 'done' | 'failed') =>
      JSON.stringify({ spec, lease: leaseOf(spec, state, { fence }) });
    writeJournal(queue, 1, [line(3, 'done')]);
    writeJournal(queue, 2, [line(2, 'failed')]);
    expect(await tally(queue)).toMatchObject({ done: 1, failed: 0, waiting: 0 });
  });
});

describe('the journals of those who look again and again', () => {
  const done = (id: string): string => JSON.stringify({ spec: specOf(id), lease: leaseOf(specOf(id), 'done') });
  const gets = (queue: FakeQueue): number => queue.calls.filter((call) => call.startsWith('get')).length;

  it('are read once each, some at a look', async () => {
    const queue = new FakeQueue();
    for (let i = 0; i < 7; i++) writeJournal(queue, i, [done(`t-${i}`)]);
    const ended = new EndedTasks({ ...ENDED_BOUNDS, reads: 3 });
    const looks: [number, boolean][] = [];
    for (let i = 0; i < 4; i++) {
      await ended.look(queue);
      looks.push([ended.tasks.size, ended.more]);
    }
    expect(looks).toEqual([
      [3, true],
      [6, true],
      [7, false],
      [7, false],
    ]);
    expect(gets(queue)).toBe(7);
    writeJournal(queue, 9, [done('late')], NOW_MS + 1_000);
    await ended.look(queue);
    expect([ended.tasks.size, gets(queue)]).toEqual([8, 8]);
  });

  it('are listed whole at first, however many looks that takes, then only at their end; deleted ones go in an hour', async () => {
    const queue = new FakeQueue();
    queue.pageKeys = 2;
    for (let i = 0; i < 7; i++) writeJournal(queue, i, [done(`t-${i}`)], NOW_MS - 86_400_000 + i);
    const ended = new EndedTasks({ ...ENDED_BOUNDS, pages: 1 });
    const sizes: number[] = [];
    for (let i = 0; i < 5; i++) {
      await ended.look(queue);
      sizes.push(ended.tasks.size);
    }
    expect(sizes).toEqual([2, 4, 6, 7, 7]);
    expect(ended.more).toBe(false);
    for (const key of queue.keys(ENDED).slice(0, 3)) queue.objects.delete(key);
    await ended.look(queue);
    expect(ended.tasks.size).toBe(7);
    queue.nowMs += 3_600_000;
    for (let i = 0; i < 4; i++) await ended.look(queue);
    expect(ended.tasks.size).toBe(4);
    expect(gets(queue)).toBe(7);
  });

  it('that can’t be read, are too large or too many make the number the least that there is', async () => {
    for (const bounds of [{}, { bytes: 10 }, { journals: 0 }, { records: 1 }]) {
      const queue = new FakeQueue();
      writeJournal(queue, 1, [done('a'), done('b'), ...(Object.keys(bounds).length === 0 ? ['{"no": "record"}'] : [])]);
      const ended = new EndedTasks({ ...ENDED_BOUNDS, ...bounds });
      await ended.look(queue);
      await ended.look(queue);
      expect(ended.more).toBe(true);
      expect(gets(queue)).toBeLessThanOrEqual(1);
    }
  });
});
