/**
 * The agent of a node: finds out who it is, reads the cluster's wish, and runs the brain until it says that it is over.
 *
 * identity (IMDS) -> spec (SSM) -> keyring (Secrets Manager) -> sockets -> brain. Each step is repeated until it succeeds.
 * The exit code is 0 after a clean end, 1 after a crash (the service manager starts it again), 2 for a wrong environment.
 */
import { join } from 'node:path';
import { createCloud } from '../aws/cloud.js';
import type { WorkloadHealth } from '../core/gossip/member.js';
import type { TasksWorkload } from '../core/spec/spec.js';
import { createClock } from './clock.js';
import { type Config, readConfig } from './config.js';
import { imdsCredentials } from './credentials.js';
import { giveBackDirectly, noteCleanEnd, noteStart } from './give-back.js';
import { openGossipSocket } from './gossip-socket.js';
import { gpuMemoryMiB } from './gpu-memory.js';
import { createHost, type Host } from './host.js';
import { openHttp } from './http.js';
import { type Identity, readIdentity } from './identity.js';
import { createImds } from './imds.js';
import { startPoller } from './imds-poller.js';
import { holdKeyring, readKeyring } from './keyring.js';
import { createLog, type Log } from './log.js';
import { pagesOf, type Shown } from './pages.js';
import { type Attempt, pause, until } from './retry.js';
import { createBrain, createDriver, readSecret, readSpec, workloadEnvironment } from './start.js';
import { createTasksDoor, type TasksDoor } from './tasks/door.js';
import { loadTasks } from './tasks/load.js';
import { createWorkloads } from './workloads.js';

declare const SYNKTI_VERSION: string | undefined;
const VERSION = typeof SYNKTI_VERSION === 'string' ? SYNKTI_VERSION : 'source';

/** An agent that crash-loops gives its brain this long to come up and leave in good order, in ms. */
const CRASH_LOOP_START_MS = 60_000;
/** Between the brain's last datagram and the end of the sockets, in ms. */
const LINGER_MS = 50;
/** Longest wait for workloads at the end, in ms. */
const CLOSE_MS = 5_000;

async function main(config: Config, log: Log): Promise<void> {
  const clock = createClock(`${process.pid}:${Date.now()}:${performance.now()}`);
  const { verdict, problem } = noteStart(config.stateDir, clock().wallMs);
  if (problem !== null) log.write('warn', 'no-state', { problem });
  log.write('info', 'agent-starts', { version: VERSION, verdict });

  const closers: (() => void | Promise<void>)[] = [];
  const startOver = new AbortController();
  let host: Host | null = null;
  let stopAsked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopAsked) return;
      stopAsked = true;
      log.write('info', 'signal', { signal });
      startOver.abort();
      host?.push({ type: 'stop', reason: 'signal' });
    });
  }

  const imds = createImds({ clock, ...(config.imdsEndpoint === null ? {} : { endpoint: config.imdsEndpoint }) });
  closers.push(() => imds.close());
  const shown: Shown = { version: VERSION, startingStep: 'identity', running: null, imds: imds.counters };
  openPages();

  async function step<T>(name: string, attempt: () => Promise<Attempt<T>>): Promise<T | null> {
    shown.startingStep = name;
    return until(name, attempt, { log, rng: clock().rng, signal: startOver.signal });
  }

  const identity = await step('identity', async (): Promise<Attempt<Identity>> => {
    const read = await readIdentity(imds);
    return read.ok ? { ok: true, value: read.identity } : read;
  });
  // Without an identity there is nothing to give back.
  if (identity === null) return end(0);
  log.name({ node: identity.instanceId, slot: identity.seat.slot, generation: identity.seat.generation });

  const { credentials: own } = config;
  const client = {
    region: config.region ?? identity.region,
    credentials: own === null ? imdsCredentials(imds, () => clock().wallMs) : async () => own,
  };
  const cloud = createCloud(client);
  closers.push(() => cloud.close());
  if (verdict === 'hopeless') return giveBack(identity, 'crash-loop');
  const patience = verdict === 'normal' ? null : setTimeout(() => startOver.abort(), CRASH_LOOP_START_MS);

  const spec = await step('spec', () => readSpec(cloud, identity));
  if (spec === null) return giveBack(identity, stopAsked ? 'signal' : 'crash-loop');
  const readRing = () => readKeyring(() => readSecret(cloud, spec.gossip.secretId));
  const first = await step('keyring', readRing);
  if (first === null) return giveBack(identity, stopAsked ? 'signal' : 'crash-loop');
  const keyring = holdKeyring({
    first,
    cluster: identity.cluster,
    clock,
    read: readRing,
    onProblem: (why) => log.write('warn', 'keyring-unread', { why }),
    onChange: () => log.write('info', 'keyring-changed'),
  });
  closers.push(() => keyring.stop());

  const { bindAddress, stateDir } = config;
  let tasks: TasksDoor | null = null;
  const socket = await step('gossip', async () => {
    try {
      const opened = await openGossipSocket({
        bindAddress,
        port: spec.gossip.port,
        envelope: keyring.envelope,
        onDatagram: (from, messages) => host?.push({ type: 'datagram', from, messages }),
        onExchange: (connection, exchange) => host?.push({ type: 'exchange', connection, exchange }),
        onNote: (connection, note) => tasks?.noted(connection, note) ?? false,
      });
      return { ok: true, value: opened };
    } catch (error) {
      return { ok: false, problem: `Port ${spec.gossip.port} on ${bindAddress}: ${messageOf(error)}` };
    }
  });
  if (patience !== null) clearTimeout(patience);
  if (socket === null) return giveBack(identity, stopAsked ? 'signal' : 'crash-loop');
  closers.push(() => socket.close());
  const gpuMemory = await gpuMemoryMiB(spec, log.write);

  const openTasks = (workload: TasksWorkload, onHealth: (health: WorkloadHealth) => void): TasksDoor =>
    createTasksDoor({
      load: () =>
        loadTasks(
          {
            spec,
            workload,
            identity,
            client,
            clock,
            node: () => host?.state ?? null,
            stateDir,
            environment: workloadEnvironment(identity),
            ask: socket.ask,
            answer: socket.answer,
            log: log.write,
            onPublish: (publish) => host?.push({ type: 'publish', ...publish }),
          },
          onHealth,
        ),
      nowMs: () => clock().nowMs,
      onHealth,
      onCrash: (error) => {
        throw error;
      },
    });

  const workloads = createWorkloads({
    names: spec.workloads.map(({ name }) => name),
    createDriver(name, onHealth) {
      const workload = spec.workloads.find((one) => one.name === name);
      if (workload === undefined) throw new Error(`no driver for workload ${name}`);
      if (workload.kind === 'tasks') {
        tasks = openTasks(workload, onHealth);
        return tasks.driver;
      }
      return createDriver(workload, {
        bindAddress,
        environment: workloadEnvironment(identity),
        logDir: join(stateDir, 'logs'),
        stateDir,
        log: log.write,
        onHealth,
      });
    },
    onStatus: (name, status) => host?.push({ type: 'workload', name, status }),
  });
  closers.push(() => workloads.close());

  const running = createHost({
    state: createBrain(identity, spec, config.keepInstance, clock(), gpuMemory),
    clock,
    cloud,
    socket,
    workloads,
    log,
    observe: (state) => tasks?.observe(state),
    onExit: () => void pause(LINGER_MS, new AbortController().signal).then(() => end(0)),
  });
  host = running;
  shown.running = {
    state: () => running.state,
    host: running.counters,
    gossip: socket.counters,
    tasks: () => tasks?.host ?? null,
  };
  shown.startingStep = null;
  const poller = startPoller(
    imds,
    () => clock().nowMs,
    (path, status, body) => running.push({ type: 'imds', path, status, body }),
  );
  closers.push(() => poller.stop());
  running.push({ type: 'tick' });
  if (stopAsked) running.push({ type: 'stop', reason: 'signal' });
  else if (verdict === 'crash-loop') running.push({ type: 'stop', reason: 'crash-loop' });

  /** A port that somebody else holds costs the pages, not the agent. */
  function openPages(): void {
    const { host: at, port } = config.http;
    openHttp(at, port, pagesOf(shown)).then(
      (server) => closers.push(() => server.close()),
      (error: unknown) => log.write('warn', 'no-pages', { problem: `${at}:${port}: ${messageOf(error)}` }),
    );
  }

  /** The end of an agent whose brain can't run. */
  async function giveBack(who: Identity, reason: 'signal' | 'crash-loop'): Promise<void> {
    const notice = await imds.get('meta-data/spot/instance-action');
    if (config.keepInstance || notice.status === 200) {
      log.write('info', 'instance-left', { reason, interrupted: notice.status === 200 });
      return end(0);
    }
    log.write('warn', 'instance-given-back', { reason });
    const problemLeft = await giveBackDirectly({
      instanceId: who.instanceId,
      terminate: (call, timeoutMs) => cloud.call(call, timeoutMs),
      pause: (ms) => pause(ms, new AbortController().signal),
    });
    if (problemLeft !== null) log.write('error', 'instance-not-given-back', { problem: problemLeft });
    return end(problemLeft === null ? 0 : 1);
  }

  async function end(code: 0 | 1): Promise<void> {
    const late = setTimeout(() => process.exit(code), CLOSE_MS);
    await Promise.allSettled(closers.reverse().map(async (close) => close()));
    clearTimeout(late);
    if (code === 0) noteCleanEnd(config.stateDir);
    log.write('info', 'agent-ends', { exitCode: code });
    process.exit(code);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const read = readConfig(process.env);
if (read.ok) {
  const log = createLog(read.config.logLevel);
  const crash = (error: unknown) => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.write('error', 'agent-crashed', { stack });
    process.exit(1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  // Node's and the SDK's warnings are no use on standard error.
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => log.write('debug', 'node-warning', { name, message }));
  // Nobody reads our output any more: that is no reason to end.
  process.stdout.on('error', () => {});
  main(read.config, log).catch(crash);
} else {
  process.stderr.write(`synkti agent: ${read.problem}\n`);
  process.exitCode = 2;
}
