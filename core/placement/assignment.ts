/**
 * Minimum-cost assignment of rows to columns: the shortest augmenting path algorithm of R. Jonker and A. Volgenant,
 * "A shortest augmenting path algorithm for dense and sparse linear assignment problems", Computing 38 (1987), with
 * its three phases: column reduction, augmenting row reduction, augmentation. O(n^3) at worst, near O(n^2) in practice.
 *
 * Rectangular problems and forbidden cells (`Infinity`) are allowed. As many rows as possible get a column; among those
 * assignments the cheapest one is returned.
 */
export interface Assignment {
  /** For each row its column, or -1. */
  readonly columnOf: Int32Array;
  /** Sum of the costs of the assigned cells. */
  readonly total: number;
  readonly assigned: number;
}

/**
 * @param cost row-major, `rows * columns` long; finite numbers or `Infinity` for a forbidden cell
 * @throws RangeError when the length doesn't fit or a cell is NaN or -Infinity
 */
export function assign(cost: Float64Array, rows: number, columns: number): Assignment {
  if (cost.length !== rows * columns) {
    throw new RangeError(`a cost matrix of ${rows} x ${columns} needs ${rows * columns} cells, got ${cost.length}`);
  }
  const columnOf = new Int32Array(rows).fill(-1);
  if (rows === 0 || columns === 0) return { columnOf, total: 0, assigned: 0 };
  const transposed = rows > columns;
  const n = transposed ? columns : rows;
  const m = transposed ? rows : columns;
  const dense = densify(cost, rows, columns, transposed);
  const rowSolution = solve(dense, n, m);
  let total = 0;
  let assigned = 0;
  for (let i = 0; i < n; i++) {
    const j = rowSolution[i] as number;
    const [row, column] = transposed ? [j, i] : [i, j];
    const c = cost[row * columns + column] as number;
    if (c === Number.POSITIVE_INFINITY) continue;
    columnOf[row] = column;
    total += c;
    assigned++;
  }
  return { columnOf, total, assigned };
}

/** A copy with at most as many rows as columns, shifted to start at 0, and each forbidden cell dearer than any whole
 * assignment of allowed ones. */
function densify(cost: Float64Array, rows: number, columns: number, transposed: boolean): Float64Array {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < cost.length; k++) {
    const c = cost[k] as number;
    if (c === Number.POSITIVE_INFINITY) continue;
    if (!Number.isFinite(c)) throw new RangeError(`cost ${c} in cell ${k}: must be a number or Infinity`);
    if (c < low) low = c;
    if (c > high) high = c;
  }
  if (low > high) low = high = 0;
  const forbidden = (high - low) * Math.min(rows, columns) + 1;
  const dense = new Float64Array(cost.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const c = cost[i * columns + j] as number;
      dense[transposed ? j * rows + i : i * columns + j] = c === Number.POSITIVE_INFINITY ? forbidden : c - low;
    }
  }
  return dense;
}

/** All finite, n <= m. Returns the column of each row. */
function solve(cost: Float64Array, n: number, m: number): Int32Array {
  const columnOf = new Int32Array(n).fill(-1);
  const rowOf = new Int32Array(m).fill(-1);
  const price = new Float64Array(m);
  // In a rectangular problem the price of a free column must stay 0, so there the first phase is left out.
  if (n === m) reduceColumns(cost, n, columnOf, rowOf, price);
  let free = freeRows(columnOf);
  for (let pass = 0; pass < 2 && free.length > 0; pass++) {
    free = reduceRows(cost, m, free, columnOf, rowOf, price);
  }
  if (n === m && n >= HARD_SIZE && free.length > n / 4) free = restartWithAuction(cost, n, columnOf, rowOf, price);
  augment(cost, n, m, free, columnOf, rowOf, price);
  return columnOf;
}

/** From this size on a square problem that row reduction leaves mostly open gets better starting prices. */
const HARD_SIZE = 64;

/**
 * Prices from a scaled auction (D. P. Bertsekas, "The auction algorithm: a distributed relaxation method for the
 * assignment problem", Annals of Operations Research 14 (1988)). On matrices such as cost = i x j row reduction ends in
 * price wars of tiny steps and nearly every row would need a long augmenting path. The auction's assignment is only
 * near the optimum, so it is dropped and its prices kept: any prices are a fair start for a square problem.
 */
function restartWithAuction(
  cost: Float64Array,
  n: number,
  columnOf: Int32Array,
  rowOf: Int32Array,
  price: Float64Array,
): number[] {
  let span = 0;
  for (let k = 0; k < cost.length; k++) span = Math.max(span, cost[k] as number);
  for (let epsilon = span / 8; epsilon > span / n / n / 2; epsilon /= 6) {
    auction(cost, n, epsilon, columnOf, rowOf, price);
  }
  columnOf.fill(-1);
  rowOf.fill(-1);
  const all = freeRows(columnOf);
  return reduceRows(cost, n, reduceRows(cost, n, all, columnOf, rowOf, price), columnOf, rowOf, price);
}

function auction(
  cost: Float64Array,
  n: number,
  epsilon: number,
  columnOf: Int32Array,
  rowOf: Int32Array,
  price: Float64Array,
): void {
  columnOf.fill(-1);
  rowOf.fill(-1);
  const queue = freeRows(columnOf);
  for (let bids = 0; bids < 40 * n && queue.length > 0; bids++) {
    const row = queue.pop() as number;
    let first = Number.POSITIVE_INFINITY;
    let second = Number.POSITIVE_INFINITY;
    let best = 0;
    for (let j = 0, k = row * n; j < n; j++, k++) {
      const reduced = (cost[k] as number) - (price[j] as number);
      if (reduced >= second) continue;
      if (reduced < first) {
        second = first;
        first = reduced;
        best = j;
      } else {
        second = reduced;
      }
    }
    price[best] = (price[best] as number) - (second - first + epsilon);
    const out = rowOf[best] as number;
    rowOf[best] = row;
    columnOf[row] = best;
    if (out !== -1) {
      columnOf[out] = -1;
      queue.push(out);
    }
  }
}

function freeRows(columnOf: Int32Array): number[] {
  const out: number[] = [];
  for (let i = 0; i < columnOf.length; i++) if (columnOf[i] === -1) out.push(i);
  return out;
}

function reduceColumns(
  cost: Float64Array,
  n: number,
  columnOf: Int32Array,
  rowOf: Int32Array,
  price: Float64Array,
): void {
  const best = new Int32Array(n);
  price.fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < n; i++) {
    for (let j = 0, k = i * n; j < n; j++, k++) {
      const c = cost[k] as number;
      if (c < (price[j] as number)) {
        price[j] = c;
        best[j] = i;
      }
    }
  }
  for (let j = n - 1; j >= 0; j--) {
    const i = best[j] as number;
    if (columnOf[i] === -1) {
      columnOf[i] = j;
      rowOf[j] = i;
    }
  }
}

/** Each free row takes its cheapest column and lowers that column's price until its second choice is as good. */
function reduceRows(
  cost: Float64Array,
  m: number,
  free: readonly number[],
  columnOf: Int32Array,
  rowOf: Int32Array,
  price: Float64Array,
): number[] {
  const left: number[] = [];
  // Rows can push each other out for long when prices fall in tiny steps; what is left then goes to `augment`.
  let budget = 4 * free.length + 64;
  for (const start of free) {
    let row = start;
    for (;;) {
      let first = Number.POSITIVE_INFINITY;
      let second = Number.POSITIVE_INFINITY;
      let j1 = 0;
      let j2 = 0;
      for (let j = 0, k = row * m; j < m; j++, k++) {
        const reduced = (cost[k] as number) - (price[j] as number);
        if (reduced < second) {
          if (reduced < first) {
            second = first;
            j2 = j1;
            first = reduced;
            j1 = j;
          } else {
            second = reduced;
            j2 = j;
          }
        }
      }
      const strict = first < second && m > 1 && second !== Number.POSITIVE_INFINITY;
      if (strict) price[j1] = (price[j1] as number) - (second - first);
      else if (rowOf[j1] !== -1 && m > 1 && second !== Number.POSITIVE_INFINITY) j1 = j2;
      const out = rowOf[j1] as number;
      columnOf[row] = j1;
      rowOf[j1] = row;
      if (out === -1) break;
      columnOf[out] = -1;
      if (strict && --budget > 0) {
        row = out;
      } else {
        left.push(out);
        break;
      }
    }
  }
  return left;
}

/** Dijkstra from each free row to the nearest free column over reduced costs. */
function augment(
  cost: Float64Array,
  n: number,
  m: number,
  free: readonly number[],
  columnOf: Int32Array,
  rowOf: Int32Array,
  price: Float64Array,
): void {
  const distance = new Float64Array(m);
  const previous = new Int32Array(m);
  const order = new Int32Array(m);
  for (const start of free) {
    for (let j = 0, k = start * m; j < m; j++, k++) {
      distance[j] = (cost[k] as number) - (price[j] as number);
      previous[j] = start;
      order[j] = j;
    }
    // order[0, scanned) is final, order[scanned, reached) has the least distance, the rest is open.
    let scanned = 0;
    let reached = 0;
    let least = 0;
    let end = -1;
    while (end === -1) {
      if (scanned === reached) {
        least = distance[order[reached] as number] as number;
        reached++;
        for (let k = reached; k < m; k++) {
          const j = order[k] as number;
          const d = distance[j] as number;
          if (d > least) continue;
          if (d < least) {
            least = d;
            reached = scanned;
          }
          order[k] = order[reached] as number;
          order[reached++] = j;
        }
        for (let k = scanned; k < reached; k++) {
          const j = order[k] as number;
          if (rowOf[j] === -1) {
            end = j;
            break;
          }
        }
        if (end !== -1) break;
      }
      const column = order[scanned++] as number;
      const row = rowOf[column] as number;
      const base = row * m;
      const shift = (cost[base + column] as number) - (price[column] as number) - least;
      for (let k = reached; k < m; k++) {
        const j = order[k] as number;
        const d = (cost[base + j] as number) - (price[j] as number) - shift;
        if (d >= (distance[j] as number)) continue;
        distance[j] = d;
        previous[j] = row;
        if (d > least) continue;
        // Rounding can bring d a hair under `least`; it counts as equal.
        if (rowOf[j] === -1) {
          end = j;
          break;
        }
        order[k] = order[reached] as number;
        order[reached++] = j;
      }
    }
    for (let k = 0; k < scanned; k++) {
      const j = order[k] as number;
      if ((distance[j] as number) < least) price[j] = (price[j] as number) + (distance[j] as number) - least;
    }
    for (let hop = 0; hop <= n; hop++) {
      const row = previous[end] as number;
      rowOf[end] = row;
      const next = columnOf[row] as number;
      columnOf[row] = end;
      end = next;
      if (row === start) break;
    }
  }
}
