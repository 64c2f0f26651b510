import type { ModelFacts } from '../../core/placement/migrate.js';
import { seededRng } from '../../core/rng.js';

/** A model of which tasks are asked; without one, state grows with a task's length as in the prototype. */
export interface ModelOptions {
  /** Parameters, in billions. */
  readonly billions: number;
  /** Bits a weight. */
  readonly bits: number;
  /** Tokens of context that a task holds. */
  readonly contextTokens: number;
}

export interface WorkloadOptions {
  readonly seed: number | string;
  readonly tasks: number;
  /** Tasks arrive evenly over the first 80% of it. */
  readonly durationMs: number;
  readonly minLengthMs: number;
  readonly maxLengthMs: number;
  readonly model: ModelOptions | null;
  /** Different models of the same size; an instance serves those that it has loaded. */
  readonly models: number;
  /** Loading without `model` given, in ms. */
  readonly modelLoadMs: number;
}

/** Columns, not objects: at most some 60 bytes a task. */
export interface Workload {
  readonly arrivalMs: Float64Array;
  readonly lengthMs: Float64Array;
  readonly stateMiB: Float64Array;
  readonly tokens: Float64Array;
  readonly model: Uint8Array;
  readonly models: readonly ModelFacts[];
}

const HOUR_MS = 3_600_000;
/** The prototype's heuristics: 100 tokens and 200 MB of KV cache an hour, 8 GB at most. */
const TOKENS_PER_HOUR = 100;
const STATE_MIB_PER_HOUR = 200;
const STATE_MIB_MOST = 8000;
const ARRIVAL_SHARE = 0.8;
/** Reading weights from a local disk or an image cache. */
const LOAD_MIB_PER_S = 1000;
const LOAD_BASE_MS = 60_000;

/**
 * KV cache of one token in KiB: 2 (key and value) x layers x width x 2 bytes. Layers and widths are those of Llama 2's
 * published configurations (7B: 32 x 4096, 13B: 40 x 5120, 70B: 80 x 1024 by grouped queries); sizes between take the
 * next larger one's.
 */
export function kvKiBPerToken(billions: number): number {
  if (billions <= 7) return (2 * 32 * 4096 * 2) / 1024;
  if (billions <= 13) return (2 * 40 * 5120 * 2) / 1024;
  return (2 * 80 * 1024 * 2) / 1024;
}

export function modelFacts(options: Pick<WorkloadOptions, 'model' | 'modelLoadMs'>): ModelFacts {
  if (options.model === null) return { weightsMiB: 0, loadMs: options.modelLoadMs };
  const weightsMiB = (options.model.billions * 1e9 * options.model.bits) / 8 / 2 ** 20;
  return { weightsMiB, loadMs: Math.round(LOAD_BASE_MS + (weightsMiB / LOAD_MIB_PER_S) * 1000) };
}

/** The same tasks for the same seed, whatever the policy; sorted by arrival. */
export function generateWorkload(options: WorkloadOptions): Workload {
  const rng = seededRng(`${options.seed}:tasks`);
  const n = options.tasks;
  const arrivalMs = Float64Array.from({ length: n }, () =>
    Math.floor(rng.next() * options.durationMs * ARRIVAL_SHARE),
  ).sort();
  const lengthMs = new Float64Array(n);
  const stateMiB = new Float64Array(n);
  const tokens = new Float64Array(n);
  const model = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    lengthMs[i] = Math.round(options.minLengthMs + rng.next() * (options.maxLengthMs - options.minLengthMs));
    const hours = (lengthMs[i] as number) / HOUR_MS;
    const share = 0.5 + 0.5 * rng.next();
    model[i] = Math.floor(rng.next() * options.models);
    if (options.model === null) {
      tokens[i] = Math.floor(hours * TOKENS_PER_HOUR);
      stateMiB[i] = Math.min(hours * STATE_MIB_PER_HOUR, STATE_MIB_MOST);
    } else {
      // Contexts are between half and wholly full.
      tokens[i] = Math.floor(options.model.contextTokens * share);
      stateMiB[i] = ((tokens[i] as number) * kvKiBPerToken(options.model.billions)) / 1024;
    }
  }
  const facts = modelFacts(options);
  return { arrivalMs, lengthMs, stateMiB, tokens, model, models: Array.from({ length: options.models }, () => facts) };
}
