import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { DEFAULTS, type SimulateOptions } from '../../sim/campaign/options.js';
import { SimInputError } from '../../sim/error.js';
import { readTraces } from './files.js';

/** Numbers: flag, field, what it means. Their bounds are checked with all other options, in one place. */
const NUMBERS: readonly (readonly [flag: string, key: keyof SimulateOptions, help: string])[] = [
  ['--seed', 'seed', 'seed; the same one gives the same bytes'],
  ['--runs', 'runs', 'runs, each with its own arrivals, prices and interruptions (a job: starts in each trace)'],
  ['--duration', 'duration', 'hours in whose first 80% tasks arrive; hours that a service runs'],
  ['--tasks', 'tasks', 'tasks'],
  ['--min-hours', 'minHours', 'shortest task, in hours'],
  ['--max-hours', 'maxHours', 'longest task, in hours'],
  ['--on-demand-price', 'onDemandPrice', 'on-demand price, USD an hour'],
  ['--spot-price', 'spotPrice', 'mean spot price, USD an hour'],
  ['--preemption-rate', 'preemptionRate', 'interruptions per instance and hour'],
  ['--volatility', 'volatility', "standard deviation of the spot price's logarithm"],
  ['--hazard-volatility', 'hazardVolatility', "standard deviation of the interruption rate's logarithm"],
  ['--zones', 'zones', 'zones of the synthetic market'],
  ['--types', 'types', 'instance types a zone'],
  ['--bandwidth', 'bandwidthGbps', 'network of an instance, in Gbit/s'],
  ['--gpu-memory', 'gpuMemoryGiB', 'memory of an instance, in GiB'],
  ['--models', 'models', 'different models asked for'],
  ['--pending', 'pendingSeconds', 'seconds from launch to running'],
  ['--boot', 'bootSeconds', 'seconds from running to booted'],
  ['--model-load', 'modelLoadSeconds', 'seconds to load a model'],
  ['--idle', 'idleSeconds', 'seconds that an instance without a task is kept'],
  ['--notice', 'noticeSeconds', 'seconds of notice before an interruption'],
  ['--full-share', 'fullShare', 'share of the state that makes a checkpoint full'],
  ['--partial-share', 'partialShare', 'share of the state below which a task restarts'],
  ['--fallback-after', 'fallbackAfter', 'fallback: interruptions of a task until on-demand'],
  ['--base', 'base', 'base: on-demand instances'],
  ['--work', 'workHours', 'job: hours of work'],
  ['--deadline', 'deadlineHours', 'job: hours to do it in'],
  ['--changeover', 'changeoverHours', 'job: hours that a move to an instance costs'],
  ['--slices', 'slices', 'job: slices of the time-sliced policy'],
  ['--replicas', 'replicas', 'service: replicas needed'],
  ['--extra', 'extraReplicas', 'service: spot replicas that spread adds'],
  ['--replica-rate', 'replicaRate', 'service: requests a second that a replica answers'],
  ['--slow', 'slowSeconds', 'service: a request that waits longer is slow, in seconds'],
  ['--timeout', 'timeoutSeconds', 'service: a request that would wait longer is dropped, in seconds'],
  ['--load', 'load', 'service: mean load as a share of what the replicas can do'],
];

const CHOICES = {
  workload: ['tasks', 'job', 'service'],
  market: ['ou', 'constant'],
  billing: ['lifetime', 'per-task'],
  traceCapacity: ['scaled', 'recorded'],
} as const;

export function addSimulationFlags(command: Command): void {
  command.option('--workload <kind>', `${CHOICES.workload.join(', ')} (default: ${DEFAULTS.workload})`);
  command.option('--policies <list>', 'policies, separated by commas; tasks: also with -naive, -least, -optimal');
  command.option('--policy <file>', 'a file that exports a policy of your own');
  command.option('--baseline <policy>', 'compare with this policy (default: ondemand)');
  for (const [flag, key, help] of NUMBERS) {
    command.option(`${flag} <n>`, `${help} (default: ${String(DEFAULTS[key])})`);
  }
  command.option('--market <kind>', `${CHOICES.market.join(', ')} (default: ${DEFAULTS.market})`);
  command.option('--trace <files...>', 'recorded capacity in the format of spot-traces, a file a zone');
  command.option('--trace-capacity <kind>', `${CHOICES.traceCapacity.join(', ')} (default: ${DEFAULTS.traceCapacity})`);
  command.option('--all-zones', 'job: one node that may move between all traces');
  command.option('--billing <kind>', `${CHOICES.billing.join(', ')} (default: ${DEFAULTS.billing})`);
  command.option('--model-size <billions>', 'model of so many billion parameters; gives memory, state and load time');
  command.option('--context <tokens>', 'tokens of context a task holds (default: 8192)');
  command.option('--quantization <bits>', 'bits a weight (default: 16)');
}

export type Flags = Readonly<Record<string, unknown>>;

/** What the flags ask for; unchecked but for their form. */
export function optionsFrom(flags: Flags): Partial<SimulateOptions> {
  const out: Record<string, unknown> = {};
  for (const [flag, key] of NUMBERS) {
    const text = flags[camel(flag)];
    if (text !== undefined) out[key] = numberFrom(text, flag);
  }
  for (const [key, choices] of Object.entries(CHOICES)) {
    const value = flags[key];
    if (value === undefined) continue;
    if (!(choices as readonly unknown[]).includes(value)) {
      throw new SimInputError(`--${dashed(key)} must be one of ${choices.join(', ')}, got ${String(value)}`);
    }
    out[key] = value;
  }
  if (typeof flags.policies === 'string') {
    out.policies = flags.policies
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    if ((out.policies as string[]).length === 0) throw new SimInputError('--policies names no policy');
  }
  if (typeof flags.policy === 'string') out.policyFile = flags.policy;
  if (typeof flags.baseline === 'string') out.baseline = flags.baseline;
  if (flags.allZones === true) out.allZones = true;
  if (Array.isArray(flags.trace)) out.traces = readTraces(flags.trace.map(String));
  if (flags.modelSize !== undefined) {
    out.model = modelFrom(flags.modelSize, flags.context ?? 8192, flags.quantization ?? 16);
  } else if (flags.context !== undefined || flags.quantization !== undefined) {
    throw new SimInputError('--context and --quantization describe a model: give --model-size too');
  }
  return out as Partial<SimulateOptions>;
}

export function modelFrom(size: unknown, context: unknown, bits: unknown): SimulateOptions['model'] {
  const inside = (value: unknown, flag: string, least: number, most: number): number => {
    const n = numberFrom(value, flag);
    if (n < least || n > most) throw new SimInputError(`${flag} must be a number from ${least} to ${most}, got ${n}`);
    return n;
  };
  return {
    billions: inside(size, '--model-size', 0.01, 10_000),
    contextTokens: inside(context, '--context', 1, 10_000_000),
    bits: inside(bits, '--quantization', 1, 64),
  };
}

export function jobsFrom(flags: Flags): number {
  if (flags.jobs === undefined) return availableParallelism();
  const jobs = numberFrom(flags.jobs, '--jobs');
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 256) return jobs;
  throw new SimInputError(`--jobs must be a whole number from 1 to 256, got ${jobs}`);
}

function numberFrom(value: unknown, flag: string): number {
  const n = typeof value === 'number' ? value : Number(String(value).trim() === '' ? Number.NaN : value);
  if (Number.isFinite(n)) return n;
  throw new SimInputError(`${flag} must be a number, got ${String(value)}`);
}

const camel = (flag: string): string => flag.slice(2).replace(/-(.)/g, (_, c: string) => c.toUpperCase());
const dashed = (key: string): string => key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
