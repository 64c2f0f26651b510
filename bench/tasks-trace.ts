/**
 * 200 tasks of real processes over a recorded trace: all of them right and done once, and how much is done twice.
 * Arguments: one or more trace files of one Region. The interval of checkpoints is 5% of a task's length.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const traces = process.argv.slice(2);
if (traces.length === 0) {
  // Recorded traces aren't part of the project: with all benchmarks at once, there is nothing to measure here.
  process.stdout.write('skipped: it needs recorded traces: tasks-trace.ts <file>...\n');
  process.exit(0);
}
const synkti = join(import.meta.dirname, '..', 'dist', 'synkti.mjs');
const folder = mkdtempSync(join(tmpdir(), 'synkti-bench-'));
const file = join(folder, 'verdict.json');
try {
  const { status } = spawnSync(
    process.execPath,
    [
      ...[synkti, 'rehearse', '--json', file, '--seed', '2', '--nodes', '8', '--for', '6h', '--speed', '180'],
      ...['--tasks', '200', '--task-length', '20s', '--checkpoint-every', '1s'],
      ...traces.flatMap((trace) => ['--trace', trace]),
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const { run, incidents } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly run: { readonly wallMs: number };
    readonly incidents: readonly unknown[];
  };
  process.stdout.write(
    `${incidents.length} interruptions (at least 20 wanted), ${(run.wallMs / 1000).toFixed(0)} s, exit code ${status}\n`,
  );
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
