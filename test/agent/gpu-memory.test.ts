import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { gpuMemoryMiB } from '../../agent/gpu-memory.js';
import { parseSpec } from '../../core/spec/parse.js';
import type { Spec } from '../../core/spec/spec.js';
import { specOf } from '../core/fixtures.js';

const dir = mkdtempSync(join(tmpdir(), 'synkti-gpu-'));
afterAll(() => rmSync(dir, { recursive: true }));

function program(script: string): string {
  const path = join(dir, `smi-${Math.abs(script.length)}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

function specWith(change: object): Spec {
  const workload = { name: 'model', kind: 'process', command: ['serve'], ...change };
  const parsed = parseSpec(JSON.stringify({ ...specOf(), workloads: [workload] }));
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

describe('the GPU memory of a node', () => {
  const needs = specWith({ copies: 1, gpuMemoryMiB: 20_000 });

  it('is the sum over its GPUs, as the driver says', async () => {
    const codes: string[] = [];
    const smi = program("printf '23028\\n 23028 \\n[N/A]\\n'");
    expect(await gpuMemoryMiB(needs, (_, code) => codes.push(code), smi)).toBe(46_056);
    expect(codes).toEqual([]);
  });

  it('is none, with a word in the log, where there is no driver or it fails', async () => {
    const codes: string[] = [];
    const log = (_: string, code: string): number => codes.push(code);
    expect(await gpuMemoryMiB(needs, log, join(dir, 'nowhere'))).toBe(0);
    expect(await gpuMemoryMiB(needs, log, program('echo 5; exit 9'))).toBe(0);
    expect(codes).toEqual(['gpu-memory-unknown', 'gpu-memory-unknown']);
  });

  it('is not asked for where no copy needs any', async () => {
    const codes: string[] = [];
    for (const spec of [specWith({}), specWith({ copies: 2, memoryMiB: 5 })]) {
      expect(await gpuMemoryMiB(spec, (_, code) => codes.push(code), join(dir, 'nowhere'))).toBe(0);
    }
    expect(codes).toEqual([]);
  });
});
