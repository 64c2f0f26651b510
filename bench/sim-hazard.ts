/** Hazards of losing and of regaining spot by age, pooled over recorded traces: what the adaptive policy's shapes were read off. */
import { readFileSync } from 'node:fs';
import { parseTrace } from '../sim/market/trace.js';

const EDGES = [0, 0.25, 0.5, 1, 2, 4, 8, 16, Number.POSITIVE_INFINITY];
const files = process.argv.slice(2);
if (files.length === 0) {
  // As in sim-deadlines.ts.
  process.stdout.write('skipped: it needs recorded traces: sim-hazard.ts <trace>...\n');
  process.exit(0);
}
for (const [name, wanted] of [
  ['lost', true],
  ['regained', false],
] as const) {
  const ends = EDGES.map(() => 0);
  const hours = EDGES.map(() => 0);
  for (const file of files) {
    const trace = parseTrace(file, readFileSync(file, 'utf8'));
    const gap = trace.gapMs / 3_600_000;
    let age = 0;
    for (let i = 0; i + 1 < trace.data.length; i++) {
      const up = (trace.data[i] ?? 0) > 0;
      const changed = (trace.data[i + 1] ?? 0) > 0 !== up;
      const k = EDGES.findIndex((edge, j) => age * gap >= edge && age * gap < (EDGES[j + 1] ?? edge));
      if (up === wanted) {
        hours[k] = (hours[k] ?? 0) + gap;
        if (changed) ends[k] = (ends[k] ?? 0) + 1;
      }
      age = changed ? 0 : age + 1;
    }
  }
  process.stdout.write(`${name}, ends an hour by age:\n`);
  EDGES.slice(0, -1).forEach((edge, k) => {
    const rate = (ends[k] ?? 0) / Math.max(1e-9, hours[k] ?? 0);
    process.stdout.write(`  from ${edge} h: ${rate.toFixed(2)} (${ends[k]} in ${hours[k]?.toFixed(0)} h)\n`);
  });
}
