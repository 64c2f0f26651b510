import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../drivers/docker-engine.js';
import type { Begun, ProgramEnd } from './program.js';

/**
 * Runs a task's container through the Docker engine, with a network of its own, so that it doesn't reach the node's
 * credentials. Its folders are mounted at fixed places.
 */
export interface ContainerPlan {
  readonly name: string;
  readonly task: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly gpus: number;
  readonly memoryMiB: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly mounts: readonly { readonly source: string; readonly target: string; readonly readOnly: boolean }[];
  readonly logPath: string;
  readonly signal: AbortSignal;
}

/** On every container of a task; its value is the task's key. */
export const TASK_LABEL = 'synkti.task';

const WATCH_MS = 500;
const PULL_TIMEOUT_MS = 1_800_000;
/** The engine may be silent so often in a row: it restarts now and then. */
const MAX_SILENT = 60;
const LOG_LINES = 20_000;

export async function startContainer(engine: Engine, plan: ContainerPlan): Promise<Begun> {
  const no = (problem: string): Begun => ({ ok: false, problem });
  const connected = await engine.connect();
  if (!connected.ok) return no(connected.problem);
  const present = await engine.hasImage(plan.image);
  if (!present.ok) return no(present.problem);
  if (!present.value) {
    const pulled = await engine.pull(plan.image, PULL_TIMEOUT_MS, plan.signal);
    if (!pulled.ok) return no(pulled.problem);
  }
  if (plan.signal.aborted) return no('it was stopped before it began');
  await engine.remove(plan.name);
  const created = await engine.create(plan.name, bodyOf(plan));
  if (!created.ok) return no(created.problem);
  const id = created.value;
  const begun = await engine.start(id);
  if (!begun.ok) {
    await engine.remove(id);
    return no(begun.problem);
  }
  let stopped = false;
  let killer: NodeJS.Timeout | undefined;
  let killAtMs = Number.POSITIVE_INFINITY;

  async function watch(): Promise<ProgramEnd> {
    for (let silent = 0; ; ) {
      await sleep(WATCH_MS);
      const seen = await engine.inspect(id);
      if (!seen.ok) {
        silent += 1;
        if (silent >= MAX_SILENT) return { exitCode: null, signal: null, problem: seen.problem };
        continue;
      }
      silent = 0;
      if (seen.value === null) return { exitCode: null, signal: null, problem: 'its container was removed' };
      if (!seen.value.running) return { exitCode: seen.value.exitCode, signal: null, problem: null };
    }
  }

  const ended = watch().then(async (end) => {
    clearTimeout(killer);
    const text = await engine.logs(id, LOG_LINES);
    try {
      if (text.ok) appendFileSync(plan.logPath, text.value);
    } catch {
      // A full disk.
    }
    await engine.remove(id);
    return end;
  });

  return {
    ok: true,
    program: {
      ended,
      async tell() {
        const told = await engine.kill(id, 'SIGUSR1');
        return told.ok ? null : told.problem;
      },
      stop(graceMs) {
        if (!stopped) void engine.stop(id, Math.ceil(graceMs / 1_000));
        stopped = true;
        const at = performance.now() + graceMs;
        if (at >= killAtMs) return;
        killAtMs = at;
        clearTimeout(killer);
        killer = setTimeout(() => void engine.kill(id), graceMs);
      },
      async host() {
        const seen = await engine.inspect(id);
        return seen.ok && seen.value !== null && seen.value.ip !== '' ? seen.value.ip : '127.0.0.1';
      },
      // The engine keeps it to its limit.
      memoryBytes: async () => null,
    },
  };
}

/** Containers of a former life of the agent. */
export async function removeLeftovers(engine: Engine): Promise<number> {
  const connected = await engine.connect();
  if (!connected.ok) return 0;
  const found = await engine.find(TASK_LABEL);
  if (!found.ok) return 0;
  for (const id of found.value.slice(0, 1_000)) await engine.remove(id);
  return found.value.length;
}

function bodyOf(plan: ContainerPlan) {
  return {
    Image: plan.image,
    ...(plan.args.length === 0 ? {} : { Cmd: plan.args }),
    Env: Object.entries(plan.environment).map(([key, value]) => `${key}=${value}`),
    Labels: { [TASK_LABEL]: plan.task },
    HostConfig: {
      Memory: plan.memoryMiB * 1_048_576,
      Mounts: plan.mounts.map(({ source, target, readOnly }) => ({
        Type: 'bind',
        Source: source,
        Target: target,
        ReadOnly: readOnly,
      })),
      ...(plan.gpus === 0 ? {} : { DeviceRequests: [{ Driver: '', Count: plan.gpus, Capabilities: [['gpu']] }] }),
      LogConfig: { Type: 'json-file', Config: { 'max-size': '8m', 'max-file': '2' } },
      RestartPolicy: { Name: 'no' },
    },
  };
}
