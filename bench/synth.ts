/** Synth of the example app, cdk-nag and strict validation included, beside the same app without its cluster: CPU time. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const RUNS = 5;
const CONTEXT = JSON.stringify({ '@aws-cdk/core:validateAgainstDefaultRules': true });
const folder = mkdtempSync(join(tmpdir(), 'synkti-bench-synth-'));

function synth(kind: 'with' | 'without'): number {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, '../test/lib/synth-app.ts'), kind],
    { env: { ...process.env, CDK_OUTDIR: join(folder, kind), CDK_CONTEXT_JSON: CONTEXT }, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return Number(stdout.trim().split('\n').at(-1));
}

const median = (ms: readonly number[]): number => [...ms].sort((a, b) => a - b)[Math.floor(ms.length / 2)] ?? 0;

try {
  const taken = { with: [] as number[], without: [] as number[] };
  // In turns, so that a busy moment of the machine hits both.
  for (let run = 0; run < RUNS; run++) {
    for (const kind of ['without', 'with'] as const) taken[kind].push(synth(kind));
  }
  const [bare, whole] = [median(taken.without), median(taken.with)];
  process.stdout.write(
    `synth: ${whole} ms with the cluster, ${bare} ms without, ratio ${(whole / bare).toFixed(2)} (limit 2)\n`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
