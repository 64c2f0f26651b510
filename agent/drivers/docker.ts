import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkloadHealth } from '../../core/gossip/member.js';
import type { ContainerWorkload } from '../../core/spec/spec.js';
import { createEngine, type Engine, type Reply } from './docker-engine.js';
import { type Driver, type DriverContext, reachableHost } from './driver.js';
import { checked, exited, type HealthState, STARTING } from './health.js';
import { type HealthCheck, startHealthCheck } from './health-check.js';
import { askInFlight, countConnections } from './in-flight.js';
import { afterExit, NO_RESTARTS } from './restart.js';

/**
 * Runs a container through the Docker engine.
 *
 * connect -> adopt a leftover of the same make, or pull and create -> start -> watch -> (exits) -> start again ...; any ->
 * stopping -> stopped. Every step may fail, and is repeated after a pause that grows.
 *
 * The container gets a network of its own with its port published, not the host's: with IMDS's hop limit of 1 it can't
 * reach the node's credentials then.
 */

/** How often a running container is looked at, in ms. */
const WATCH_MS = 1_000;
const PULL_TIMEOUT_MS = 1_800_000;
/** Lines of a container's log that are kept when it ends by itself. */
const KEEP_LINES = 200;

export const LABEL = { workload: 'synkti.workload', make: 'synkti.make' } as const;

export function createDockerDriver(
  workload: ContainerWorkload,
  context: DriverContext,
  engine: Engine = createEngine(process.env.SYNKTI_DOCKER_SOCKET),
): Driver {
  const { name } = workload;
  const { log } = context;
  const host = reachableHost(context.bindAddress);
  const body = containerBody(workload, context);
  const make = body.Labels[LABEL.make];
  const giveUp = new AbortController();
  let stopping = false;
  let started = false;
  let containerId: string | null = null;
  let pid = 0;
  let check: HealthCheck | null = null;
  let health: HealthState = STARTING;
  let reported: WorkloadHealth | null = null;
  let restarts = NO_RESTARTS;
  let startedAt = performance.now();
  let wake: (() => void) | null = null;
  let life: Promise<void> = Promise.resolve();

  function report(next: WorkloadHealth): void {
    if (next === reported) return;
    reported = next;
    context.onHealth(next);
  }

  /** A pause that a stop cuts short. */
  function pause(ms: number): Promise<void> {
    if (stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function live(): Promise<void> {
    while (!stopping) {
      const problem = await run();
      check?.stop();
      check = null;
      pid = 0;
      if (stopping) return;
      const { state, pauseMs } = afterExit(restarts, performance.now() - startedAt);
      restarts = state;
      health = exited();
      log('error', 'workload-exited', { workload: name, why: problem, exits: restarts.exits, restartInMs: pauseMs });
      report('unhealthy');
      await pause(pauseMs);
    }
  }

  /** One run of the container, to its end; returns why it ended. */
  async function run(): Promise<string> {
    startedAt = performance.now();
    const connected = await engine.connect();
    if (!connected.ok) return connected.problem;
    const found = await containerToRun();
    if (!found.ok) return found.problem;
    containerId = found.value;
    if (stopping) return 'stopped';
    const begun = await engine.start(containerId);
    if (!begun.ok) {
      // Its make may be what is wrong: the next run makes a new one.
      await engine.remove(containerId);
      return begun.problem;
    }
    startedAt = performance.now();
    log('info', 'workload-started', { workload: name, container: containerId.slice(0, 12) });
    watchHealth();
    return watch(containerId);
  }

  /** A leftover of the same make, else a new container. Others of this workload are removed. */
  async function containerToRun(): Promise<Reply<string>> {
    const leftovers = await engine.find(`${LABEL.workload}=${name}`);
    if (!leftovers.ok) return leftovers;
    let adopted: string | null = null;
    for (const id of leftovers.value.slice(0, 20)) {
      const seen = await engine.inspect(id);
      if (adopted === null && seen.ok && seen.value?.labels[LABEL.make] === make) adopted = id;
      else await engine.remove(id);
    }
    if (adopted !== null) return { ok: true, value: adopted };
    const present = await engine.hasImage(workload.image);
    if (!present.ok) return present;
    if (!present.value) {
      log('info', 'image-pulling', { workload: name, image: workload.image });
      const pulled = await engine.pull(workload.image, PULL_TIMEOUT_MS, giveUp.signal);
      if (!pulled.ok) return pulled;
    }
    const containerName = `synkti-${name}`;
    const created = await engine.create(containerName, body);
    if (created.ok || created.status !== 409) return created;
    // The name is taken by something without our labels.
    await engine.remove(containerName);
    return engine.create(containerName, body);
  }

  async function watch(id: string): Promise<string> {
    let lost = 0;
    for (;;) {
      await pause(WATCH_MS);
      if (stopping) return 'stopped';
      const seen = await engine.inspect(id);
      if (!seen.ok) {
        // The engine restarts now and then; the container may well live on.
        lost += 1;
        if (lost >= 30) return seen.problem;
        continue;
      }
      lost = 0;
      if (seen.value === null) return 'its container was removed';
      pid = seen.value.pid;
      if (!seen.value.running) {
        await keepLog(id);
        return `its container exited with code ${seen.value.exitCode}`;
      }
    }
  }

  async function keepLog(id: string): Promise<void> {
    const text = await engine.logs(id, KEEP_LINES);
    if (!text.ok) return;
    try {
      mkdirSync(context.logDir, { recursive: true });
      appendFileSync(join(context.logDir, `${name}.log`), text.value);
    } catch {
      // A full disk.
    }
  }

  function watchHealth(): void {
    if (workload.health === null || workload.port === null) {
      report('healthy');
      return;
    }
    const spec = workload.health;
    check = startHealthCheck({ host, port: workload.port }, spec, (ok, why) => {
      if (stopping) return;
      const before = health.health;
      health = checked(health, ok, spec);
      if (health.health === 'unhealthy' && before === 'healthy')
        log('warn', 'workload-unhealthy', { workload: name, why });
      report(health.health);
    });
  }

  async function end(graceMs: number): Promise<void> {
    stopping = true;
    giveUp.abort();
    wake?.();
    check?.stop();
    check = null;
    if (containerId !== null) {
      const id = containerId;
      let late: NodeJS.Timeout | undefined;
      const killed = new Promise((resolve) => {
        late = setTimeout(() => resolve(engine.kill(id)), graceMs);
      });
      await Promise.race([engine.stop(id, Math.floor(graceMs / 1_000)), killed]);
      clearTimeout(late);
    }
    await life;
    // The engine may not answer for a while; `stopped` must be true when it is said.
    for (let attempt = 0; containerId !== null && attempt < 120; attempt++) {
      const removed = await engine.remove(containerId);
      if (removed.ok) break;
      if (attempt === 0) log('warn', 'container-not-removed', { workload: name, why: removed.problem });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    report('stopped');
  }

  let ending: Promise<void> | null = null;

  return {
    start() {
      if (started || stopping) return;
      started = true;
      life = live();
    },

    stop(graceMs) {
      if (ending !== null) return;
      log('info', 'workload-stopping', { workload: name, graceMs });
      ending = end(graceMs);
    },

    async inFlight() {
      if (workload.port === null || containerId === null) return 0;
      if (workload.inFlightPath !== null) return askInFlight(host, workload.port, workload.inFlightPath);
      return pid === 0 ? null : countConnections(workload.port, '0.0.0.0', pid);
    },

    async close() {
      ending ??= end(0);
      await ending;
    },
  };
}

/** What is sent to the engine; its hash is the container's make. */
function containerBody(workload: ContainerWorkload, context: DriverContext) {
  const { port, gpus, mounts = [] } = workload;
  const environment: Record<string, string> = {
    ...context.environment,
    HOST: '0.0.0.0',
    ...(port === null ? {} : { PORT: String(port) }),
    ...workload.environment,
  };
  const publish = context.bindAddress === '0.0.0.0' ? '' : context.bindAddress;
  const config = {
    Image: workload.image,
    ...(workload.args.length === 0 ? {} : { Cmd: workload.args }),
    Env: Object.entries(environment)
      .map(([key, value]) => `${key}=${value}`)
      .sort(),
    ...(port === null ? {} : { ExposedPorts: { [`${port}/tcp`]: {} } }),
    HostConfig: {
      ...(port === null ? {} : { PortBindings: { [`${port}/tcp`]: [{ HostIp: publish, HostPort: String(port) }] } }),
      ...(mounts.length === 0
        ? {}
        : {
            Mounts: mounts.map(({ source, target, readOnly }) => ({
              Type: 'bind',
              Source: source,
              Target: target,
              ReadOnly: readOnly,
            })),
          }),
      ...(gpus === 0 ? {} : { DeviceRequests: [{ Driver: '', Count: gpus, Capabilities: [['gpu']] }] }),
      LogConfig: { Type: 'json-file', Config: { 'max-size': '8m', 'max-file': '2' } },
      RestartPolicy: { Name: 'no' },
    },
  };
  const make = createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 16);
  return { ...config, Labels: { [LABEL.workload]: workload.name, [LABEL.make]: make } };
}
