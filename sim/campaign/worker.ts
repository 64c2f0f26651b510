import { parentPort } from 'node:worker_threads';
import { loadPolicy } from './custom.js';
import type { SimulateOptions } from './options.js';
import { type UnitResult, UnitRunner } from './unit.js';

/** A worker thread: gets options once a simulation, then indices; answers with results. */
export type WorkerOrder = { readonly options: SimulateOptions } | { readonly index: number };
export type WorkerAnswer = { readonly result: UnitResult } | { readonly error: string; readonly name: string };

let runner: Promise<UnitRunner> | null = null;

async function start(options: SimulateOptions): Promise<UnitRunner> {
  return new UnitRunner(options, options.policyFile === null ? null : await loadPolicy(options.policyFile));
}

parentPort?.on('message', async (order: WorkerOrder) => {
  if ('options' in order) {
    runner = start(order.options);
    // Reported with the first index asked for.
    runner.catch(() => {});
    return;
  }
  try {
    if (runner === null) throw new Error('a worker was asked before it had options');
    parentPort?.postMessage({ result: (await runner).run(order.index) } satisfies WorkerAnswer);
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    parentPort?.postMessage({ error: message, name } satisfies WorkerAnswer);
  }
});
