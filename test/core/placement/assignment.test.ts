import fc from 'fast-check';
import { munkres } from 'munkres';
import { describe, expect, it } from 'vitest';
import { assign } from '../../../core/placement/assignment.js';

/** Every assignment tried: most rows assigned first, then the least total. */
function bruteForce(cost: Float64Array, rows: number, columns: number): { assigned: number; total: number } {
  let best = { assigned: 0, total: 0 };
  const go = (row: number, used: number, assigned: number, total: number): void => {
    if (row === rows) {
      if (assigned > best.assigned || (assigned === best.assigned && total < best.total)) best = { assigned, total };
      return;
    }
    go(row + 1, used, assigned, total);
    for (let j = 0; j < columns; j++) {
      const c = cost[row * columns + j] ?? 0;
      if ((used & (1 << j)) === 0 && Number.isFinite(c)) go(row + 1, used | (1 << j), assigned + 1, total + c);
    }
  };
  go(0, 0, 0, 0);
  return best;
}

const cell = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -50, max: 50 }) },
  { weight: 1, arbitrary: fc.constant(Infinity) },
);
const problem = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })).chain(([rows, columns]) =>
  fc.record({
    rows: fc.constant(rows),
    columns: fc.constant(columns),
    cells: fc.array(cell, { minLength: rows * columns, maxLength: rows * columns }),
  }),
);

describe('assign', () => {
  it('equals trying everything, rectangular and forbidden cells included', () => {
    fc.assert(
      fc.property(problem, ({ rows, columns, cells }) => {
        const cost = Float64Array.from(cells);
        const { assigned, total } = assign(cost, rows, columns);
        expect({ assigned, total }).toEqual(bruteForce(cost, rows, columns));
      }),
      { numRuns: 300 },
    );
  });

  it('gives no column twice and no forbidden cell', () => {
    fc.assert(
      fc.property(problem, ({ rows, columns, cells }) => {
        const { columnOf } = assign(Float64Array.from(cells), rows, columns);
        const used = [...columnOf].filter((j) => j !== -1);
        expect(new Set(used).size).toBe(used.length);
        columnOf.forEach((j, i) => {
          if (j !== -1) expect(cells[i * columns + j]).not.toBe(Infinity);
        });
      }),
    );
  });

  it('equals munkres on larger squares, those that need the auction included', () => {
    for (const n of [30, 80, 120]) {
      for (const make of [
        (i: number, j: number) => (i + 1) * (j + 1),
        (i: number, j: number) => (i * 7919 + j * 104_729) % 1009,
      ]) {
        const matrix = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => make(i, j)));
        const theirs = munkres(matrix).reduce((sum, [i, j]) => sum + make(i, j), 0);
        expect(assign(Float64Array.from(matrix.flat()), n, n).total).toBe(theirs);
      }
    }
  });

  it('takes an empty problem and refuses a wrong one', () => {
    expect(assign(new Float64Array(0), 0, 5).assigned).toBe(0);
    expect(() => assign(new Float64Array(3), 2, 2)).toThrow(/4 cells, got 3/);
    expect(() => assign(Float64Array.from([Number.NaN]), 1, 1)).toThrow(RangeError);
  });
});
