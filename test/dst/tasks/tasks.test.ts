import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../core/rng.js';
import type { WorkerEffect } from '../../../core/tasks/port.js';
import type { TaskSpec } from '../../../core/tasks/task.js';
import { type PlannedTask, type TaskPlan, type TaskTrouble, taskPlanOf } from './plan.js';
import { type TaskReport, TaskWorld, type TaskWorldOptions } from './world.js';

const SEEDS = 80;
const BATCH = 20;

/** Seeded fault schedules over core/tasks: many workers, virtual time, a model of S3, an unkind world. */
describe('fault schedules of tasks', () => {
  for (let first = 1; first <= SEEDS; first += BATCH) {
    it(`seeds ${first} to ${first + BATCH - 1}`, { timeout: 120_000 }, () => {
      for (let seed = first; seed < first + BATCH; seed++) {
        try {
          new TaskWorld(seed).run();
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          throw new Error(`seed ${seed}: ${why}; npm run dst -- --tasks --from ${seed} --seeds 1 --trace`, {
            cause: error,
          });
        }
      }
    });
  }

  it.each([
    [20244, 'a claim that was answered after a pause, when its task was archived'],
    [22427, 'a look that stood still between its two listings'],
    [643, 'a deletion that arrived after the same content was sent again'],
    [213, 'a manifest of an earlier try that arrived after the later one'],
  ])('seed %i: %s', (seed) => {
    new TaskWorld(seed).run();
  });

  it('the same seed gives the same run', () => {
    const run = (): unknown => {
      const world = new TaskWorld(7, { trace: true });
      return { report: world.run(), trace: world.trace };
    };
    expect(run()).toEqual(run());
  });
});

const TASK: PlannedTask = {
  ...{ atMs: 0, id: 'long', memoryMiB: 500, priority: 5, retries: 0, intervalMs: 3_000, checkpoints: true },
  ...{ notify: 'signal', stopGraceMs: 2_000 },
  behaviour: { workMs: 40_000, markMs: 0, exit: 0, deadly: false, graceful: true },
};
const CALM: TaskPlan = {
  ...taskPlanOf(seededRng(1)),
  ...{ nodes: 3, maxTasks: 2, leaseMs: 5_000, tasks: [TASK], events: [], stormMs: 60_000, uploadMs: 50 },
  ...{ lostReply: 0, lostCall: 0, throttle: 0, slow: 0, lostNote: 0, uploadFails: 0 },
};
const play = (plan: Partial<TaskPlan>, tamper: TaskWorldOptions['tamper']): TaskReport =>
  new TaskWorld(3, { plan: { ...CALM, ...plan }, ...(tamper === undefined ? {} : { tamper }) }).run();

/** Three machines at once: whichever has the task is among them. */
const all = (trouble: (atMs: number) => TaskTrouble): TaskTrouble[] => [10_000, 10_001, 10_002].map(trouble);

describe('what the schedules are about happens', () => {
  it('a notice hands the task over, saved, to a node that runs before the sender lets go', () => {
    const events = all((atMs) => ({ atMs, type: 'interrupt', noticeMs: 30_000, count: 1 })).slice(0, 2);
    const reports = [1, 2, 3, 4, 5].map((seed) => new TaskWorld(seed, { plan: { ...CALM, events } }).run());
    for (const { ended } of reports) expect(ended).toEqual({ done: 1 });
    expect(Math.max(...reports.map(({ counters }) => counters.handedOver ?? 0))).toBeGreaterThan(0);
    expect(Math.max(...reports.map(({ counters }) => counters.leasesLost ?? 0))).toBe(0);
  });

  it('three nodes that are lost without a word cost attempts, not the task', () => {
    const report = play({ events: all((atMs) => ({ atMs, type: 'crash' })) }, undefined);
    expect(report.ended).toEqual({ done: 1 });
    expect(report.counters.claims).toBeGreaterThan(1);
  });

  it('a paused node loses its lease to another, and its writes come to nothing', () => {
    const report = play({ events: all((atMs) => ({ atMs, type: 'pause', forMs: 15_000 })).slice(0, 3) }, undefined);
    expect(report.ended).toEqual({ done: 1 });
  });

  it('a task that takes its nodes down ends as failed, with the reason', () => {
    const world = new TaskWorld(3, {
      plan: { ...CALM, tasks: [{ ...TASK, behaviour: { ...TASK.behaviour, deadly: true } }] },
    });
    expect(world.run().ended).toEqual({ failed: 1 });
    const [key = ''] = world.s3.under('tasks/failed/');
    expect(world.s3.objects.get(key)?.body).toMatch(/20 executions in a row were lost/);
  });

  it('a task that fails ends as failed after its retries', () => {
    const failing = { ...TASK, retries: 2, behaviour: { ...TASK.behaviour, exit: 99 } };
    const world = new TaskWorld(3, { plan: { ...CALM, tasks: [failing] } });
    expect(world.run().ended).toEqual({ failed: 1 });
    expect([...world.checkers.completed.values()]).toMatchObject([{ failures: 3 }]);
  });
});

describe('work that is done again', () => {
  // A checkpoint after each twentieth of a task's length, and more interruptions than nodes.
  it.each([20_000, 0])('is at most a twentieth with a notice of %i ms', (noticeMs) => {
    const tasks = Array.from({ length: 60 }, (_, i) => ({
      ...{ ...TASK, id: `t-${i}`, behaviour: { ...TASK.behaviour, workMs: 60_000 } },
    }));
    const events = Array.from(
      { length: 12 },
      (_, i) => ({ atMs: 8_000 + i * 8_000, type: 'interrupt', noticeMs, count: 1 }) as const,
    );
    const world = new TaskWorld(1, { plan: { ...CALM, nodes: 6, maxTasks: 4, tasks, events, stormMs: 120_000 } });
    expect(world.run().ended).toEqual({ done: 60 });
    const attempts = [...world.checkers.completed.values()].flatMap((lease) => lease.attempts);
    expect(attempts.length).toBeGreaterThan(70);
    expect(attempts.reduce((sum, { redoneMs }) => sum + redoneMs, 0)).toBeLessThan(0.05 * 60 * 60_000);
  });
});

describe('the checkers can fail', () => {
  const stores = (effect: WorkerEffect, op: string, prefix: string): boolean =>
    effect.type === 'store' &&
    effect.call.op === op &&
    ('key' in effect.call ? effect.call.key : 'keys' in effect.call ? (effect.call.keys[0] ?? '') : '').startsWith(
      prefix,
    );
  const withBody = (effect: WorkerEffect, change: (body: string) => string): WorkerEffect[] =>
    effect.type === 'store' && effect.call.op === 'put'
      ? [{ ...effect, call: { ...effect.call, body: change(effect.call.body) } }]
      : [effect];

  it('a program that is never started never ends its task', () => {
    const tamper = (_: unknown, effect: WorkerEffect): WorkerEffect[] => (effect.type === 'run-task' ? [] : [effect]);
    expect(() => play({}, tamper)).toThrow(/long\.1 has not ended/);
  });

  it('a lease written without its condition is a stale one', () => {
    const tamper = (_: unknown, effect: WorkerEffect): WorkerEffect[] => {
      if (effect.type !== 'store' || effect.call.op !== 'put' || !effect.call.key.startsWith('tasks/lease/'))
        return [effect];
      const { etag, ...call } = effect.call;
      return [{ ...effect, call }];
    };
    const events = all((atMs) => ({ atMs, type: 'pause', forMs: 20_000 })).map((event, i) => ({
      ...event,
      atMs: 10_000 + i * 15_000,
    }));
    const runs = Array.from(
      { length: 10 },
      (_, i) => () => new TaskWorld(i, { plan: { ...CALM, events }, tamper }).run(),
    );
    const problems = runs.map((run) => {
      try {
        run();
        return '';
      } catch (error) {
        return String(error);
      }
    });
    expect(problems.join('\n')).toMatch(/not the holder|the fence must grow by one|no claim/);
  });

  it('a fence that leaps', () => {
    const tamper = (_: unknown, effect: WorkerEffect): WorkerEffect[] =>
      stores(effect, 'put', 'tasks/lease/')
        ? withBody(effect, (body) => body.replace('"state":"held","fence":1', '"state":"held","fence":4'))
        : [effect];
    expect(() => play({}, tamper)).toThrow(/no claim|fence must grow/);
  });

  it('a task that is done twice', () => {
    let done: string | null = null;
    const tamper = (_: unknown, effect: WorkerEffect): WorkerEffect[] => {
      if (!stores(effect, 'put', 'tasks/lease/')) return [effect];
      const body = effect.type === 'store' && effect.call.op === 'put' ? effect.call.body : '';
      if (body.includes('"state":"done"')) done = body;
      return [effect];
    };
    const again = (machine: unknown, effect: WorkerEffect): WorkerEffect[] => {
      const out = tamper(machine, effect);
      if (done !== null && effect.type === 'drop-task') {
        const body = done.replace(/"nonce":"[^"]*"/, '"nonce":"again"');
        out.push({ type: 'store', id: 1e9, timeoutMs: 1_000, call: { op: 'put', key: 'tasks/lease/long.1', body } });
      }
      return out;
    };
    expect(() => play({}, again)).toThrow(/it had ended/);
  });

  it('a prune that keeps nothing', () => {
    const tamper = (_: unknown, effect: WorkerEffect): WorkerEffect[] =>
      effect.type === 'prune' ? [{ ...effect, keep: effect.keep.map((one) => ({ ...one, seq: 999 })) }] : [effect];
    expect(() => play({}, tamper)).toThrow(/deletes or replaces what the checkpoint of long\.1 needs/);
  });

  it('a lease that names a checkpoint whose manifest is missing', () => {
    const tamper = (_: unknown, effect: WorkerEffect): WorkerEffect[] =>
      stores(effect, 'put', 'tasks/lease/')
        ? withBody(effect, (body) =>
            body.replace(/"seq":1,"manifest":"([^"]*)1\.json"/, '"seq":9,"manifest":"$19.json"'),
          )
        : [effect];
    expect(() => play({}, tamper)).toThrow(/commits a checkpoint of long\.1 that is torn/);
  });

  it('a restore of what is not whole', () => {
    const tamper = (_: unknown, effect: WorkerEffect): WorkerEffect[] =>
      effect.type === 'run-task' && effect.restore !== null
        ? [{ ...effect, restore: { ...effect.restore, manifest: `${effect.restore.manifest}x` } }]
        : [effect];
    const events = all((atMs) => ({ atMs, type: 'crash' }));
    expect(() => play({ events }, tamper)).toThrow(/restores a torn checkpoint of long\.1/);
  });

  it('an open object that is deleted too early', () => {
    const tamper = (_: unknown, effect: WorkerEffect): WorkerEffect[] =>
      effect.type === 'run-task'
        ? [effect, { type: 'store', id: 1e9, timeoutMs: 1_000, call: { op: 'delete', keys: [openOf(effect.spec)] } }]
        : [effect];
    expect(() => play({}, tamper)).toThrow(/deletes the open object of long\.1, which hasn't ended/);
  });

  it('a journal that says something else, and one that is missing', () => {
    const lies = (_: unknown, effect: WorkerEffect): WorkerEffect[] =>
      stores(effect, 'put', 'tasks/ended/')
        ? withBody(effect, (body) => body.replace('"state":"done"', '"state":"failed"'))
        : [effect];
    expect(() => play({}, lies)).toThrow(/the journal calls long\.1 failed/);
    const elsewhere = (_: unknown, effect: WorkerEffect): WorkerEffect[] =>
      effect.type === 'store' && effect.call.op === 'put' && effect.call.key.startsWith('tasks/ended/')
        ? [{ ...effect, call: { ...effect.call, key: effect.call.key.replace('ended', 'lost') } }]
        : [effect];
    expect(() => play({}, elsewhere)).toThrow(/long\.1 is in no journal/);
  });

  it('a task that is run after it was archived', () => {
    let run: WorkerEffect | null = null;
    let cleared = false;
    const tamper = (_: unknown, effect: WorkerEffect): WorkerEffect[] => {
      if (effect.type === 'run-task') run = effect;
      if (stores(effect, 'delete', 'tasks/lease/')) cleared = true;
      return cleared && run !== null ? [effect, run] : [effect];
    };
    expect(() => play({}, tamper)).toThrow(/runs long\.1, which was archived/);
  });
});

const openOf = (spec: TaskSpec): string =>
  `tasks/open/${9 - spec.priority}-${spec.submittedMs.toString(36).padStart(9, '0')}-${spec.id}.${spec.run}`;
