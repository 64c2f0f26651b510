/**
 * A cluster's spec as a rehearsal writes it: the template's, except for what a laptop can't do. Each change is said.
 * Pure.
 */
import { DEFAULT_HEALTH, DEFAULT_POLICY, DEFAULT_TASKS } from '../../core/spec/parse.js';
import { DeployError } from './errors.js';
import { isList, isObject, type Json, type JsonObject } from './json.js';
import { specIn } from './places.js';

export interface RehearsalOptions {
  /** Programs in the places of containers or processes, by the workload's name: program and arguments. */
  readonly standIns?: Readonly<Record<string, readonly string[]>>;
  /** Paths at which stand-ins tell of their requests in flight, by the workload's name. Default: none does. */
  readonly inFlightPaths?: Readonly<Record<string, string>>;
  /** What stands in for containers that `standIns` doesn't name; null: nothing does. Default: nothing. */
  readonly standInFor?: (container: {
    readonly port: number | null;
    readonly healthPath: string | null;
  }) => StandIn | null;
  /** Whether a Docker engine answers, so that containers run as they are. Default false. */
  readonly docker?: boolean;
  /** Rehearsed seconds per second of the spec's policy, above 0 and at most 1. Default 1. */
  readonly timeScale?: number;
  /** Default: the spec's own. `local` is for nodes on one machine. */
  readonly gossip?: 'lan' | 'local';
}

export interface StandIn {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Null: it doesn't tell of its requests in flight. */
  readonly inFlightPath: string | null;
}

/** Times that are waited out. */
const TIMES = ['atRiskMs', 'keepServingMs', 'drainMs', 'silentPatienceMs', 'bootPatienceMs'] as const;

export interface Adapted {
  readonly value: string;
  readonly changes: readonly string[];
}

/**
 * `hereOf` says where a path of a node lies on this system, or null. A value that is no spec comes back as it is.
 * @throws DeployError for a workload that can't run here
 */
export function adaptSpec(
  text: string,
  options: RehearsalOptions,
  tools: { readonly hereOf: (path: string) => string | null; readonly portOf: (port: number) => number },
): Adapted {
  const spec = specIn(text);
  if (spec === null) return { value: text, changes: [] };
  const changes: string[] = [];
  const workloads = list(spec.workloads).map((one) => (isObject(one) ? workload(one, options, tools, changes) : one));
  const scale = options.timeScale ?? 1;
  if (!(scale > 0 && scale <= 1)) throw new RangeError('timeScale must be above 0 and at most 1');
  const given = isObject(spec.policy) ? spec.policy : {};
  const scaled = Object.fromEntries(
    TIMES.map((name) => [name, Math.round(Number(given[name] ?? DEFAULT_POLICY[name]) * scale)]),
  );
  if (scale < 1) {
    const shown = TIMES.map((name) => `${name} ${given[name] ?? DEFAULT_POLICY[name]} -> ${scaled[name]}`).join(', ');
    changes.push(`Times of the policy are ${scale} of the template's: ${shown}.`);
  }
  const gossip = isObject(spec.gossip) ? spec.gossip : {};
  const preset = options.gossip ?? gossip.preset ?? 'lan';
  if (preset !== (gossip.preset ?? 'lan')) changes.push(`Gossip has the preset ${preset}, for nodes on one machine.`);
  return {
    value: JSON.stringify({
      ...spec,
      workloads,
      policy: scale < 1 ? { ...given, ...scaled } : given,
      gossip: { ...gossip, preset },
    }),
    changes,
  };
}

function workload(
  given: JsonObject,
  options: RehearsalOptions,
  { hereOf, portOf }: Parameters<typeof adaptSpec>[2],
  changes: string[],
): Json {
  const name = String(given.name);
  if (given.kind === 'tasks') return queue(given, name, options.timeScale ?? 1, changes);
  const port = typeof given.port === 'number' ? portOf(given.port) : null;
  if (port !== null && port !== given.port) {
    changes.push(`The workload ${name} listens on port ${port}, not ${given.port}, which needs root.`);
  }
  const health = isObject(given.health) ? hurried(given.health, options.timeScale ?? 1) : given.health;
  const common = {
    ...given,
    ...(port === null ? {} : { port }),
    ...(health === undefined ? {} : { health }),
  };
  const standIn = standInFor(given, name, options);
  if (standIn !== null) {
    const what = given.kind === 'container' ? `container ${given.image}` : 'program';
    changes.push(`The workload ${name} is \`${standIn.command.join(' ')}\` in the place of its ${what}.`);
    const { image, args, gpus, mounts, ...rest } = common as Record<string, Json>;
    const { command, inFlightPath } = standIn;
    return { ...rest, kind: 'process', command: [...command], ...(inFlightPath === null ? {} : { inFlightPath }) };
  }
  if (given.kind === 'container') {
    if (options.docker === true) return common;
    throw new DeployError(
      'UNSUPPORTED',
      `The workload ${name} is the container ${given.image}, and no Docker engine answers: start Docker, or let a program stand in for it (--stand-in ${name}="node server.js").`,
    );
  }
  const command = list(given.command).map((word) => hereOf(String(word)) ?? word);
  const folder = typeof given.workingDirectory === 'string' ? hereOf(given.workingDirectory) : null;
  return { ...common, command, ...(folder === null ? {} : { workingDirectory: folder }) };
}

function standInFor(given: JsonObject, name: string, options: RehearsalOptions): StandIn | null {
  const named = options.standIns?.[name];
  if (named !== undefined) return { command: named, inFlightPath: options.inFlightPaths?.[name] ?? null };
  if (given.kind !== 'container' || options.docker === true) return null;
  const path = isObject(given.health) ? given.health.path : undefined;
  const port = typeof given.port === 'number' ? given.port : null;
  return options.standInFor?.({ port, healthPath: typeof path === 'string' ? path : null }) ?? null;
}

/** Every node stands on the same machine, so none may take what is free there for its own. */
function queue(given: JsonObject, name: string, scale: number, changes: string[]): Json {
  const leaseMs = Number(given.leaseMs ?? DEFAULT_TASKS.leaseMs);
  const shorter = Math.min(leaseMs, Math.max(LEAST_LEASE_MS, Math.round(leaseMs * scale)));
  const memoryMiB = typeof given.memoryMiB === 'number' ? given.memoryMiB : NODE_MEMORY_MIB;
  changes.push(`The tasks ${name} have leases of ${shorter} ms, not ${leaseMs}, and ${memoryMiB} MiB on each node.`);
  return { ...given, leaseMs: shorter, memoryMiB };
}

const LEAST_LEASE_MS = 5_000;
/** What a node has for tasks where the template leaves it open. */
export const NODE_MEMORY_MIB = 7_680;

/** Health checks by the agent come as much more often, within reason: a node serves after a few of them. */
function hurried(health: JsonObject, scale: number): JsonObject {
  const intervalMs = Number(health.intervalMs ?? DEFAULT_HEALTH.intervalMs);
  return { ...health, intervalMs: Math.min(intervalMs, Math.max(LEAST_INTERVAL_MS, Math.round(intervalMs * scale))) };
}

const LEAST_INTERVAL_MS = 500;

const list = (value: Json | undefined): readonly Json[] => (isList(value) ? value : []);
