import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SimInputError } from '../error.js';
import { loadPolicy } from './custom.js';
import type { SimulateOptions } from './options.js';
import type { UnitResult } from './unit.js';
import { UnitRunner } from './unit.js';
import type { WorkerAnswer } from './worker.js';

export interface RunControl {
  /** Worker threads; 1 runs in this thread. */
  readonly jobs: number;
  readonly onProgress?: (done: number, all: number) => void;
  readonly signal?: AbortSignal;
}

/** Results in the order of the indices, so that nothing depends on the number of threads. */
export async function runUnits(options: SimulateOptions, count: number, control: RunControl): Promise<UnitResult[]> {
  if (control.jobs <= 1 || count === 1) return runHere(options, count, control);
  const results: UnitResult[] = new Array(count);
  let next = 0;
  let done = 0;
  const runWorker = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const give = (): void => {
        if (next >= count || control.signal?.aborted === true) {
          worker.postMessage(null);
          resolve();
        } else {
          worker.postMessage(next++);
        }
      };
      worker.on('error', reject);
      worker.on('message', (answer: WorkerAnswer) => {
        if ('error' in answer) {
          reject(answer.name === 'SimInputError' ? new SimInputError(answer.error) : new Error(answer.error));
          return;
        }
        results[answer.result.index] = answer.result;
        control.onProgress?.(++done, count);
        give();
      });
      give();
    });
  const threads = Math.min(control.jobs, count);
  const workers = Array.from({ length: threads }, () => startWorker(options));
  try {
    await Promise.all(workers.map(runWorker));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  if (control.signal?.aborted === true) throw new SimInputError('stopped');
  return results;
}

async function runHere(options: SimulateOptions, count: number, control: RunControl): Promise<UnitResult[]> {
  const custom = options.policyFile === null ? null : await loadPolicy(options.policyFile);
  const runner = new UnitRunner(options, custom);
  const results: UnitResult[] = [];
  for (let index = 0; index < count; index++) {
    if (control.signal?.aborted === true) throw new SimInputError('stopped');
    results.push(runner.run(index));
    control.onProgress?.(index + 1, count);
    // Lets Ctrl-C and a progress bar through.
    if (index % 8 === 7) await new Promise((resolve) => setImmediate(resolve));
  }
  return results;
}

/** Beside a bundle stands sim-worker.mjs. From source the worker is TypeScript and bundled here, in memory. */
function startWorker(options: SimulateOptions): Worker {
  const bundled = new URL('./sim-worker.mjs', import.meta.url);
  if (existsSync(fileURLToPath(bundled))) return new Worker(bundled, { workerData: { options } });
  const load = createRequire(import.meta.url);
  const esbuild = load('esbuild') as typeof import('esbuild');
  const { outputFiles } = esbuild.buildSync({
    entryPoints: [fileURLToPath(new URL('./worker.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    write: false,
  });
  const code = Buffer.from(outputFiles[0]?.text ?? '').toString('base64');
  return new Worker(new URL(`data:text/javascript;base64,${code}`), { workerData: { options } });
}
