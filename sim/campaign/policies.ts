import type { MigrationStrategy } from '../../core/placement/migrate.js';
import { adaptive, type PlanCache } from '../../core/policy/deadline/adaptive.js';
import type { DeadlinePolicy } from '../../core/policy/deadline/policy.js';
import {
  greedyJob,
  greedyReturnJob,
  onDemandJob,
  timeSliced,
  uniformProgress,
} from '../../core/policy/deadline/rules.js';
import {
  evenSpread,
  onDemandService,
  type ServicePolicy,
  serviceBase,
  singleZone,
  spotHedge,
} from '../../core/policy/service.js';
import { greedySpot, onDemandBase, onDemandFallback, onDemandOnly, type TaskPolicy } from '../../core/policy/task.js';
import { firstLine, SimInputError } from '../error.js';
import { MIGRATIONS, type SimulateOptions } from './options.js';

/** What a user's policy file gives: anew for each run, since policies may hold what they have learned. */
export interface CustomPolicy {
  readonly name: string;
  readonly create: () => unknown;
}

export function taskPolicy(
  name: string,
  o: SimulateOptions,
  custom: CustomPolicy | null,
): { readonly policy: TaskPolicy; readonly migration: MigrationStrategy } {
  const dash = name.lastIndexOf('-');
  const suffix = MIGRATIONS[name.slice(dash + 1)];
  const base = suffix === undefined || dash === -1 ? name : name.slice(0, dash);
  const migration = suffix ?? 'optimal';
  const own = ownPolicy<TaskPolicy>(base, custom, 'choose');
  if (own !== null) return { policy: own, migration };
  switch (base) {
    case 'ondemand':
      return { policy: onDemandOnly(), migration };
    case 'greedy':
      return { policy: greedySpot(), migration };
    case 'fallback':
      return { policy: onDemandFallback(o.fallbackAfter), migration };
    case 'base':
      return { policy: onDemandBase(o.base), migration };
    default:
      throw unknown(name, 'ondemand, greedy, fallback, base, each also with -naive, -least or -optimal');
  }
}

/** Null for `omniscient`, which is no policy but a bound. */
export function deadlinePolicy(
  name: string,
  o: SimulateOptions,
  custom: CustomPolicy | null,
  plans: PlanCache,
): DeadlinePolicy | null {
  const own = ownPolicy<DeadlinePolicy>(name, custom, 'step');
  if (own !== null) return own;
  switch (name) {
    case 'ondemand':
      return onDemandJob();
    case 'greedy':
      return greedyJob();
    case 'greedy-return':
      return greedyReturnJob();
    case 'time-sliced':
      return timeSliced(o.slices);
    case 'uniform-progress':
      return uniformProgress();
    case 'uniform-progress-stay':
      return uniformProgress(true);
    case 'adaptive':
      return adaptive(plans);
    case 'omniscient':
      return null;
    default:
      throw unknown(
        name,
        'ondemand, greedy, greedy-return, time-sliced, uniform-progress, uniform-progress-stay, adaptive, omniscient',
      );
  }
}

export function servicePolicy(name: string, o: SimulateOptions, custom: CustomPolicy | null): ServicePolicy {
  const own = ownPolicy<ServicePolicy>(name, custom, 'plan');
  if (own !== null) return own;
  switch (name) {
    case 'ondemand':
      return onDemandService();
    case 'single':
      return singleZone();
    case 'even':
      return evenSpread();
    case 'base':
      return serviceBase(o.base);
    case 'spread':
      return spotHedge(o.extraReplicas);
    default:
      throw unknown(name, 'ondemand, single, even, base, spread');
  }
}

function ownPolicy<T>(name: string, custom: CustomPolicy | null, method: string): T | null {
  if (custom === null || custom.name !== name) return null;
  let policy: unknown;
  try {
    policy = custom.create();
  } catch (error) {
    throw new SimInputError(`policy ${name} threw: ${firstLine(error)}`);
  }
  if (typeof policy === 'object' && policy !== null && typeof Reflect.get(policy, method) === 'function') {
    // Messages name it, so it has one.
    if (typeof Reflect.get(policy, 'name') !== 'string') Reflect.set(policy, 'name', name);
    return policy as T;
  }
  throw new SimInputError(`policy ${name} has no function "${method}", which this workload needs`);
}

function unknown(name: string, known: string): SimInputError {
  return new SimInputError(`unknown policy ${name}; known are ${known}`);
}
