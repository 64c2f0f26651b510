import { describe, expect, it } from 'vitest';
import { parseSpec } from '../../../core/spec/parse.js';
import { revisionOf } from '../../../core/spec/revision.js';
import { specOf } from '../fixtures.js';

const read = (...workloads: unknown[]) => parseSpec(JSON.stringify({ ...specOf(), workloads }));
const MODEL = { name: 'model', kind: 'process', command: ['serve'] };

describe('a workload with copies', () => {
  it('says how many there are and what one needs; without, the spec and its revision are as they were', () => {
    const parsed = read({ ...MODEL, copies: 3, memoryMiB: 512, gpuMemoryMiB: 0 });
    const plain = read(MODEL);
    if (!parsed.ok || !plain.ok) throw new Error('refused');
    expect(parsed.value.workloads[0]).toMatchObject({ copies: 3, memoryMiB: 512, gpuMemoryMiB: 0 });
    expect(Object.keys(plain.value.workloads[0] ?? {})).not.toContain('copies');
    const other = read({ ...MODEL, copies: 4, memoryMiB: 512, gpuMemoryMiB: 0 });
    expect(other.ok && revisionOf(1, other.value)).toBe(revisionOf(1, parsed.value));
  });

  it.each([
    [{ copies: 0 }, 'spec.workloads[0].copies must be a whole number from 1 to 10000, not 0.'],
    [{ copies: 1.5 }, 'spec.workloads[0].copies must be a whole number from 1 to 10000, not 1.5.'],
    [{ memoryMiB: -1 }, 'spec.workloads[0].memoryMiB must be a whole number from 0 to 100000000, not -1.'],
  ])('%j is refused', (change, problem) => {
    expect(read({ ...MODEL, ...change })).toEqual({ ok: false, problem });
  });

  it('stands beside tasks only if those say what they take', () => {
    const tasks = { name: 'batch', kind: 'tasks' };
    const problem = 'spec.workloads: beside the copies of model, batch must say its memoryMiB.';
    expect(read({ ...MODEL, copies: 1 }, tasks)).toEqual({ ok: false, problem });
    expect(read({ ...MODEL, copies: 1 }, { ...tasks, memoryMiB: 1_024 }).ok).toBe(true);
    expect(read({ name: 'batch', kind: 'tasks', copies: 2 }).ok).toBe(false);
  });
});
