import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Execution } from './facts.js';
import { parseWitness } from './witness-line.js';

/** Folder of a run in which its tasks write down what they do. */
export function witnessFolder(runDir: string): string {
  const folder = join(runDir, 'witness');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * What the executions wrote, by their start.
 *
 * @param keyOf a task's key by the id that it goes by
 */
export function readWitnesses(folder: string, keyOf: (id: string) => string): Execution[] {
  const executions: Execution[] = [];
  for (const name of readdirSync(folder)) {
    const line = parseWitness(readFileSync(join(folder, name), 'utf8'));
    if (line === null) continue;
    const { task, startedMs, atMs, from, step, state } = line;
    executions.push({ task: keyOf(task), startedMs, endedMs: atMs, from, to: step, state });
  }
  return executions.sort((a, b) => a.startedMs - b.startedMs || (a.task < b.task ? -1 : 1));
}
