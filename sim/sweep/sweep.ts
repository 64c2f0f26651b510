import { hash32 } from '../../core/rng.js';
import { type RunControl, WorkerPool } from '../campaign/jobs.js';
import { type SimulationReport, simulate } from '../campaign/simulate.js';
import type { Estimate } from '../campaign/stats.js';
import { VERSION } from '../version.js';
import type { Grid, Scenario } from './grid.js';
import { scenariosOf } from './grid.js';

/** One scenario's outcome, as it is kept. */
export interface ScenarioResult {
  readonly index: number;
  readonly labels: readonly string[];
  readonly baseline: string;
  readonly policies: readonly {
    readonly policy: string;
    readonly savedPercent: Estimate;
    readonly metrics: Readonly<Record<string, Estimate>>;
  }[];
}

/** Where finished scenarios are kept, so that a stopped sweep can go on. */
export interface SweepStore {
  /** Results of an earlier run of the very same sweep. */
  readonly done: ReadonlyMap<number, ScenarioResult>;
  add(result: ScenarioResult): void;
}

/** Tells two sweeps apart: any change of the grid, its options or the version makes a new one. */
export function sweepId(grid: Grid): string {
  const text = JSON.stringify([VERSION, scenariosOf(grid).map(({ labels, options }) => [labels, options])]);
  return `${VERSION}-${hash32(text).toString(16).padStart(8, '0')}-${hash32(`again${text}`).toString(16).padStart(8, '0')}`;
}

/** Runs what the store doesn't have. Ends early, with what is done, when the signal says so. */
export async function sweep(grid: Grid, store: SweepStore, control: RunControl): Promise<ScenarioResult[]> {
  const pool = control.jobs > 1 ? new WorkerPool(control.jobs) : undefined;
  const rest = { jobs: control.jobs, ...(pool && { pool }), ...(control.signal && { signal: control.signal }) };
  try {
    return await runScenarios(grid, store, control, rest);
  } finally {
    await pool?.end();
  }
}

async function runScenarios(
  grid: Grid,
  store: SweepStore,
  control: RunControl,
  inner: RunControl,
): Promise<ScenarioResult[]> {
  const scenarios = scenariosOf(grid);
  const results = new Map(store.done);
  control.onProgress?.(results.size, scenarios.length);
  for (const scenario of scenarios) {
    if (control.signal?.aborted === true) break;
    if (results.has(scenario.index)) continue;
    const report = await simulate(scenario.options, inner).catch((error: unknown) => {
      if (control.signal?.aborted === true) return null;
      throw error;
    });
    if (report === null) break;
    const result = resultOf(scenario, report);
    store.add(result);
    results.set(scenario.index, result);
    control.onProgress?.(results.size, scenarios.length);
  }
  return [...results.values()].sort((a, b) => a.index - b.index);
}

function resultOf(scenario: Scenario, report: SimulationReport): ScenarioResult {
  const policies = report.policies.map(({ policy, savedPercent, metrics }) => ({ policy, savedPercent, metrics }));
  return { index: scenario.index, labels: scenario.labels, baseline: report.baseline, policies };
}

export function sweepJson(grid: Grid, results: readonly ScenarioResult[]): string {
  const axes = grid.axes.map((axis) => ({ name: axis.name, values: axis.values.map((value) => value.label) }));
  return `${JSON.stringify({ format: 1, version: VERSION, name: grid.name, base: grid.base, axes, scenarios: results }, null, 2)}\n`;
}

/** A row a scenario and policy: means and half-widths of the 95% intervals. */
export function sweepCsv(grid: Grid, results: readonly ScenarioResult[]): string {
  const keys = [...new Set(results.flatMap((r) => r.policies.flatMap((p) => Object.keys(p.metrics))))];
  const head = [...grid.axes.map((axis) => axis.name), 'policy', 'savedPercent', 'savedPercent_ci95'];
  const rows = [[...head, ...keys.flatMap((key) => [key, `${key}_ci95`])]];
  for (const result of results) {
    for (const policy of result.policies) {
      const pair = (e: Estimate | undefined): string[] => [String(e?.mean ?? ''), String(e?.ci95 ?? '')];
      const metrics = keys.flatMap((key) => pair(policy.metrics[key]));
      rows.push([...result.labels, policy.policy, ...pair(policy.savedPercent), ...metrics]);
    }
  }
  return rows.map((row) => `${row.map(csvField).join(',')}\n`).join('');
}

function csvField(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** For the library: a sweep kept in memory only. */
export function memoryStore(): SweepStore {
  const done = new Map<number, ScenarioResult>();
  return { done, add: (result) => void done.set(result.index, result) };
}
