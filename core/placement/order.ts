import type { Layout } from './layout.js';

/** First and second measure of a host for a task; the least wins. */
export type Rank = (i: number, j: number) => readonly [number, number];

/** Each task, the largest first, on the host of the least rank that has room; of equals the roomier one. */
export function placeInOrder(layout: Layout, rank: Rank): void {
  const { hosts } = layout.problem;
  const { memory } = layout;
  for (const i of largestFirst(layout)) {
    let best = -1;
    let least: readonly [number, number] = [0, 0];
    for (let j = 0; j < hosts; j++) {
      if (!layout.fits(i, j)) continue;
      const value = rank(i, j);
      if (best !== -1 && !precedes(value, memory[j] as number, least, memory[best] as number)) continue;
      least = value;
      best = j;
    }
    if (best !== -1) layout.put(i, best);
  }
}

function precedes(a: readonly [number, number], aFree: number, b: readonly [number, number], bFree: number): boolean {
  return (a[0] - b[0] || a[1] - b[1] || bFree - aFree) < 0;
}

/** Tasks without a place: by GPU memory, then by memory, then by id. */
export function largestFirst(layout: Layout): number[] {
  const { memory, gpu } = layout.problem;
  const open: number[] = [];
  for (let i = 0; i < layout.problem.tasks; i++) if (layout.hostOf[i] === -1) open.push(i);
  return open.sort(
    (a, b) => (gpu[b] as number) - (gpu[a] as number) || (memory[b] as number) - (memory[a] as number) || a - b,
  );
}

/** Where the least of the values below `below` is first, or -1; NaN is none. */
export function firstLeast(values: Float64Array, below: number): number {
  let least = below;
  let found = -1;
  for (let j = 0; j < values.length; j++) {
    const value = values[j] as number;
    if (value < least) {
      least = value;
      found = j;
    }
  }
  return found;
}
