import { accessSync, appendFileSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { firstLine, SimInputError } from '../../sim/error.js';
import type { ScenarioResult, SweepStore } from '../../sim/sweep/sweep.js';

/** Finished scenarios of a sweep, a line each, in a file that only grows: what is in it survives any end. */
export function openSweep(folder: string, id: string): SweepStore {
  try {
    makeFolders(folder);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new SimInputError(`--output ${folder} can't be made or written to: ${firstLine(error)}`);
  }
  const file = join(folder, 'progress.jsonl');
  const done = existsSync(file) ? readProgress(file, id) : new Map<number, ScenarioResult>();
  if (!existsSync(file)) appendFileSync(file, `${JSON.stringify({ sweep: id })}\n`);
  return {
    done,
    add: (result) => {
      appendFileSync(file, `${JSON.stringify(result)}\n`);
    },
  };
}

/** One by one: asked for all at once, Node 20 never comes back where the system's own folders refuse. */
function makeFolders(folder: string): void {
  const missing: string[] = [];
  for (let path = resolve(folder); !existsSync(path); path = dirname(path)) missing.push(path);
  for (const path of missing.reverse()) mkdirSync(path);
}

function readProgress(file: string, id: string): Map<number, ScenarioResult> {
  const text = readFileSync(file, 'utf8');
  const lines = text.split('\n');
  const head = parsed(lines[0] ?? '');
  if (head === null || head.sweep !== id) {
    throw new SimInputError(`${file} belongs to another grid or version; give another --output, or remove it`);
  }
  // A run that was killed may have left half a line: end it, so that the next one starts anew.
  if (!text.endsWith('\n')) appendFileSync(file, '\n');
  const done = new Map<number, ScenarioResult>();
  for (const line of lines.slice(1)) {
    const result = parsed(line);
    if (typeof result?.index !== 'number' || !Array.isArray(result.policies)) continue;
    done.set(result.index, result as unknown as ScenarioResult);
  }
  return done;
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
