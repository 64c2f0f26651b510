import { describe, expect, it } from 'vitest';
import type { TaskFacts } from '../../../../cli/rehearse/tasks/facts.js';
import { type TaskPromiseId, taskFindings } from '../../../../cli/rehearse/tasks/promises.js';
import { tasksJson, tasksText } from '../../../../cli/rehearse/tasks/report.js';
import { judge } from '../../../../cli/rehearse/verdict.js';
import { goodEvents, timelineOf } from '../story.js';
import { attempt, execution, goodFacts, goodWrites, lease, write } from './facts.js';

const broken = (facts: TaskFacts): TaskPromiseId[] => {
  const findings = taskFindings(facts);
  return (Object.keys(findings) as TaskPromiseId[]).filter((id) => (findings[id]?.because.length ?? 0) > 0);
};
const reasons = (facts: TaskFacts, id: TaskPromiseId): string => taskFindings(facts)[id]?.because.join('; ') ?? '';

describe('the verdict on tasks', () => {
  it('keeps every promise of a good run, and is part of the whole', () => {
    expect(broken(goodFacts())).toEqual([]);
    const verdict = judge(timelineOf(goodEvents(), { tasks: goodFacts(), traffic: null }));
    expect(verdict.kept).toBe(true);
    expect(verdict.traffic).toBeNull();
    const ids = verdict.promises.map(({ id }) => id);
    for (const id of ['tasks-once', 'stale-holder', 'seats-refilled']) expect(ids).toContain(id);
    // Without requests nothing can be said of them.
    for (const id of ['no-failed-request', 'outage-bounded', 'deregister-first']) expect(ids).not.toContain(id);
    const figure = (id: TaskPromiseId): string => verdict.promises.find((one) => one.id === id)?.figure ?? '';
    expect(figure('tasks-once')).toBe('2 of 2');
    expect(figure('results-right')).toBe('2 of 2');
    // 15 steps of 100 ms of 21.5 s; three executions were cut short, each explains 3 s.
    expect(figure('redone-bounded')).toMatch(/^6\.98% of 21\.5 s \(limit 41\.86%: 3 executions/);
    expect(figure('stale-holder')).toContain(
      '2 leases taken after they had run out, 2 of them from nodes that came back (1',
    );
  });

  it('is told in words and in JSON', () => {
    const text = tasksText(goodFacts());
    for (const part of [
      '2 of 2 tasks done',
      'executions: 5; interrupted tasks: 2 (handed to a peer once',
      '67% less',
      'one.1 (3 nodes)',
    ]) {
      expect(text).toContain(part);
    }
    expect(JSON.parse(JSON.stringify(tasksJson(goodFacts())))).toMatchObject({ done: 2, redoneMs: 1_500, faults: [] });
  });

  it('leaves untested what nothing tested', () => {
    const calm = goodFacts({
      tasks: goodFacts().tasks.map((one) => ({ ...one, result: null, steps: null })),
      executions: [],
      writes: [],
      records: ['one', 'two'].map((id) => ({
        task: `${id}.1`,
        lease: lease(id, 'done', 1, { attempts: [attempt(1, 'i-a', 'done')] }),
      })),
    });
    const { 'tasks-once': once, ...others } = taskFindings({ ...calm, records: calm.records });
    expect(once?.figure).toBe('2 of 2');
    expect(others['results-right']).toBeNull();
    expect(others['no-torn-checkpoint']).toBeNull();
    expect(others['redone-bounded']).toBeNull();
  });
});

describe('each promise about tasks can be broken:', () => {
  it('a task that is done twice, by its register', () => {
    const writes = [...goodWrites(), write(20_000, 'i-b', 'one', 'done', 4, { nonce: 'again' })];
    expect(broken(goodFacts({ writes }))).toEqual(['tasks-once', 'stale-holder']);
    expect(reasons(goodFacts({ writes }), 'tasks-once')).toBe('one.1 was done 2 times');
  });

  it('a task that is done twice, by its records', () => {
    const again = { task: 'one.1', lease: lease('one', 'done', 2, { nonce: 'other' }) };
    const facts = goodFacts({ records: [...goodFacts().records, again] });
    expect(reasons(facts, 'tasks-once')).toBe('one.1 was done 2 times');
    expect(broken(facts)).toContain('stale-holder');
  });

  it('but a record that was written twice is one completion', () => {
    const [first] = goodFacts().records;
    expect(broken(goodFacts({ records: [...goodFacts().records, ...(first === undefined ? [] : [first])] }))).toEqual(
      [],
    );
  });

  it('a task that is lost', () => {
    const records = goodFacts().records.slice(1);
    const gone = goodFacts({ records, writes: goodWrites().filter(({ task }) => task !== 'one.1') });
    expect(broken(gone)).toEqual(['tasks-once']);
    expect(reasons(gone, 'tasks-once')).toBe('one.1 is lost: S3 holds nothing of it');
    expect(reasons(goodFacts({ records }), 'tasks-once')).toBe('one.1 was done, but its record is lost');
    const waits = { ...gone, openLeft: ['one.1'], allEndedMs: null };
    expect(reasons(waits, 'tasks-once')).toBe("one.1 wasn't done after 60.0 s");
  });

  it('a task that ended and is still in the queue', () => {
    expect(reasons(goodFacts({ openLeft: ['two.1'] }), 'tasks-once')).toBe(
      'two.1 has ended, and is still in the queue',
    );
  });

  it('a task of the rehearsal that failed; one of the user may', () => {
    const failed = {
      task: 'one.1',
      lease: lease('one', 'failed', 3, { nonce: 'end', attempts: [{ ...attempt(3, 'i-c', 'failed'), exitCode: 3 }] }),
    };
    const writes = goodWrites().map((w) =>
      w.type === 'lease' && w.task === 'one.1' && w.state === 'done' ? { ...w, state: 'failed' as const } : w,
    );
    const facts = goodFacts({ writes, records: [failed, ...goodFacts().records.slice(1)] });
    expect(reasons(facts, 'tasks-once')).toBe('one.1 failed, exit code 3');
    const users = { ...facts, tasks: facts.tasks.map((one) => ({ ...one, result: null, steps: null })) };
    expect(taskFindings(users)['tasks-once']).toEqual({ figure: '1 of 2, 1 failed', because: [] });
  });

  it('a wrong result, or none', () => {
    const [one, two] = goodFacts().records;
    if (one === undefined || two === undefined) throw new Error('two records');
    const with_ = (tail: string) => goodFacts({ records: [{ ...one, lease: { ...one.lease, tail } }, two] });
    expect(broken(with_(`result ${'0'.repeat(64)}\n`))).toEqual(['results-right']);
    expect(reasons(with_('bye'), 'results-right')).toBe('the result of one.1 is missing');
  });

  it('a torn checkpoint', () => {
    const torn = { ...execution('two', 12_000, 0, 0), state: 'torn' as const };
    expect(broken(goodFacts({ executions: [...goodFacts().executions, torn] }))).toEqual(['no-torn-checkpoint']);
  });

  it('work that no interval explains', () => {
    const wasted = [execution('two', 100, 0, 99), execution('two', 200, 0, 99), ...goodFacts().executions];
    expect(broken(goodFacts({ executions: wasted }))).toEqual(['redone-bounded']);
    const restarted = goodFacts().executions.map((e) => (e.from === 45 ? { ...e, from: 0 } : e));
    expect(broken(goodFacts({ executions: restarted }))).toEqual([]);
  });
});

describe('a stale holder', () => {
  const spoiled = (...more: readonly Parameters<typeof write>[]): TaskFacts =>
    goodFacts({ writes: [...goodWrites(), ...more.map((args) => write(...args))].sort((a, b) => a.atMs - b.atMs) });

  it.each([
    ['renews what another holds', [11_500, 'i-b', 'two', 'held', 1], 'wrote fence 1 after fence 2'],
    ['completes what another holds', [11_500, 'i-b', 'two', 'done', 2], 'over the lease of i-c'],
    ['writes after the end', [15_250, 'i-b', 'two', 'free', 3], 'after its end (done'],
    ['takes what is fresh', [12_000, 'i-a', 'two', 'held', 3], 'over the lease of i-c, 1000 ms old'],
  ] as const)('that %s is found out', (_, args, reason) => {
    const [atMs, by, id, state, fence] = args;
    const facts = spoiled([atMs, by, id, state, fence, { nonce: 'stale' }]);
    expect(broken(facts)).toContain('stale-holder');
    expect(reasons(facts, 'stale-holder')).toContain(reason);
  });

  it.each([
    ['a checkpoint of the new holder', { type: 'checkpoint', fence: 2, seq: 1 }, 'wrote into a checkpoint of i-c'],
    [
      'the checkpoint that the lease names',
      { type: 'checkpoint-deleted', fence: 1, manifest: 'two/1/1.json' },
      'deleted the checkpoint that the lease names',
    ],
    ['the lease', { type: 'lease-deleted' }, 'deleted the lease that i-c held'],
    ['the queue', { type: 'open-deleted' }, 'from the queue before its end'],
  ] as const)('that touches %s is found out', (_, what, reason) => {
    const at = goodWrites().findIndex(({ atMs }) => atMs === 14_000);
    const writes = goodWrites();
    // The new holder still goes on from the former one's checkpoint.
    const held = write(11_200, 'i-c', 'two', 'held', 2, { checkpoint: 'two/1/1.json', nonce: 'n2b' });
    writes.splice(at, 0, held, { atMs: 12_000, by: 'i-b', task: 'two.1', ...what });
    expect(reasons(goodFacts({ writes }), 'stale-holder')).toContain(reason);
  });

  it('may still write under its own fence, where nobody looks', () => {
    const writes = goodWrites();
    writes.splice(11, 0, { atMs: 12_000, by: 'i-b', task: 'two.1', type: 'checkpoint', fence: 1, seq: 2 });
    expect(broken(goodFacts({ writes }))).toEqual([]);
  });

  it("can't be told from a record that the register doesn't know", () => {
    const stranger = { task: 'one.1', lease: lease('one', 'cancelled', 9) };
    expect(broken(goodFacts({ records: [...goodFacts().records, stranger] }))).toEqual(['stale-holder']);
  });
});
