import type { MigrationStrategy } from '../../core/placement/migrate.js';
import { SimInputError } from '../error.js';
import { requireOneGap, type Trace } from '../market/trace.js';
import { kvKiBPerToken, type ModelOptions, modelFacts } from '../tasks/workload.js';

/** What is simulated. All fields have defaults: {@link DEFAULTS}. */
export interface SimulateOptions {
  /** `tasks`: a stream of tasks. `job`: one long job with a deadline. `service`: replicas that answer requests. */
  readonly workload: 'tasks' | 'job' | 'service';
  /** Names, `greedy-naive` and the like for tasks. */
  readonly policies: readonly string[];
  /** A file with a policy of one's own, beside the named ones; null for none. */
  readonly policyFile: string | null;
  /** The policy that others are compared with; null: `ondemand` if it is there, else the first. */
  readonly baseline: string | null;
  readonly seed: number;
  /** Runs, each with its own arrivals, prices and interruptions (for a job: starts in each trace). */
  readonly runs: number;
  readonly market: 'ou' | 'constant';
  readonly zones: number;
  /** Instance types a zone. */
  readonly types: number;
  /** Recorded markets instead of a synthetic one. */
  readonly traces: readonly Trace[];
  readonly traceCapacity: 'scaled' | 'recorded';
  readonly onDemandPrice: number;
  readonly spotPrice: number;
  /** Interruptions per instance and hour. */
  readonly preemptionRate: number;
  readonly volatility: number;
  readonly hazardVolatility: number;
  readonly billing: 'lifetime' | 'per-task';
  /** Hours. */
  readonly duration: number;
  readonly tasks: number;
  readonly minHours: number;
  readonly maxHours: number;
  readonly model: ModelOptions | null;
  readonly models: number;
  readonly gpuMemoryGiB: number;
  readonly bandwidthGbps: number;
  readonly pendingSeconds: number;
  readonly bootSeconds: number;
  readonly modelLoadSeconds: number;
  readonly idleSeconds: number;
  readonly noticeSeconds: number;
  readonly fullShare: number;
  readonly partialShare: number;
  /** `fallback`: interruptions until on-demand. */
  readonly fallbackAfter: number;
  /** `base`: on-demand instances. */
  readonly base: number;
  /** Job: hours of work, hours given, changeover in hours. */
  readonly workHours: number;
  readonly deadlineHours: number;
  readonly changeoverHours: number;
  readonly slices: number;
  /** Job: one node moving between all traces, instead of each trace for itself. */
  readonly allZones: boolean;
  /** Service. */
  readonly replicas: number;
  readonly extraReplicas: number;
  readonly replicaRate: number;
  readonly load: number;
  readonly slowSeconds: number;
  readonly timeoutSeconds: number;
  /** Keep what happened in the first run, for pictures. */
  readonly withTimeline: boolean;
}

export const DEFAULTS: SimulateOptions = {
  workload: 'tasks',
  policies: [],
  policyFile: null,
  baseline: null,
  seed: 1,
  runs: 30,
  market: 'ou',
  zones: 1,
  types: 1,
  traces: [],
  traceCapacity: 'scaled',
  onDemandPrice: 1,
  spotPrice: 0.3,
  preemptionRate: 0.05,
  volatility: 0.2,
  hazardVolatility: 0.5,
  billing: 'lifetime',
  duration: 72,
  tasks: 200,
  minHours: 1,
  maxHours: 20,
  model: null,
  models: 1,
  gpuMemoryGiB: 24,
  bandwidthGbps: 10,
  pendingSeconds: 16,
  bootSeconds: 30,
  modelLoadSeconds: 180,
  idleSeconds: 300,
  noticeSeconds: 120,
  fullShare: 0.8,
  partialShare: 0.3,
  fallbackAfter: 2,
  base: 2,
  workHours: 48,
  deadlineHours: 60,
  changeoverHours: 0.2,
  slices: 8,
  allZones: false,
  replicas: 4,
  extraReplicas: 2,
  replicaRate: 10,
  load: 0.6,
  slowSeconds: 5,
  timeoutSeconds: 60,
  withTimeline: false,
};

export const DEFAULT_POLICIES: Readonly<Record<SimulateOptions['workload'], readonly string[]>> = {
  tasks: [
    'ondemand',
    'greedy-naive',
    'greedy-least',
    'greedy-optimal',
    'fallback-naive',
    'fallback-optimal',
    'base-naive',
    'base-optimal',
  ],
  job: [
    'ondemand',
    'greedy',
    'greedy-return',
    'time-sliced',
    'uniform-progress',
    'uniform-progress-stay',
    'adaptive',
    'omniscient',
  ],
  service: ['ondemand', 'single', 'even', 'base', 'spread'],
};

export const TASK_POLICIES = ['ondemand', 'greedy', 'fallback', 'base'] as const;
export const MIGRATIONS: Readonly<Record<string, MigrationStrategy>> = {
  naive: 'first-fit',
  least: 'least-loaded',
  optimal: 'optimal',
};

/** Bounds of every number: [least, most, whole]. Outside of them a run would be meaningless or never end. */
const BOUNDS: Readonly<Partial<Record<keyof SimulateOptions, readonly [number, number, boolean]>>> = {
  seed: [0, 2 ** 53 - 1, true],
  runs: [1, 100_000, true],
  zones: [1, 64, true],
  types: [1, 64, true],
  onDemandPrice: [1e-6, 10_000, false],
  spotPrice: [0, 10_000, false],
  preemptionRate: [0, 60, false],
  volatility: [0, 3, false],
  hazardVolatility: [0, 3, false],
  duration: [0.1, 87_600, false],
  tasks: [1, 10_000_000, true],
  minHours: [0.001, 8760, false],
  maxHours: [0.001, 8760, false],
  models: [1, 8, true],
  gpuMemoryGiB: [0.1, 100_000, false],
  bandwidthGbps: [0.001, 10_000, false],
  pendingSeconds: [0, 3600, false],
  bootSeconds: [0, 86_400, false],
  modelLoadSeconds: [0, 86_400, false],
  idleSeconds: [0, 864_000, false],
  noticeSeconds: [0, 3600, false],
  fullShare: [0, 1, false],
  partialShare: [0, 1, false],
  fallbackAfter: [0, 1000, true],
  base: [0, 100_000, true],
  workHours: [0.1, 8760, false],
  deadlineHours: [0.1, 8760, false],
  changeoverHours: [0, 24, false],
  slices: [1, 1000, true],
  replicas: [1, 10_000, true],
  extraReplicas: [0, 10_000, true],
  replicaRate: [0.001, 1e6, false],
  load: [0, 10, false],
  slowSeconds: [0, 3600, false],
  timeoutSeconds: [0, 3600, false],
};

/** Fills in defaults and checks everything. @throws SimInputError with one sentence */
export function resolveOptions(given: Partial<SimulateOptions>): SimulateOptions {
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  const options: SimulateOptions = { ...DEFAULTS, ...Object.fromEntries(known) };
  for (const [key, bounds] of Object.entries(BOUNDS)) {
    const value: unknown = Reflect.get(options, key);
    const [least, most, whole] = bounds;
    const fits = typeof value === 'number' && value >= least && value <= most && (!whole || Number.isInteger(value));
    if (!fits) {
      throw new SimInputError(
        `${flagOf(key)} must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}, got ${String(value)}`,
      );
    }
  }
  checkTogether(options);
  const policies = options.policies.length > 0 ? options.policies : defaultPolicies(options);
  return { ...options, policies };
}

function defaultPolicies(options: SimulateOptions): readonly string[] {
  return DEFAULT_POLICIES[options.workload];
}

/** Where the command line has a shorter name than the field. */
const FLAGS: Readonly<Partial<Record<keyof SimulateOptions, string>>> = {
  gpuMemoryGiB: '--gpu-memory',
  bandwidthGbps: '--bandwidth',
  pendingSeconds: '--pending',
  bootSeconds: '--boot',
  modelLoadSeconds: '--model-load',
  idleSeconds: '--idle',
  noticeSeconds: '--notice',
  workHours: '--work',
  deadlineHours: '--deadline',
  changeoverHours: '--changeover',
  extraReplicas: '--extra',
  slowSeconds: '--slow',
  timeoutSeconds: '--timeout',
};

/** The option's name as users know it. */
export function flagOf(key: string): string {
  const short: unknown = Reflect.get(FLAGS, key);
  return typeof short === 'string' ? short : `--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
}

function checkTogether(o: SimulateOptions): void {
  if (o.minHours > o.maxHours) throw new SimInputError(`--min-hours ${o.minHours} exceeds --max-hours ${o.maxHours}`);
  if (o.partialShare > o.fullShare) {
    throw new SimInputError(`--partial-share ${o.partialShare} exceeds --full-share ${o.fullShare}`);
  }
  if (o.spotPrice > o.onDemandPrice) {
    throw new SimInputError(
      `--spot-price ${o.spotPrice} exceeds --on-demand-price ${o.onDemandPrice}; AWS never charges more for spot`,
    );
  }
  if (o.allZones && o.workload !== 'job') {
    throw new SimInputError(`--all-zones is about one job that moves; with --workload ${o.workload} leave it out`);
  }
  if (o.workload === 'job') checkJob(o);
  if (o.workload === 'tasks') checkMemory(o);
  if (o.workload !== 'job' || o.allZones) requireOneGap(o.traces);
}

function checkJob(o: SimulateOptions): void {
  if (o.workHours + 2 * o.changeoverHours > o.deadlineHours) {
    throw new SimInputError(
      `--deadline ${o.deadlineHours} leaves no room for --work ${o.workHours} and two changeovers of ` +
        `${o.changeoverHours} h; give more time`,
    );
  }
  if (o.traces.length === 0)
    throw new SimInputError('a job with a deadline needs recorded capacity: give --trace FILE...');
  for (const trace of o.traces) {
    const hours = (trace.data.length * trace.gapMs) / 3_600_000;
    if (hours < o.deadlineHours) {
      throw new SimInputError(
        `trace ${trace.name} lasts ${hours.toFixed(1)} h, shorter than --deadline ${o.deadlineHours}`,
      );
    }
  }
}

function checkMemory(o: SimulateOptions): void {
  const facts = modelFacts({ model: o.model, modelLoadMs: o.modelLoadSeconds * 1000 });
  const stateMiB = largestStateMiB(o);
  const need = facts.weightsMiB + stateMiB;
  if (need <= o.gpuMemoryGiB * 1024) return;
  throw new SimInputError(
    `a task needs up to ${(need / 1024).toFixed(1)} GiB (weights and state), more than --gpu-memory ` +
      `${o.gpuMemoryGiB}; nothing could run`,
  );
}

function largestStateMiB(o: SimulateOptions): number {
  if (o.model === null) return Math.min(8000, o.maxHours * 200);
  return (o.model.contextTokens * kvKiBPerToken(o.model.billions)) / 1024;
}
