import { PlanCache } from '../../core/policy/deadline/adaptive.js';
import { SimInputError } from '../error.js';
import { VERSION } from '../version.js';
import { loadPolicy } from './custom.js';
import { type RunControl, runUnits } from './jobs.js';
import { resolveOptions, type SimulateOptions } from './options.js';
import { type CustomPolicy, deadlinePolicy, servicePolicy, taskPolicy } from './policies.js';
import { type Estimate, estimate, pairedDifference } from './stats.js';
import { groupName, jobGroups, type Picture, type UnitResult, unitCount } from './unit.js';

/** What a simulation found. Holds nothing of the machine or the clock: the same seed gives the same bytes. */
export interface SimulationReport {
  readonly format: 1;
  readonly version: string;
  /** Traces by name only. */
  readonly options: Omit<SimulateOptions, 'traces' | 'withTimeline'> & { readonly traces: readonly string[] };
  readonly baseline: string;
  readonly policies: readonly PolicyReport[];
  readonly picture: Picture | null;
}

export interface PolicyReport {
  readonly policy: string;
  readonly metrics: Readonly<Record<string, Estimate>>;
  /** Paired differences to the baseline, run by run, in each metric's unit. */
  readonly versusBaseline: Readonly<Record<string, Estimate>>;
  /** Percent of the baseline's cost saved, by run. */
  readonly savedPercent: Estimate;
  /** For a job: mean savings by trace. */
  readonly groups: readonly { readonly name: string; readonly savedPercent: Estimate }[];
  /** Cost of each run, in order. */
  readonly costs: readonly number[];
}

/** Runs a simulation. @throws SimInputError when something asked for makes no sense */
export async function simulate(
  given: Partial<SimulateOptions> = {},
  control: Partial<RunControl> = {},
): Promise<SimulationReport> {
  let options = resolveOptions(given);
  const custom = options.policyFile === null ? null : await loadPolicy(options.policyFile);
  if (custom !== null && !options.policies.includes(custom.name)) {
    options = { ...options, policies: [...options.policies, custom.name] };
  }
  checkPolicies(options, custom);
  const baseline = options.baseline ?? (options.policies.includes('ondemand') ? 'ondemand' : options.policies[0]);
  if (baseline === undefined || !options.policies.includes(baseline)) {
    throw new SimInputError(`--baseline ${baseline} is not among the policies ${options.policies.join(', ')}`);
  }
  const results = await runUnits(options, unitCount(options), { jobs: 1, ...control });
  return summarize(options, baseline, results);
}

/** Before any work is done: an unknown name or a doubled one is a mistake. */
export function checkPolicies(o: SimulateOptions, custom: CustomPolicy | null): void {
  const plans = new PlanCache();
  o.policies.forEach((name, i) => {
    if (o.policies.indexOf(name) !== i) throw new SimInputError(`policy ${name} is listed twice`);
    if (o.workload === 'tasks') taskPolicy(name, o, custom);
    else if (o.workload === 'job') deadlinePolicy(name, o, custom, plans);
    else servicePolicy(name, o, custom);
  });
}

function summarize(o: SimulateOptions, baseline: string, results: readonly UnitResult[]): SimulationReport {
  const base = o.policies.indexOf(baseline);
  const policies = o.policies.map((policy, p): PolicyReport => {
    const keys = Object.keys(results[0]?.metrics[p] ?? {});
    const column = (key: string, of = p): number[] => results.map((run) => run.metrics[of]?.[key] ?? 0);
    const costs = column('costUsd');
    const baseCosts = column('costUsd', base);
    const saved = costs.map((cost, i) => 100 * (1 - cost / (baseCosts[i] ?? cost)));
    const byKey = (make: (key: string) => Estimate): Record<string, Estimate> =>
      Object.fromEntries(keys.map((key) => [key, roundEstimate(make(key))]));
    const groups = o.workload === 'job' ? jobGroups(o) : [];
    return {
      policy,
      metrics: byKey((key) => estimate(column(key))),
      versusBaseline: byKey((key) => pairedDifference(column(key), column(key, base))),
      savedPercent: roundEstimate(estimate(saved)),
      groups: groups.map((group, g) => ({
        name: groupName(group),
        savedPercent: roundEstimate(estimate(saved.slice(g * o.runs, (g + 1) * o.runs))),
      })),
      costs: costs.map(round),
    };
  });
  const picture = results.find((run) => run.picture !== null)?.picture ?? null;
  const { withTimeline: _, ...asked } = o;
  const named = { ...asked, traces: o.traces.map((trace) => trace.name) };
  return { format: 1, version: VERSION, options: named, baseline, policies, picture };
}

const round = (x: number): number => (Number.isFinite(x) ? Math.round(x * 1e6) / 1e6 : x);

function roundEstimate({ mean, ci95 }: Estimate): Estimate {
  return { mean: round(mean), ci95: ci95 === null ? null : round(ci95) };
}

/** The report as JSON, without the pictures of the first run; ends with a newline. */
export function reportJson(report: SimulationReport): string {
  const { picture: _, ...rest } = report;
  return `${JSON.stringify(rest, null, 2)}\n`;
}
