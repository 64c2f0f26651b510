import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkloadHealth } from '../../core/gossip/member.js';
import type { ProcessWorkload } from '../../core/spec/spec.js';
import { type Driver, type DriverContext, reachableHost } from './driver.js';
import { checked, exited, type HealthState, STARTING } from './health.js';
import { type HealthCheck, startHealthCheck } from './health-check.js';
import { askInFlight, countConnections } from './in-flight.js';
import { leftoversOf } from './leftovers.js';
import { type LogFile, openLogFile } from './log-file.js';
import { groupRuns, signal } from './process-group.js';
import { afterExit, NO_RESTARTS } from './restart.js';

/**
 * Runs a program as a process group of its own, without a shell.
 *
 * running -> (exits) -> waiting -> running ...; any -> stopping -> stopped. SIGTERM goes to the program alone, which
 * knows best how to end its children; SIGKILL goes to the whole group.
 */

/** How often a stopping group is looked at, in ms. */
const WATCH_MS = 50;
/** Without a health check a program counts as healthy once it has run this long, in ms; after an exit, ten times that. */
const SETTLE_MS = 1_000;
/** "Not healthy yet" is logged at this pace, in ms. */
const NAG_MS = 30_000;

export function createProcessDriver(workload: ProcessWorkload, context: DriverContext): Driver {
  const { name } = workload;
  const { bindAddress, log } = context;
  const host = reachableHost(bindAddress);
  const leftovers = leftoversOf(context.stateDir, name);
  const timers = new Set<NodeJS.Timeout>();
  let child: ChildProcess | null = null;
  let logFile: LogFile | null = null;
  let check: HealthCheck | null = null;
  let phase: 'idle' | 'running' | 'waiting' | 'stopping' | 'stopped' = 'idle';
  let health: HealthState = STARTING;
  let reported: WorkloadHealth | null = null;
  let restarts = NO_RESTARTS;
  let startedAt = 0;
  let naggedAt = 0;

  function report(next: WorkloadHealth): void {
    if (next === reported) return;
    reported = next;
    context.onHealth(next);
  }

  function later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  }

  function launch(): void {
    phase = 'running';
    startedAt = performance.now();
    const [program, ...args] = workload.command;
    const cwd = workload.workingDirectory;
    if (program === undefined || (cwd !== null && !existsSync(cwd))) {
      failed(program === undefined ? 'the command is empty' : `its working directory ${cwd} doesn't exist`);
      return;
    }
    let started: ChildProcess;
    try {
      logFile ??= openLogFile(join(context.logDir, `${name}.log`));
      started = spawn(program, args, {
        detached: true,
        stdio: ['ignore', logFile.fd, logFile.fd],
        env: environment(workload, context),
        ...(cwd === null ? {} : { cwd }),
      });
    } catch (error) {
      failed(error instanceof Error ? error.message : String(error));
      return;
    }
    child = started;
    // Either of the two ends a run, and only the first one counts.
    let over = false;
    const end = (why: string) => {
      if (over) return;
      over = true;
      ended(started, why);
    };
    started.on('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ENOENT' ? `there is no program ${program}` : error.message),
    );
    started.on('exit', (code, by) => end(by === null ? `it exited with code ${code}` : `it was ended by ${by}`));
    if (started.pid === undefined) return;
    leftovers.note(started.pid);
    log('info', 'workload-started', { workload: name, pid: started.pid });
    watchHealth();
  }

  function watchHealth(): void {
    if (workload.health === null || workload.port === null) {
      const run = child;
      later(restarts.exits === 0 ? SETTLE_MS : 10 * SETTLE_MS, () => {
        if (phase === 'running' && child === run) report('healthy');
      });
      return;
    }
    const spec = workload.health;
    check = startHealthCheck({ host, port: workload.port }, spec, (ok, why) => {
      if (phase !== 'running') return;
      const before = health.health;
      health = checked(health, ok, spec);
      if (health.health === 'unhealthy' && before === 'healthy')
        log('warn', 'workload-unhealthy', { workload: name, why });
      if (!ok && health.health !== 'healthy') nag(why);
      report(health.health);
    });
  }

  /** A workload that never gets healthy must not be silent. */
  function nag(why: string): void {
    const now = performance.now();
    if (now - Math.max(naggedAt, startedAt) < NAG_MS) return;
    naggedAt = now;
    log('warn', 'workload-not-healthy', { workload: name, why, sinceMs: Math.round(now - startedAt) });
  }

  function ended(run: ChildProcess, why: string): void {
    check?.stop();
    check = null;
    // Children that outlive the program would hold its port.
    if (phase !== 'stopping' && run.pid !== undefined) signal(run.pid, 'SIGKILL', true);
    if (phase === 'running') failed(why);
  }

  function failed(why: string): void {
    phase = 'waiting';
    health = exited();
    const { state, pauseMs } = afterExit(restarts, performance.now() - startedAt);
    restarts = state;
    log('error', 'workload-exited', { workload: name, why, exits: restarts.exits, restartInMs: pauseMs });
    report('unhealthy');
    later(pauseMs, () => {
      if (phase === 'waiting') launch();
    });
  }

  const mainRuns = () =>
    child !== null && child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const anythingRuns = () => mainRuns() || (child?.pid !== undefined && groupRuns(child.pid));

  function finish(): void {
    phase = 'stopped';
    leftovers.forget();
    logFile?.close();
    logFile = null;
    report('stopped');
  }

  /** Until nothing is left: a process may hang in the kernel for longer than any grace. */
  function watchEnd(killAt: number): void {
    if (!anythingRuns()) {
      finish();
      return;
    }
    if (performance.now() >= killAt && child?.pid !== undefined) signal(child.pid, 'SIGKILL', true);
    later(WATCH_MS, () => watchEnd(killAt));
  }

  function cancelTimers(): void {
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
    check?.stop();
    check = null;
  }

  return {
    start() {
      if (phase !== 'idle') return;
      if (leftovers.end()) log('warn', 'workload-leftover-ended', { workload: name });
      launch();
    },

    stop(graceMs) {
      if (phase === 'stopping' || phase === 'stopped') return;
      if (phase === 'idle') leftovers.end();
      phase = 'stopping';
      cancelTimers();
      log('info', 'workload-stopping', { workload: name, graceMs });
      if (mainRuns() && child?.pid !== undefined) signal(child.pid, 'SIGTERM', false);
      watchEnd(performance.now() + graceMs);
    },

    async inFlight() {
      if (workload.port === null || !mainRuns()) return 0;
      if (workload.inFlightPath !== null) return askInFlight(host, workload.port, workload.inFlightPath);
      return countConnections(workload.port, bindAddress);
    },

    async close() {
      if (phase === 'stopped') return;
      if (phase === 'idle') leftovers.end();
      phase = 'stopping';
      cancelTimers();
      const run = child;
      if (run?.pid !== undefined && anythingRuns()) {
        const gone = new Promise<void>((resolve) => run.once('exit', () => resolve()));
        const running = mainRuns();
        signal(run.pid, 'SIGKILL', true);
        if (running) await gone;
      }
      finish();
    },
  };
}

function environment(workload: ProcessWorkload, context: DriverContext): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...context.environment,
    HOST: context.bindAddress,
    ...(workload.port === null ? {} : { PORT: String(workload.port) }),
    ...workload.environment,
  };
}
