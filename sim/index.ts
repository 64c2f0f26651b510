/** The simulator as a library: `import { simulate } from 'synkti/sim'`. */
export type { DeadlinePolicy, DeadlineView, Placement } from '../core/policy/deadline/policy.js';
export type { ServicePlan, ServicePolicy, ServiceView, ZoneView } from '../core/policy/service.js';
export type { PoolView, TaskChoice, TaskPolicy, TaskView } from '../core/policy/task.js';
export type { RunControl } from './campaign/jobs.js';
export { DEFAULTS, type SimulateOptions } from './campaign/options.js';
export { type PolicyReport, reportJson, type SimulationReport, simulate } from './campaign/simulate.js';
export type { Estimate } from './campaign/stats.js';
export { SimInputError } from './error.js';
export { parseTrace, type Trace } from './market/trace.js';
export { type Axis, type Grid, parseGrid } from './sweep/grid.js';
export { memoryStore, type ScenarioResult, type SweepStore, sweep, sweepCsv, sweepJson } from './sweep/sweep.js';
export { VERSION } from './version.js';
