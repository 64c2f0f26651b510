import { createColors } from 'picocolors';
import { describe, expect, it } from 'vitest';
import { spend } from '../../../cli/tasks/cost.js';
import { change, follow } from '../../../cli/tasks/follow.js';
import { inOrder, listText, readStates } from '../../../cli/tasks/list.js';
import { writeLog } from '../../../cli/tasks/logs.js';
import { queueReader } from '../../../cli/tasks/reader.js';
import { showText } from '../../../cli/tasks/show.js';
import type { TaskView } from '../../../cli/tasks/view.js';
import { printable, showBytes, showMiB, showSpan } from '../../../cli/tasks/words.js';
import { logKey } from '../../../core/tasks/keys.js';
import { wallMs } from '../../../core/time.js';
import { attemptOf, checkpointOf, FakeQueue, leaseOf, NOW_MS, specOf } from './fake-queue.js';

const plain = createColors(false);
const reader = (queue: FakeQueue) => queueReader(queue, 60_000);

async function viewOf(queue: FakeQueue, id: string): Promise<TaskView> {
  const found = (await reader(queue).read()).tasks.findLast((task) => task.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
}

function someTasks(): FakeQueue {
  const queue = new FakeQueue();
  queue.submit(specOf('late', { submittedMs: wallMs(NOW_MS - 1_000) }));
  queue.submit(specOf('early'));
  queue.submit(specOf('urgent', { priority: 9, submittedMs: wallMs(NOW_MS - 1_000) }));
  const running = specOf('running');
  queue.submit(running);
  queue.hold(leaseOf(running, 'held', { progress: 0.456, attempts: [attemptOf(1, { end: 'lost' }), attemptOf(2)] }));
  for (const _ of queue.archive(specOf('good'), leaseOf(specOf('good'), 'done')));
  return queue;
}

describe('the listing', () => {
  it('has running tasks first, then the queue in its order, then what has ended', async () => {
    const snapshot = await reader(someTasks()).read();
    const shown = inOrder(snapshot.tasks);
    expect(listText('c', snapshot, shown, false, plain)).toBe(
      [
        '5 tasks: 3 waiting, 1 running, 1 done',
        '',
        'TASK     STATE    PROGRESS  ATTEMPTS  AGE  NODE',
        'running  running  45%       2         10m  i-2',
        'urgent   waiting  -         -         1s   -',
        'early    waiting  -         -         10m  -',
        'late     waiting  -         -         1s   -',
        'good     done     100%      1         10m  i-1',
        '',
      ].join('\n'),
    );
  });

  it('is cut where it gets long', async () => {
    const queue = new FakeQueue();
    for (let i = 0; i < 60; i++) queue.submit(specOf(`t-${i}`));
    const snapshot = await reader(queue).read();
    const text = listText('c', snapshot, inOrder(snapshot.tasks), false, plain);
    expect(text.split('\n')).toHaveLength(55);
    expect(text).toContain('... and 10 more; all of them: --all');
  });

  it('takes states', () => {
    expect(readStates(undefined)).toBe(null);
    expect(readStates('waiting, done')).toEqual(new Set(['waiting', 'done']));
    expect(() => readStates('dnoe')).toThrow('--state takes waiting, running, done, failed, cancelled');
  });
});

it('a task is shown with its attempts, what was redone, its cost and its last lines', async () => {
  const queue = new FakeQueue();
  const spec = specOf('a');
  const attempts = [
    attemptOf(1, { endedMs: wallMs(NOW_MS - 100_000), end: 'interrupted', redoneMs: 20_000 }),
    attemptOf(2, { startedMs: wallMs(NOW_MS - 90_000), endedMs: wallMs(NOW_MS), end: 'failed', exitCode: 3 }),
  ];
  const lease = leaseOf(spec, 'failed', {
    attempts,
    failures: 1,
    checkpoint: checkpointOf(spec),
    tail: 'boom \u001b[31m\n',
  });
  for (const _ of queue.archive(spec, lease));
  const text = showText(await viewOf(queue, 'a'), spec, { usd: 0.0123, without: null }, NOW_MS, plain);
  expect(text).toBe(
    [
      'a',
      'State       failed (exit code 3) after 1 bad end',
      'Submitted   2026-11-24 09:50:00 UTC, 10m ago',
      'Ended       2026-11-24 10:00:00 UTC, 10m after',
      'Runs        true',
      'Needs       512 MiB of memory',
      'Priority    5; 2 retries',
      'Saves       ckpt, every 10m and at a notice',
      'Progress    60%',
      'Checkpoint  4.8 MiB at 60%, 4m of computing in it',
      'Redone      20s of computing',
      'Cost        $0.0123',
      '',
      'FENCE  NODE  POOL                       STARTED              FOR     REDONE  END',
      '1      i-1   m7g.large spot us-east-1a  2026-11-24 09:55:00  3m 20s  20s     interrupted',
      '2      i-2   m7g.large spot us-east-1a  2026-11-24 09:58:30  1m 30s  -       failed, exit code 3',
      '',
      'Its last lines',
      'boom ?[31m',
      '',
    ].join('\n'),
  );
});

describe('what following tells', () => {
  const spec = specOf('a');
  const at = async (state: 'none' | 'held' | 'free' | 'done' | 'failed', more: object = {}) => {
    const queue = new FakeQueue();
    queue.submit(spec);
    if (state !== 'none') queue.hold(leaseOf(spec, state, more));
    return await viewOf(queue, 'a');
  };

  it('is every start, move and end, and progress by tenths', async () => {
    const waiting = await at('none');
    const running = await at('held');
    const checkpoint = checkpointOf(spec);
    const moved = await at('held', { fence: 2, checkpoint, progress: 0.6, attempts: [attemptOf(1), attemptOf(2)] });
    expect(change(waiting, waiting, NOW_MS)).toBe(null);
    expect(change(waiting, running, NOW_MS)).toBe('a runs on i-1');
    expect(change(running, await at('held', { progress: 0.09 }), NOW_MS)).toBe(null);
    expect(change(running, await at('held', { progress: 0.31 }), NOW_MS)).toBe('a is at 31%');
    expect(change(running, moved, NOW_MS)).toBe('a runs on i-2 from 60%, attempt 2');
    expect(change(running, await at('free', { attempts: [attemptOf(1, { end: 'interrupted' })] }), NOW_MS)).toBe(
      'a waits again: its node gave it up (interrupted)',
    );
    expect(change(moved, await at('done'), NOW_MS)).toBe('a is done, 10m after it was submitted');
    const failed = { attempts: [attemptOf(1), attemptOf(2, { end: 'failed', exitCode: 9 })] };
    expect(change(moved, await at('failed', failed), NOW_MS)).toBe(
      'a is failed with exit code 9 in 2 attempts, 10m after it was submitted',
    );
  });

  it('ends when all have ended, also those that are taken back', async () => {
    const queue = new FakeQueue();
    const [a, b] = [specOf('a'), specOf('b')];
    queue.submit(a);
    queue.submit(b);
    queue.hold(leaseOf(a, 'held'));
    let looks = 0;
    const steps = queue.archive(a, leaseOf(a, 'done', { fence: 2 }));
    queue.before = (op, key) => {
      if (op !== 'list' || key !== 'tasks/open/') return;
      looks += 1;
      if (looks > 1) steps.next();
      if (looks === 3)
        for (const open of queue.keys('tasks/open/')) if (open.endsWith('b.1')) queue.objects.delete(open);
    };
    const lines: string[] = [];
    const end = await follow(reader(queue), {
      cluster: 'c',
      ids: [],
      intervalMs: 1,
      signal: new AbortController().signal,
      write: (text) => lines.push(text.trim()),
    });
    expect(end?.map(({ key, state }) => [key, state])).toEqual([['a.1', 'done']]);
    expect(lines).toEqual([
      'Following 2 tasks of cluster c: 1 waiting, 1 running',
      '10:00:00  a is done, 10m after it was submitted',
      "10:00:00  b.1 isn't there any more",
    ]);
  });

  it('is nothing where nothing is open', async () => {
    const options = { cluster: 'c', ids: [], intervalMs: 1, signal: new AbortController().signal, write: () => {} };
    await expect(follow(reader(new FakeQueue()), options)).rejects.toThrow(
      'Cluster "c" has no task that hasn\'t ended.',
    );
  });
});

describe('a log', () => {
  const logOf = async (queue: FakeQueue, fence: number | null = null) => {
    let out = '';
    let said = '';
    await writeLog(queue, await viewOf(queue, 'a'), {
      fence,
      terminal: true,
      write: async (chunk) => {
        out += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      },
      say: (text) => {
        said += text;
      },
    });
    return { out, said };
  };
  const queueWith = (tail: string, whole: boolean): FakeQueue => {
    const queue = new FakeQueue();
    const spec = specOf('a');
    queue.submit(spec);
    queue.hold(leaseOf(spec, 'free', { fence: 2, tail, attempts: [attemptOf(1, { end: 'failed' }), attemptOf(2)] }));
    if (whole) queue.put(logKey(spec, 1), 'all of \u0007it\n');
    return queue;
  };

  it('is the whole one of an execution, or the last lines', async () => {
    expect(await logOf(queueWith('end', true), 1)).toEqual({ out: 'all of ?it\n', said: '' });
    expect(await logOf(queueWith('end', true))).toEqual({ out: 'end\n', said: '' });
    expect((await logOf(queueWith('', false))).said).toContain('its log comes here when this execution ends');
  });

  it('that is not there is told', async () => {
    await expect(logOf(queueWith('x', true), 3)).rejects.toThrow('has no execution 3; those there: 1, 2.');
    const queue = new FakeQueue();
    queue.submit(specOf('a'));
    await expect(logOf(queue)).rejects.toThrow('Task "a" hasn\'t run yet, so it has no log.');
  });
});

it('a cost is the price at each time', () => {
  const hour = 3_600_000;
  const history = [
    { fromMs: 0, usdPerHour: 1 },
    { fromMs: 2 * hour, usdPerHour: 3 },
  ];
  expect(spend(history, hour, 3 * hour)).toBe(4);
  expect(spend(history, -hour, hour)).toBe(2);
  expect(spend(history, 5 * hour, 6 * hour)).toBe(3);
  expect(spend([], 0, hour)).toBe(null);
});

it('amounts are short', () => {
  expect([512, 1_536, 13 * 1_024].map(showMiB)).toEqual(['512 MiB', '1.5 GiB', '13 GiB']);
  expect([0, 1_023, 3_355_443, 2 ** 41].map(showBytes)).toEqual(['0 B', '1023 B', '3.2 MiB', '2 TiB']);
  expect([0, 59_400, 60_000, 200_000, 7_500_000, 90_000_000].map(showSpan)).toEqual([
    ...['0s', '59s', '1m', '3m 20s', '2h 5m', '1d 1h'],
  ]);
  expect(printable('a\u001b[0m\tb\nü\u009b')).toBe('a?[0m\tb\nü?');
});

it('a task whose checkpoints fail says why, as long as it runs', async () => {
  for (const [state, says] of [
    ['held', true],
    ['done', false],
  ] as const) {
    const queue = new FakeQueue();
    const spec = specOf('a');
    const lease = leaseOf(spec, state, { saveProblem: "ck/a\nb can't be a file's name" });
    if (state === 'done') for (const _ of queue.archive(spec, lease));
    else {
      queue.submit(spec);
      queue.hold(lease);
    }
    const text = showText(await viewOf(queue, 'a'), spec, { usd: 0, without: null }, NOW_MS, plain);
    expect(/^Not saved +ck\/a b can't be a file's name$/m.test(text), state).toBe(says);
  }
});
