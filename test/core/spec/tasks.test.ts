import { describe, expect, it } from 'vitest';
import { parseSpec } from '../../../core/spec/parse.js';
import { specOf } from '../fixtures.js';

describe('a spec with tasks', () => {
  const withWorkloads = (...workloads: unknown[]): string => JSON.stringify({ ...specOf(), workloads });

  it('gets the defaults for what it leaves out', () => {
    const parsed = parseSpec(withWorkloads({ name: 'batch', kind: 'tasks' }));
    if (!parsed.ok) throw new Error(parsed.problem);
    expect(parsed.value.workloads).toEqual([
      expect.objectContaining({ kind: 'tasks', memoryMiB: null, gpuMemoryMiB: 0, maxTasks: 4, leaseMs: 60_000 }),
    ]);
  });

  it('is refused with a port, or with two queues', () => {
    expect(parseSpec(withWorkloads({ name: 'batch', kind: 'tasks', port: 80 }))).toEqual({
      ok: false,
      problem: 'spec.workloads[0]: a workload of tasks has no port.',
    });
    const two = parseSpec(withWorkloads({ name: 'a', kind: 'tasks' }, { name: 'b', kind: 'tasks' }));
    expect(two.ok ? '' : two.problem).toContain('one queue serves all tasks of a cluster');
  });
});
