/** Means with 95% confidence intervals by Student's t. */
export interface Estimate {
  readonly mean: number;
  /** Half-width of the 95% interval; null with one run. */
  readonly ci95: number | null;
}

/** Two-sided 95% points of Student's t for 1 to 30 degrees of freedom (any statistics handbook's table). */
const T_95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const Z = 1.959964;

/** Above 30 the Cornish-Fisher expansion (Abramowitz and Stegun, 26.7.5) is right to three digits. */
export function tQuantile95(degrees: number): number {
  const listed = T_95[degrees - 1];
  if (listed !== undefined) return listed;
  const z3 = Z ** 3;
  const z5 = Z ** 5;
  return Z + (z3 + Z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * Z) / (96 * degrees * degrees);
}

export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  if (n === 0) return { mean: 0, ci95: null };
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  if (n === 1) return { mean, ci95: null };
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  return { mean, ci95: tQuantile95(n - 1) * Math.sqrt(variance / n) };
}

/** Of the differences run by run: with common random numbers far narrower than the difference of two intervals. */
export function pairedDifference(values: readonly number[], baseline: readonly number[]): Estimate {
  return estimate(values.map((x, i) => x - (baseline[i] ?? 0)));
}
