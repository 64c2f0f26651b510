import { parentPort, workerData } from 'node:worker_threads';
import { loadPolicy } from './custom.js';
import type { SimulateOptions } from './options.js';
import { type UnitResult, UnitRunner } from './unit.js';

/** A worker thread: gets indices, answers with results. Ends when its parent says null. */
export type WorkerAnswer = { readonly result: UnitResult } | { readonly error: string; readonly name: string };

const { options } = workerData as { options: SimulateOptions };
const port = parentPort;
if (port !== null) {
  const custom = options.policyFile === null ? null : await loadPolicy(options.policyFile);
  const runner = new UnitRunner(options, custom);
  port.on('message', (index: number | null) => {
    if (index === null) {
      port.close();
      return;
    }
    try {
      port.postMessage({ result: runner.run(index) } satisfies WorkerAnswer);
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      port.postMessage({ error: message, name } satisfies WorkerAnswer);
    }
  });
}
