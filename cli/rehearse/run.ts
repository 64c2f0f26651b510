import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalCloud } from '../../local/cloud-types.js';
import type { Bundles } from '../bundles.js';
import { messageOf, UserError } from '../user-error.js';
import { ClusterView } from './cluster-view.js';
import { CLUSTER, type Deployment, deploy } from './deploy.js';
import { describeEvent } from './describe.js';
import { Player } from './player.js';
import { Recorder } from './recorder.js';
import type { RunFigures } from './report.js';
import type { Screen } from './screen.js';
import type { Settings } from './settings.js';
import { denialsOf, extraMs, type Raised, raiseStack, settled, upToDeletion } from './stack/raise.js';
import { clientConfig, deployerConfig, LastWords, openCloud, seedSeats } from './stage.js';
import { TaskRun } from './tasks/task-run.js';
import type { Timeline } from './timeline.js';
import { limitsOf, REQUEST_TIMEOUT_MS, SLOW_MS } from './timings.js';
import { type RunningTraffic, startTraffic } from './traffic.js';
import { LivePage } from './ui/live-page.js';
import { leftoversOf, UsageWatch } from './usage.js';

/** How a run ended. */
export type RunEnd =
  | { readonly type: 'played'; readonly timeline: Timeline; readonly figures: RunFigures }
  /** The stack couldn't be deployed. */
  | { readonly type: 'not-deployed'; readonly problem: string; readonly logs: readonly string[] }
  /** The cluster didn't come up. */
  | {
      readonly type: 'never-healthy';
      readonly healthy: number;
      readonly afterMs: number;
      readonly logs: readonly string[];
    }
  /** Somebody pressed Ctrl-C. */
  | { readonly type: 'stopped' };

/** What `--keep` shows while the cloud stays open. */
export interface HeldOpen {
  readonly cloud: LocalCloud;
  /** Null: nothing serves requests. */
  readonly url: string | null;
  readonly deployment: Deployment;
}

export interface RunOptions {
  readonly settings: Settings;
  readonly bundles: Bundles;
  readonly screen: Screen;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
  /** With `--keep`: called with the verdict's material before everything is stopped. */
  readonly hold: (held: HeldOpen, timeline: Timeline, figures: RunFigures) => Promise<void>;
}

const REFRESH_MS = 250;
const POLL_MS = 100;
/** Traffic goes on for this long after all is healed. */
const CALM_MS = 2_000;
/** From the end of the last task until its record is in a journal and its places are empty; and a pause that lasts. */
const ARCHIVE_MS = 30_000;

/** Plays one rehearsal from an empty cloud to nothing left. Rejects when the rehearsal itself fails. */
export async function run(options: RunOptions): Promise<RunEnd> {
  const { settings, bundles, signal } = options;
  const bornMs = Date.now();
  let startedMs = bornMs;
  let booting = true;
  let traffic: RunningTraffic | null = null;
  let tasks: TaskRun | null = null;
  const beside = settings.tasks === null ? 'none' : settings.serves ? 'too' : 'only';
  let page: LivePage | null = null;
  const screen: Screen = {
    line: (text, atMs, boot) => {
      options.screen.line(text, atMs, boot);
      page?.line(text, atMs, boot);
    },
    pin: (text, atMs) => {
      options.screen.pin(text, atMs);
      page?.line(text, atMs, true);
    },
    refresh: (view, stats) => {
      options.screen.refresh(view, stats);
      page?.refresh(view, stats);
    },
    close: () => {
      options.screen.close();
      page?.close();
    },
  };
  const recorder = new Recorder(settings.stack?.cluster.cluster ?? CLUSTER, beside);
  const view = new ClusterView();
  recorder.onEvent((event) => {
    const text = describeEvent(event, view, settings.serves ? 'serves' : 'looks for tasks');
    view.take(event);
    if (text !== null) screen.line(text, event.atMs - startedMs, booting);
  });
  let words: LastWords | null = null;
  const cloud = await openCloud(settings, bundles, (event) => {
    recorder.take(event);
    words?.take(event);
    tasks?.take(event);
  });
  words = new LastWords(cloud, (ledger, atMs) => recorder.ledger(ledger, atMs));
  const usage = new UsageWatch(cloud);
  const player = new Player(cloud, view, (text) => recorder.add({ type: 'act', atMs: Date.now(), text }));
  let raised: Raised | null = null;
  const desired = (): number => raised?.run.desired ?? settings.nodes;
  const note = (text: string): void => screen.line(text, Date.now() - startedMs, booting);
  player.onShortage = (market, over) => recorder.add({ type: 'shortage', atMs: Date.now(), market, over });
  const refresh = setInterval(() => {
    if (!booting && tasks?.over === false) tasks.progress();
    screen.refresh(view, {
      nowMs: Date.now(),
      startedMs,
      boot: booting,
      traffic: traffic?.counts() ?? null,
      tasks: tasks?.counts ?? null,
      requests: requestsByNode(cloud),
    });
  }, REFRESH_MS);

  try {
    if (settings.ui) {
      const p99Ms = (): number | null => traffic?.recentP99Ms() ?? null;
      page = await LivePage.open({ settings, cloud, view, recorder, player, desired, p99Ms });
      screen.pin(`page: ${page.url}`, Date.now() - bornMs);
    }
    if (settings.keep) screen.pin(`AWS endpoint: ${cloud.endpoint}`, Date.now() - bornMs);
    if (settings.stack !== null) {
      const endTraffic = async (): Promise<void> => void (await traffic?.stop());
      const tools = { cloud, settings, stack: settings.stack, recorder, view, player, tell: note, endTraffic };
      try {
        raised = await raiseStack(tools);
      } catch (error) {
        if (signal.aborted) return { type: 'stopped' };
        if (error instanceof UserError) throw error;
        return { type: 'not-deployed', problem: messageOf(error), logs: denialsOf(recorder) };
      }
    }
    const deployment = raised?.run.deployment ?? (await deploy(deployerConfig(cloud), settings));
    if (settings.tasks !== null) {
      tasks = new TaskRun(
        { settings: settings.tasks, cloud, config: clientConfig(cloud), tell: note },
        deployment.spec,
      );
      player.pause = (row, lastsMs) => tasks?.pause(row, lastsMs);
      // Before there are nodes: they find tasks at their first look.
      await tasks.submit(signal);
    }
    if (raised === null) await seedSeats(cloud, deployment.spec, signal);
    const { startMs, healMs } = settings.timings;
    if (!(await until(() => view.serving(settings.nodes) === settings.nodes, startMs, signal))) {
      if (signal.aborted) return { type: 'stopped' };
      const healthy = view.serving(settings.nodes);
      const troubles = recorder.troubles.slice(0, MAX_TROUBLES);
      const logs = [...denialsOf(recorder), ...troubles, ...lastLogLines(cloud, settings)];
      return { type: 'never-healthy', healthy, afterMs: startMs, logs };
    }
    const target = settings.serves ? trafficTarget(cloud, raised, settings) : null;
    startedMs = Date.now();
    booting = false;
    if (target === null) screen.line(`all ${settings.nodes} nodes look for tasks`, 0, false);
    else {
      screen.line(
        `all ${settings.nodes} nodes serve; ${settings.rate} requests a second go to ${target.url}`,
        0,
        false,
      );
      traffic = startTraffic({ ...target, rate: settings.rate, timeoutMs: REQUEST_TIMEOUT_MS, slowMs: SLOW_MS });
    }
    usage.start();
    player.start(settings.scenario.acts);
    const playedMs = Math.max(settings.scenario.lengthMs, 0);
    const over = (): boolean => player.done && raised?.player.busy !== true && Date.now() - startedMs >= playedMs;
    // What is still to be played when the tasks are done has nothing left to disturb.
    const played = (): boolean => (tasks === null ? over() : tasks.over || tasks.late);
    await until(() => page?.endAsked === true || played(), Number.POSITIVE_INFINITY, signal);
    // Whoever looks on may go on by hand, and says when it is enough.
    if (page !== null && player.left === 0) page.waits();
    await until(() => page?.endAsked !== false, Number.POSITIVE_INFINITY, signal);
    if (player.left > 0)
      note(`${tasks?.over === true ? 'all tasks have ended' : 'the time is up'}: ${player.left} acts are left out`);
    player.stop();
    await until(() => tasks?.settled !== false, ARCHIVE_MS, signal);
    const healed = (): boolean => (raised === null ? view.healed(desired()) : settled(view, raised));
    await until(healed, settings.timings.noticeMs + healMs + (raised === null ? 0 : extraMs(raised)), signal);
    await until(() => false, CALM_MS, signal);
    if (signal.aborted) return { type: 'stopped' };

    const tally = (await traffic?.stop()) ?? null;
    await words.end();
    const events = recorder.events.toSorted((a, b) => a.atMs - b.atMs);
    const whole: Timeline = {
      desired: desired(),
      startedMs,
      endedMs: Date.now(),
      events,
      traffic: tally,
      limits: limitsOf(settings.timings, settings.unkind),
      leftovers: null,
      ...(raised === null ? {} : { stack: await raised.run.facts() }),
      ...(tasks === null ? {} : { tasks: tasks.facts(events, settings.ground.pools) }),
    };
    const timeline = raised === null ? whole : upToDeletion(whole, raised);
    const figures: RunFigures = {
      seed: settings.seed,
      scenario: settings.scenario.title,
      nodes: settings.nodes,
      wallMs: Date.now() - bornMs,
      ...usage.stop(),
      calls: cloud.calls(),
      troubles: [...recorder.troubles, ...words.problems, ...(tasks?.problems ?? [])],
    };
    clearInterval(refresh);
    if (settings.keep) {
      screen.close();
      await options.hold({ cloud, url: target?.url ?? null, deployment }, timeline, figures);
    }
    await raised?.run.delete();
    const stack = await raised?.run.facts();
    screen.close();
    await cloud.stop();
    const leftovers = await leftoversOf(cloud.runDir, cloud.endpoint, settings.keepLogs !== null);
    const wallMs = settings.keep ? figures.wallMs : Date.now() - bornMs;
    return {
      type: 'played',
      timeline: { ...timeline, leftovers, ...(stack === undefined ? {} : { stack }) },
      figures: { ...figures, wallMs },
    };
  } finally {
    clearInterval(refresh);
    player.stop();
    tasks?.stop();
    raised?.player.stop();
    usage.stop();
    screen.close();
    await page?.end();
    await traffic?.stop().catch(() => {});
    await raised?.run.close().catch(() => {});
    await cloud.stop();
    settings.stack?.remove();
  }
}

/** Waits for a condition; false when the time is up or somebody stopped it. */
async function until(condition: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!condition()) {
    if (signal.aborted || performance.now() >= giveUpAt) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return !signal.aborted;
}

/** Where requests go to. */
function trafficTarget(cloud: LocalCloud, raised: Raised | null, { workload: { requestPath } }: Settings) {
  const entrance = raised?.entrance ?? { url: balancerUrl(cloud), path: null, headers: {} };
  // What the rule of a listener asks for, unless the user does.
  const path = requestPath === '/' ? (entrance.path ?? requestPath) : requestPath;
  return { url: `${entrance.url}${path}`, headers: entrance.headers };
}

function balancerUrl(cloud: LocalCloud): string {
  const url = cloud.balancers()[0]?.listeners[0]?.url;
  if (url === undefined) throw new Error('The local cloud has no load balancer with a listener.');
  return url;
}

function requestsByNode(cloud: LocalCloud): Map<string, number> {
  const requests = new Map<string, number>();
  for (const balancer of cloud.balancers()) {
    for (const { counters } of balancer.listeners) {
      for (const { instanceId, requests: count } of counters.targets) {
        if (instanceId !== null) requests.set(instanceId, (requests.get(instanceId) ?? 0) + count);
      }
    }
  }
  return requests;
}

const MAX_TROUBLES = 5;
const LOG_LINES = 12;
const LOG_BYTES = 8_192;

/** The end of the workload's log, or of the agent's where there is none, of one node that isn't healthy. */
function lastLogLines(cloud: LocalCloud, settings: Settings): string[] {
  for (const { instanceId } of cloud.instances()) {
    const home = join(cloud.runDir, instanceId);
    for (const path of [join(home, 'state', 'logs', `${settings.workload.name}.log`), join(home, 'agent.log')]) {
      const lines = tail(path);
      if (lines.length > 0) return [`Last lines of ${path.slice(cloud.runDir.length + 1)}:`, ...lines];
    }
  }
  return [];
}

function tail(path: string): string[] {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const buffer = Buffer.alloc(Math.min(size, LOG_BYTES));
      readSync(file, buffer, 0, buffer.length, size - buffer.length);
      return buffer
        .toString('utf8')
        .split('\n')
        .filter((line) => line.trim() !== '')
        .slice(-LOG_LINES);
    } finally {
      closeSync(file);
    }
  } catch {
    return [];
  }
}
