import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

/** Says that a directory was made by a rehearsal and may be removed with all that is in it. */
export const RUN_MARKER = '.synkti-run';

/** A run's own directory for logs, state and large objects. */
export interface RunDir {
  readonly path: string;
  /** Unique among runs: the directory's name and the process that made it. */
  readonly runId: string;
  remove(): Promise<void>;
}

/** Makes a new directory below `base` (default: the system's temporary directory). */
export async function createRunDir(base = tmpdir()): Promise<RunDir> {
  await mkdir(base, { recursive: true });
  const path = await mkdtemp(join(resolve(base), 'synkti-'));
  const runId = `${basename(path)}-${process.pid}`;
  await writeFile(join(path, RUN_MARKER), `${runId}\n`);
  return { path, runId, remove: () => removeRunDir(path, runId) };
}

/** Removes a run's directory; one that the run didn't make is left alone. */
async function removeRunDir(path: string, runId: string): Promise<void> {
  try {
    if ((await readFile(join(path, RUN_MARKER), 'utf8')).trim() !== runId) return;
  } catch {
    return;
  }
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}
