import { describe, expect, it } from 'vitest';
import { NO_TASKS, readTasks, type TaskFlags } from '../../../../cli/rehearse/tasks/settings.js';
import { placesOf, type QueueSketch } from '../../../../local/cloudformation/places.js';
import { adaptSpec } from '../../../../local/cloudformation/rehearsal-spec.js';

const QUEUE: QueueSketch = { memoryMiB: 13_312, gpuMemoryMiB: 22_528, maxTasks: 2, leaseMs: 60_000 };
const spec = (workload: object): string =>
  JSON.stringify({
    format: 1,
    cluster: 'training',
    desired: 4,
    launch: { pools: [] },
    workloads: [{ name: 'tasks', kind: 'tasks', targetGroupArns: [], ...workload }],
  });

const read = (rest: Partial<TaskFlags>, queue: QueueSketch | null, serves = false) =>
  readTasks({ ...NO_TASKS, ...rest }, 'seed', '/chain.mjs', {
    queue,
    serves,
    cluster: { cluster: 'training', desired: 4, workloads: [] },
  });

describe('the tasks of a stack', () => {
  it('are found in its template', () => {
    const template = (workload: object) => ({
      Resources: { Spec: { Type: 'AWS::SSM::Parameter', Properties: { Value: spec(workload) } } },
    });
    const queueIn = (workload: object) =>
      placesOf(template(workload), { region: 'us-east-1' }).clusters[0]?.workloads[0]?.queue;
    expect(queueIn(QUEUE)).toEqual(QUEUE);
    expect(queueIn({})).toEqual({ memoryMiB: null, gpuMemoryMiB: 0, maxTasks: 4, leaseMs: 60_000 });
  });

  it('get shorter leases, and no node takes the memory of the whole machine', () => {
    const tools = { hereOf: () => null, portOf: (port: number) => port };
    const adapted = adaptSpec(spec({ leaseMs: 60_000 }), { timeScale: 0.1 }, tools);
    expect(JSON.parse(adapted.value).workloads).toEqual([
      { name: 'tasks', kind: 'tasks', targetGroupArns: [], leaseMs: 6_000, memoryMiB: 7_680 },
    ]);
    expect(adapted.changes.join()).toContain('The tasks tasks have leases of 6000 ms, not 60000');
    expect(JSON.parse(adaptSpec(spec(QUEUE), {}, tools).value).workloads[0]).toMatchObject(QUEUE);
  });

  it('run as many at once as the template says', () => {
    expect(read({ tasks: '8' }, QUEUE)).toMatchObject({ perNode: 2, memoryMiB: 13_312, leaseMs: 6_000, count: 8 });
  });

  it.each([
    [
      'no tasks where nothing else is to be done',
      {},
      QUEUE,
      false,
      'has no workload with a port, but a queue of tasks',
    ],
    ['tasks without a queue', { tasks: '8' }, null, true, 'The cluster training runs no tasks: add Workload.tasks()'],
    ['what the template says', { tasks: '8', tasksPerNode: '3' }, QUEUE, true, '--tasks-per-node can'],
  ] as const)('refuse %s', (_, flags, queue, serves, sentence) => {
    expect(() => read(flags, queue, serves)).toThrow(sentence);
  });

  it('may be left alone beside a service', () => {
    expect(read({}, QUEUE, true)).toBeNull();
  });
});
