/**
 * Jobs with deadlines on recorded capacity: savings by policy, and how much of the gap between Uniform Progress and the
 * omniscient bound the adaptive policy closes. Arguments: folder of traces, starts a trace (300), threads (1), `zones` for
 * one node that moves between all zones.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseTrace, simulate } from '../sim/index.js';

const [folder, starts = '300', jobs = '1', zones] = process.argv.slice(2);
if (folder === undefined) {
  // Recorded traces aren't part of the project: with all benchmarks at once, there is nothing to measure here.
  process.stdout.write('skipped: it needs a folder of traces: sim-deadlines.ts <folder> [starts] [threads] [zones]\n');
  process.exit(0);
}
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
const traces = files
  .sort()
  .map((file) => parseTrace(basename(file, '.json'), readFileSync(join(folder, file), 'utf8')));
const beganMs = performance.now();
const report = await simulate(
  { workload: 'job', traces, runs: Number(starts), spotPrice: 1, onDemandPrice: 3, allZones: zones === 'zones' },
  { jobs: Number(jobs) },
);
for (const policy of report.policies) {
  const { mean, ci95 } = policy.savedPercent;
  const groups = policy.groups.map((group) => group.savedPercent.mean.toFixed(1)).join(' ');
  const missed = policy.metrics.missed?.mean ?? 0;
  process.stdout.write(
    `${policy.policy.padEnd(21)} ${mean.toFixed(2)}% ± ${(ci95 ?? 0).toFixed(2)}, share missed ${missed}, by trace: ${groups}\n`,
  );
}
const saved = (name: string): number =>
  report.policies.find((policy) => policy.policy === name)?.savedPercent.mean ?? 0;
const share = (from: string): string =>
  ((100 * (saved('adaptive') - saved(from))) / (saved('omniscient') - saved(from))).toFixed(1);
process.stdout.write(
  `adaptive closes ${share('uniform-progress')}% of the gap that Uniform Progress leaves, ` +
    `${share('uniform-progress-stay')}% of the one that its staying kind leaves; ` +
    `${((performance.now() - beganMs) / 1000).toFixed(0)} s\n`,
);
