/**
 * How long spot stays and stays away in recorded traces: hazards by age, and the most likely shape of
 * core/policy/deadline/hazard.ts, which the adaptive policy starts from. A node counts as there when all asked for are.
 * Traces are looked at every three minutes or more, as the longest ones were recorded. Arguments: traces.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expectedEnds, type HazardShape } from '../core/policy/deadline/hazard.js';
import { parseTrace } from '../sim/market/trace.js';

interface Run {
  readonly hours: number;
  readonly up: boolean;
}

const EDGES = [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, Number.POSITIVE_INFINITY];
const LOOK_MS = 180_000;
const A = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2];
const B = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6];
const C = [0, 0.01, 0.02, 0.03, 0.05, 0.08];
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

/** Runs whose beginning and end were both seen. */
function runsOf(file: string): Run[] {
  const trace = parseTrace(basename(file, '.json'), readFileSync(file, 'utf8'));
  const stride = Math.max(1, Math.ceil(LOOK_MS / trace.gapMs));
  const ups = Array.from({ length: Math.floor(trace.data.length / stride) }, (_, i) => {
    return trace.data[i * stride] === trace.nodes;
  });
  const changes = ups.flatMap((up, i) => (i > 0 && up !== ups[i - 1] ? [i] : []));
  return changes.slice(1).map((to, i) => {
    const from = changes[i] ?? 0;
    return { hours: ((to - from) * stride * trace.gapMs) / 3_600_000, up: ups[from] ?? false };
  });
}

/** Of a grid of shapes the one under which these runs are most likely. */
function mostLikely(runs: readonly Run[]): HazardShape {
  let best: HazardShape = { a: 0, b: 0, c: 0 };
  let most = Number.NEGATIVE_INFINITY;
  for (const shape of A.flatMap((a) => B.flatMap((b) => C.map((c): HazardShape => ({ a, b, c }))))) {
    const { a, b, c } = shape;
    const sum = runs.reduce(
      (all, { hours }) => all + Math.log(a / (hours + b) + c) - expectedEnds(shape, 1, 0, hours),
      0,
    );
    if (sum > most) [most, best] = [sum, shape];
  }
  return best;
}

const files = process.argv.slice(2);
if (files.length === 0) {
  // As in sim-deadlines.ts.
  say('skipped: it needs recorded traces: sim-hazard.ts <trace>...');
  process.exit(0);
}
const all = files.flatMap(runsOf);
for (const up of [true, false]) {
  const runs = all.filter((run) => run.up === up);
  say(`${up ? 'lost' : 'regained'}, ends an hour by age:`);
  EDGES.slice(0, -1).forEach((edge, k) => {
    const next = EDGES[k + 1] ?? edge;
    const ends = runs.filter(({ hours }) => hours > edge && hours <= next).length;
    const hours = runs.reduce((sum, run) => sum + Math.max(0, Math.min(run.hours, next) - edge), 0);
    say(`  from ${edge} h: ${(ends / Math.max(1e-9, hours)).toFixed(2)} (${ends} in ${hours.toFixed(0)} h)`);
  });
  const { a, b, c } = mostLikely(runs);
  say(`  most likely of ${runs.length} runs: a = ${a}, b = ${b} h, c = ${c}/h`);
}
