import { execFile } from 'node:child_process';
import { copiesWanted } from '../core/node/copies.js';
import type { LogFields, LogLevel } from '../core/node/port.js';
import type { Spec } from '../core/spec/spec.js';

/** A driver that hangs must not keep the node from its work; ms. */
const TIMEOUT_MS = 10_000;

/** GPU memory of this node in MiB, asked of NVIDIA's driver if a copy of some workload needs any; 0 where it can't be known. */
export function gpuMemoryMiB(
  spec: Spec,
  log: (level: LogLevel, code: string, fields: LogFields) => void,
  program = 'nvidia-smi',
): Promise<number> {
  if (!copiesWanted(spec).some((copy) => copy.gpuMemoryMiB > 0)) return Promise.resolve(0);
  const args = ['--query-gpu=memory.total', '--format=csv,noheader,nounits'];
  return new Promise((resolve) => {
    execFile(program, args, { timeout: TIMEOUT_MS, maxBuffer: 65_536 }, (error, stdout) => {
      if (error !== null) log('warn', 'gpu-memory-unknown', { why: error.message.slice(0, 200) });
      resolve(error === null ? sumOfLines(stdout) : 0);
    });
  });
}

/** One line a GPU; `[N/A]` and other words count as 0. */
const sumOfLines = (text: string): number =>
  text.split('\n').reduce((sum, line) => sum + (/^\s*\d{1,7}\s*$/.test(line) ? Number(line) : 0), 0);
