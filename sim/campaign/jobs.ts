import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SimInputError } from '../error.js';
import { loadPolicy } from './custom.js';
import type { SimulateOptions } from './options.js';
import { type UnitResult, UnitRunner } from './unit.js';
import type { WorkerAnswer, WorkerOrder } from './worker.js';

export interface RunControl {
  /** Worker threads; 1 runs in this thread. Default 1. */
  readonly jobs: number;
  readonly onProgress?: (done: number, all: number) => void;
  readonly signal?: AbortSignal;
  /** Threads to use again over several simulations, instead of new ones. */
  readonly pool?: WorkerPool;
}

/** Results in the order of the indices, so that nothing depends on the number of threads. */
export async function runUnits(options: SimulateOptions, count: number, control: RunControl): Promise<UnitResult[]> {
  const pool = control.pool ?? (control.jobs > 1 && count > 1 ? new WorkerPool(Math.min(control.jobs, count)) : null);
  if (pool === null) return runHere(options, count, control);
  try {
    return await pool.run(options, count, control);
  } finally {
    if (pool !== control.pool) await pool.end();
  }
}

export class WorkerPool {
  readonly #workers: readonly Worker[];

  constructor(size: number) {
    this.#workers = startWorkers(size);
  }

  async run(options: SimulateOptions, count: number, control: RunControl): Promise<UnitResult[]> {
    const results: UnitResult[] = new Array(count);
    let next = 0;
    let done = 0;
    let failed = false;
    const serve = (worker: Worker): Promise<void> =>
      new Promise((resolve, reject) => {
        const send = (order: WorkerOrder): void => worker.postMessage(order);
        // Only these two: a worker has listeners of its own that must stay.
        const leave = (): void => {
          worker.off('error', fail);
          worker.off('message', take);
        };
        const fail = (error: Error): void => {
          failed = true;
          leave();
          reject(error);
        };
        const give = (): void => {
          if (next < count && !failed && control.signal?.aborted !== true) {
            send({ index: next++ });
          } else {
            leave();
            resolve();
          }
        };
        const take = (answer: WorkerAnswer): void => {
          if ('error' in answer) {
            fail(answer.name === 'SimInputError' ? new SimInputError(answer.error) : new Error(answer.error));
            return;
          }
          results[answer.result.index] = answer.result;
          control.onProgress?.(++done, count);
          give();
        };
        worker.on('error', fail);
        worker.on('message', take);
        send({ options });
        give();
      });
    await Promise.all(this.#workers.map(serve));
    if (control.signal?.aborted === true) throw new SimInputError('stopped');
    return results;
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

async function runHere(options: SimulateOptions, count: number, control: RunControl): Promise<UnitResult[]> {
  const custom = options.policyFile === null ? null : await loadPolicy(options.policyFile);
  const runner = new UnitRunner(options, custom);
  const results: UnitResult[] = [];
  for (let index = 0; index < count; index++) {
    if (control.signal?.aborted === true) throw new SimInputError('stopped');
    results.push(runner.run(index));
    control.onProgress?.(index + 1, count);
    // Lets Ctrl-C through.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return results;
}

/** Beside a bundle stands sim-worker.mjs. From source the worker is TypeScript and bundled here, in memory. */
function startWorkers(size: number): Worker[] {
  const bundled = new URL('./sim-worker.mjs', import.meta.url);
  const url = existsSync(fileURLToPath(bundled)) ? bundled : bundledFromSource();
  return Array.from({ length: size }, () => new Worker(url));
}

function bundledFromSource(): URL {
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
  return new URL(`data:text/javascript;base64,${Buffer.from(outputFiles[0]?.text ?? '').toString('base64')}`);
}
