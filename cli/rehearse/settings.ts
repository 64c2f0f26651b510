import { readFileSync, statSync } from 'node:fs';
import { seededRng } from '../../core/rng.js';
import type { UnkindInput } from '../../local/unkind/options.js';
import type { Bundles } from '../bundles.js';
import { messageOf, UserError } from '../user-error.js';
import { readDuration, readNumber, readWhole, showDuration } from '../values.js';
import { checkWritable, makeFolder } from './json-file.js';
import { marketPlan } from './market.js';
import { inOrder, type PlannedAct } from './plan.js';
import { type Ground, ground } from './pools.js';
import { readScript } from './script.js';
import { stackPlan } from './stack/default-plan.js';
import { NO_STACK_SCRIPT, readStackScript, type StackScriptFlags } from './stack/script.js';
import { readStack, type StackFlags, type StackSettings } from './stack/settings.js';
import { estimateMs, tasksPlan } from './tasks/plan.js';
import { NO_TASKS, readTasks, type TaskFlags, type TaskSettings } from './tasks/settings.js';
import { type Timings, timings } from './timings.js';
import { checkTogether, defaultFromMs, parseTrace, type Trace, tracePlan } from './trace.js';
import { readShortages, readUnkind, type UnkindFlags } from './unkind.js';
import { checkPortFree, readWorkload, type WorkloadSettings } from './workload.js';

/** The flags of `synkti rehearse` as they come from the command line: texts, nothing checked. */
export interface RehearseFlags extends UnkindFlags {
  readonly nodes: string;
  readonly rate: string;
  readonly seed: string | undefined;
  /** False: `--no-notice`. */
  readonly notice: string | boolean | undefined;
  readonly realTime: boolean | undefined;
  readonly wait: string | undefined;
  readonly trace: readonly string[];
  readonly from: string | undefined;
  readonly for: string | undefined;
  readonly speed: string | undefined;
  readonly kill: readonly string[];
  readonly interrupt: readonly string[];
  readonly rebalance: readonly string[];
  readonly reclaimZone: readonly string[];
  readonly partition: readonly string[];
  readonly pause?: readonly string[];
  readonly workload: string | undefined;
  readonly port: string;
  readonly health: string;
  readonly path: string;
  readonly endpointPort: string;
  readonly keep: boolean | undefined;
  readonly keepLogs: string | undefined;
  readonly json: string | undefined;
  readonly ui?: boolean | undefined;
  /** Absent: no stack of the user's own. */
  readonly stack?: StackFlags & StackScriptFlags;
  /** Absent: no tasks. */
  readonly tasks?: TaskFlags;
}

/** What nodes run unless the user has something of their own. */
export type ExamplePrograms = Pick<Bundles, 'exampleService' | 'exampleTask'>;

/** A rehearsal, checked. */
export interface Settings {
  readonly nodes: number;
  readonly rate: number;
  readonly seed: string;
  readonly ground: Ground;
  readonly timings: Timings;
  readonly scenario: Scenario;
  readonly workload: WorkloadSettings;
  readonly unkind: UnkindInput;
  readonly endpointPort: number;
  readonly keep: boolean;
  readonly keepLogs: string | null;
  readonly json: string | null;
  /** A page shows the cluster, and people act on it until they want the end. */
  readonly ui: boolean;
  /** The user's own; null: the rehearsal's example. */
  readonly stack: StackSettings | null;
  /** Null: none are submitted. */
  readonly tasks: TaskSettings | null;
  /** Something serves requests beside the tasks, so that some are sent. */
  readonly serves: boolean;
}

export interface Scenario {
  readonly title: string;
  readonly acts: readonly PlannedAct[];
  /** Spot capacity of zones before anything is launched; zones that aren't named have enough. */
  readonly atStart: readonly { readonly zone: string; readonly nodes: number | null }[];
  /** The scenario lasts at least this long, even if nothing happens any more. */
  readonly lengthMs: number;
}

export const DEFAULTS = { nodes: '6', rate: '50', port: '8080', health: '/health', path: '/', speed: '120', for: '2h' };

const MAX_NODES = 64;
const MAX_RATE = 5_000;
const MAX_TRACE_BYTES = 64 * 1024 * 1024;
/** Without an act the cluster is watched for this long. */
const QUIET_MS = 10_000;

/**
 * @param programs paths of the examples' bundles
 * @param tell one line on what takes a while
 * @throws UserError
 */
export async function readSettings(
  flags: RehearseFlags,
  programs: ExamplePrograms,
  tell: (text: string) => void = () => {},
): Promise<Settings> {
  const stack =
    flags.stack === undefined ? null : await readStack(flags.stack, programs.exampleService, flags.path, tell);
  try {
    return await readAround(flags, programs, stack);
  } catch (error) {
    stack?.remove();
    throw error;
  }
}

async function readAround(
  flags: RehearseFlags,
  programs: ExamplePrograms,
  stack: StackSettings | null,
): Promise<Settings> {
  const nodes = stack?.cluster.desired ?? readWhole(flags.nodes, '--nodes', 1, MAX_NODES);
  const rate = readWhole(flags.rate, '--rate', 1, MAX_RATE);
  const seed = flags.seed ?? String(Math.floor(Math.random() * 1_000_000));
  if (!/^[\w.-]{1,40}$/.test(seed)) {
    throw new UserError(`--seed takes 1 to 40 letters, digits, dots, hyphens and underscores, not "${seed}".`);
  }
  const noticeMs = typeof flags.notice === 'string' ? readDuration(flags.notice, '--notice', 2_000, 600_000) : null;
  const tasks = readTasks(flags.tasks ?? NO_TASKS, seed, programs.exampleTask, stack);
  const usual = timings(flags.realTime === true, noticeMs, stack !== null, tasks !== null);
  const times =
    flags.wait === undefined ? usual : { ...usual, startMs: readDuration(flags.wait, '--wait', 1_000, 3_600_000) };
  const traces = readTraces(flags);
  const place = stack?.ground ?? ground(traces);
  const port = readWhole(flags.port, '--port', 1, 65_535);
  const settings: Settings = {
    nodes,
    rate,
    seed,
    ground: place,
    timings: times,
    scenario: readScenario(flags, traces, { nodes, seed, place, times, stack, tasks }),
    workload:
      stack?.workload ??
      readWorkload({ workload: flags.workload, port, health: flags.health, path: flags.path }, programs.exampleService),
    unkind: readUnkind(flags, place),
    endpointPort: readWhole(flags.endpointPort, '--endpoint-port', 0, 65_535),
    keep: flags.keep === true,
    ui: flags.ui === true,
    keepLogs: flags.keepLogs ?? null,
    json: flags.json ?? null,
    stack,
    tasks,
    serves: stack?.serves ?? (tasks === null || flags.workload !== undefined),
  };
  if (settings.json !== null) checkWritable(settings.json, '--json');
  if (settings.keepLogs !== null) makeFolder(settings.keepLogs, '--keep-logs');
  if (settings.serves) await checkPortFree(settings.workload.port);
  return settings;
}

function readTraces(flags: RehearseFlags): Trace[] {
  const traces = flags.trace.map((file) => {
    let text: string;
    try {
      const { size } = statSync(file);
      if (size > MAX_TRACE_BYTES) throw new UserError(`--trace ${file} has ${size} bytes; a trace has 64 MiB at most.`);
      text = readFileSync(file, 'utf8');
    } catch (error) {
      if (error instanceof UserError) throw error;
      const { code } = error as NodeJS.ErrnoException;
      const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : messageOf(error);
      throw new UserError(`--trace ${file} can't be read: ${why}.`);
    }
    return parseTrace(file, text);
  });
  if (traces.length > 6) throw new UserError(`--trace can be given 6 times, one for each zone, not ${traces.length}.`);
  checkTogether(traces);
  const lonely = (['from', 'for', 'speed'] as const).find((name) => flags[name] !== undefined);
  if (traces.length === 0 && lonely !== undefined) {
    throw new UserError(`--${lonely} says which part of a trace is played; give --trace FILE with it.`);
  }
  return traces;
}

interface ScenarioContext {
  readonly nodes: number;
  readonly seed: string;
  readonly place: Ground;
  readonly times: Timings;
  readonly stack: StackSettings | null;
  readonly tasks: TaskSettings | null;
}

function readScenario(flags: RehearseFlags, traces: readonly Trace[], context: ScenarioContext): Scenario {
  const { nodes, seed, place, times, stack, tasks } = context;
  const announced = flags.notice !== false;
  if (tasks === null && (flags.pause ?? []).length > 0) {
    throw new UserError('--pause lets leases of tasks run out; give --tasks 200 or --task-file FILE with it.');
  }
  // With tasks it is over when they are.
  const quietMs = tasks === null ? QUIET_MS : 0;
  const script = [
    ...readScript(flags, { nodes, zones: place.zones, announced }),
    ...readShortages(flags.noCapacity, place),
    ...readStackScript(flags.stack ?? NO_STACK_SCRIPT, { nodes, announced, stack }),
  ];
  if (traces.length > 0) {
    const speed = readNumber(flags.speed ?? DEFAULTS.speed, '--speed', 1, 10_000);
    const forMs = readDuration(flags.for ?? DEFAULTS.for, '--for', 1_000, 400 * 86_400_000);
    const fromMs =
      flags.from === undefined ? defaultFromMs(traces, speed) : readDuration(flags.from, '--from', 0, 400 * 86_400_000);
    const nodesPerZone = Math.ceil(nodes / place.zones.length);
    const plan = tracePlan(traces, { fromMs, forMs, speed }, nodesPerZone, announced);
    const names = traces.map((trace) => trace.zone).join(', ');
    const start = `${(fromMs / 3_600_000).toFixed(2)} h`;
    return {
      title: `trace of ${names}: ${showDuration(forMs)} from ${start} on, ${speed} times as fast`,
      acts: inOrder([...plan.acts, ...script]),
      atStart: plan.atStart,
      lengthMs: tasks === null ? plan.lengthMs : 0,
    };
  }
  if (script.length > 0) return { title: 'script', acts: inOrder(script), atStart: [], lengthMs: quietMs };
  if (flags.ui === true && flags.keep === true) {
    return { title: 'no script: the page acts', acts: [], atStart: [], lengthMs: 0 };
  }
  if (tasks !== null) {
    const forMs = estimateMs(tasks.count, tasks.perNode * nodes, tasks.lengthMs);
    const rng = seededRng(`${seed}:tasks`);
    const acts = tasksPlan(nodes, times.noticeMs, announced, tasks.leaseMs, forMs, rng);
    return { title: `${tasks.count} tasks on a bad day, seed ${seed}`, acts, atStart: [], lengthMs: 0 };
  }
  if (stack !== null) {
    const acts = stackPlan(nodes, announced, seededRng(`${seed}:stack`));
    return { title: `stack ${stack.name}, seed ${seed}`, acts, atStart: [], lengthMs: 0 };
  }
  const acts = marketPlan(nodes, times.noticeMs, announced, seededRng(`${seed}:market`));
  return { title: `spot market on a bad day, seed ${seed}`, acts, atStart: [], lengthMs: QUIET_MS };
}
