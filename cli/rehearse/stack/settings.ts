import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { hash32 } from '../../../core/rng.js';
import type { QueueSketch } from '../../../local/cloudformation/places.js';
import { UserError } from '../../user-error.js';
import { splitCommand } from '../../words.js';
import type { Ground } from '../pools.js';
import { findProgram, type WorkloadSettings } from '../workload.js';
import { synthesize } from './app.js';
import { type Choice, type FoundStack, stackOfAssembly, stackOfTemplate } from './assembly.js';
import { standInOf } from './stand-in.js';

/** Flags of a rehearsal of one's own stack, as they come from the command line. */
export interface StackFlags {
  /** True: `--app` without a value. */
  readonly app: string | boolean | undefined;
  readonly template: string | undefined;
  readonly stack: string | undefined;
  readonly cluster: string | undefined;
  readonly parameter: readonly string[];
  readonly standIn: readonly string[];
  readonly docker: boolean | undefined;
  /** Names of the options that were given, such as `nodes`. */
  readonly given: readonly string[];
}

/** A stack that is rehearsed, checked. */
export interface StackSettings extends FoundStack {
  readonly parameters: Readonly<Record<string, string>>;
  /** Programs in the places of the workloads, by name. */
  readonly standIns: Readonly<Record<string, readonly string[]>>;
  /** Where stand-ins tell of their requests in flight, by the workload's name. */
  readonly inFlightPaths: Readonly<Record<string, string>>;
  readonly docker: boolean;
  readonly ground: Ground;
  readonly workload: WorkloadSettings;
  /** A workload has a port, so that requests are sent. */
  readonly serves: boolean;
  /** Its queue of tasks; null: it has none. */
  readonly queue: QueueSketch | null;
  /** What is worth telling before it starts. */
  readonly remarks: readonly string[];
  /** Removes what was synthesized. */
  readonly remove: () => void;
}

/** What the template says, so that no option can. */
const NOT_WITH_A_STACK: Readonly<Record<string, string>> = {
  nodes: 'the number of nodes',
  workload: 'the workload',
  port: 'the port',
  health: 'the health check',
  trace: 'the zones',
};

/** Null: no stack is asked for. @param tell one line before the app runs. @throws UserError */
export async function readStack(
  flags: StackFlags,
  exampleService: string,
  requestPath: string,
  tell: (text: string) => void = () => {},
): Promise<StackSettings | null> {
  const { app, template } = flags;
  if (app === undefined && template === undefined) {
    const lonely = (['stack', 'cluster', 'parameter', 'standIn', 'docker'] as const).find((name) =>
      flags.given.includes(name),
    );
    if (lonely === undefined) return null;
    throw new UserError(`--${kebab(lonely)} is about a stack of your own; give --app or --template with it.`);
  }
  if (app !== undefined && template !== undefined) {
    throw new UserError('--app and --template both name what is rehearsed; give one of them.');
  }
  const said = Object.keys(NOT_WITH_A_STACK).find((name) => flags.given.includes(name));
  if (said !== undefined) {
    throw new UserError(`--${said} can't be given with a stack: ${NOT_WITH_A_STACK[said]} stands in its template.`);
  }
  const parameters = readParameters(flags.parameter);
  const choice: Choice = { stack: flags.stack ?? null, cluster: flags.cluster ?? null, parameters };
  let remove = (): void => {};
  let found: FoundStack;
  if (template !== undefined) {
    const path = resolve(template);
    if (!existsSync(path)) throw new UserError(`--template ${template}: there is no such file.`);
    found = stackOfTemplate(path, choice);
  } else {
    const command = typeof app === 'string' ? app : null;
    tell(`Synthesizing ${command ?? 'the app of cdk.json'}`);
    const made = await synthesize(command, process.cwd());
    remove = made.remove;
    try {
      found = stackOfAssembly(made.directory, choice);
    } catch (error) {
      remove();
      throw error;
    }
  }
  try {
    return { ...found, ...complete(found, flags, exampleService, requestPath), parameters, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function complete(found: FoundStack, flags: StackFlags, exampleService: string, requestPath: string) {
  const docker = flags.docker === true;
  const remarks: string[] = [];
  const inFlightPaths: Record<string, string> = {};
  const standIns: Record<string, readonly string[]> = readStandIns(flags.standIn, found);
  for (const { name, kind, image, port, healthPath } of found.places.clusters.flatMap(({ workloads }) => workloads)) {
    if (kind !== 'container' || docker || standIns[name] !== undefined) continue;
    const { command, inFlightPath } = standInOf(exampleService, port, healthPath);
    standIns[name] = command;
    if (inFlightPath === null) {
      remarks.push(`A program that does nothing stands in for the container ${image ?? name}, which has no port.`);
      continue;
    }
    inFlightPaths[name] = inFlightPath;
    remarks.push(
      `The example service stands in for the container ${image ?? name}; --docker runs it, --stand-in ${name}="node server.js" names another.`,
    );
  }
  const { workloads } = found.cluster;
  const queue = workloads.find((one) => one.queue !== undefined)?.queue ?? null;
  const first = workloads.find(({ port }) => port !== null);
  const port = first?.port ?? null;
  if (port === null && queue === null) {
    throw new UserError(
      `The cluster ${found.cluster.cluster} has no workload with a port; a rehearsal needs one to send requests to.`,
    );
  }
  const workload: WorkloadSettings = {
    name: first?.name ?? 'tasks',
    command: standIns[first?.name ?? ''] ?? [],
    workingDirectory: null,
    port: port === null || docker || port >= LOW_PORTS ? (port ?? 0) : port + PORT_SHIFT,
    healthPath: first?.healthPath ?? '/',
    inFlightPath: null,
    requestPath,
  };
  const serves = port !== null;
  return { standIns, inFlightPaths, docker, remarks, workload, serves, queue, ground: groundOf(found) };
}

/** As the local cloud moves ports that need root. */
const LOW_PORTS = 1024;
const PORT_SHIFT = 8000;

/** Prices are made up; a steady order of the pools is all that matters. */
function groundOf({ region, places }: FoundStack): Ground {
  return {
    region,
    zones: places.zones,
    pools: places.pools.map(({ instanceType, zone }) => {
      const onDemandPrice = 0.08 + (hash32(instanceType) % 40) / 1_000;
      return { instanceType, zone, onDemandPrice, spotPrice: onDemandPrice * (0.3 + (hash32(zone) % 10) / 100) };
    }),
  };
}

function readStandIns(texts: readonly string[], { places }: FoundStack): Record<string, readonly string[]> {
  const names = places.clusters.flatMap(({ workloads }) => workloads.map(({ name }) => name));
  const standIns: Record<string, readonly string[]> = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    const name = text.slice(0, Math.max(0, at));
    if (at <= 0)
      throw new UserError(`--stand-in "${text}" can't be read; write it like --stand-in web="node server.js".`);
    if (!names.includes(name)) {
      throw new UserError(`--stand-in names the workload "${name}", but the stack has only ${names.join(', ')}.`);
    }
    const [program = '', ...rest] = splitCommand(text.slice(at + 1), '--stand-in');
    standIns[name] = [findProgram(program, '--stand-in'), ...rest];
  }
  return standIns;
}

function readParameters(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at <= 0) throw new UserError(`--parameter "${text}" can't be read; write it like --parameter Name=value.`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
