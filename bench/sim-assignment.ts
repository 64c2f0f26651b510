/** Assignment: time at n = 1,000 beside the public package munkres, and equal totals on 1,000 random instances. */
import { createRequire } from 'node:module';
import { assign } from '../core/placement/assignment.js';
import { seededRng } from '../core/rng.js';

const N = 1000;
const rng = seededRng('bench-assignment');
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

type Munkres = (cost: number[][]) => [number, number][];
let other: Munkres | null = null;
try {
  const loaded: unknown = createRequire(import.meta.url)('munkres');
  const module = loaded as { munkres?: Munkres; default?: Munkres };
  other = typeof loaded === 'function' ? (loaded as Munkres) : (module.munkres ?? module.default ?? null);
} catch {
  say('munkres is not installed: no comparison');
}

function best(run: () => void, times: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const from = performance.now();
    run();
    least = Math.min(least, performance.now() - from);
  }
  return least;
}

function rowsOf(flat: Float64Array, rows: number, columns: number): number[][] {
  return Array.from({ length: rows }, (_, i) => Array.from(flat.subarray(i * columns, (i + 1) * columns)));
}

const random = Float64Array.from({ length: N * N }, () => rng.next());
const product = Float64Array.from({ length: N * N }, (_, k) => (Math.floor(k / N) + 1) * ((k % N) + 1));
for (const [name, cost] of [
  ['dense random', random],
  ['cost = i x j', product],
] as const) {
  const first = best(() => void assign(cost, N, N), 1);
  const ours = best(() => void assign(cost, N, N), 5);
  const matrix = rowsOf(cost, N, N);
  const theirs = other === null ? Number.NaN : best(() => void other?.(matrix), name === 'dense random' ? 3 : 1);
  say(`n=${N} ${name}: first ${first.toFixed(1)} ms, best of 5 ${ours.toFixed(1)} ms, munkres ${theirs.toFixed(1)} ms`);
}

if (other !== null) {
  let differ = 0;
  for (let k = 0; k < 1000; k++) {
    const rows = 1 + Math.floor(rng.next() * 12);
    const columns = 1 + Math.floor(rng.next() * 12);
    const forbidden = k % 3 === 2 ? 0.3 : 0;
    const cost = Float64Array.from({ length: rows * columns }, () =>
      rng.next() < forbidden ? Number.POSITIVE_INFINITY : Math.floor(rng.next() * 100),
    );
    const mine = assign(cost, rows, columns);
    // The other package has no forbidden cells that leave a row out: a price above any total does the same.
    const matrix = rowsOf(cost, rows, columns).map((row) => row.map((c) => (Number.isFinite(c) ? c : 1e6)));
    const pairs = other(matrix);
    const feasible = pairs.filter(([i, j]) => Number.isFinite(cost[i * columns + j]));
    const total = feasible.reduce((sum, [i, j]) => sum + (cost[i * columns + j] ?? 0), 0);
    if (total !== mine.total || feasible.length !== mine.assigned) differ++;
  }
  say(`1000 random instances (rectangular, a third with forbidden cells): ${differ} differ from munkres`);
}
