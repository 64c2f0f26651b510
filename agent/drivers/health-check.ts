import { Agent } from 'node:http';
import type { HealthSpec } from '../../core/spec/spec.js';
import { exchange } from '../http-client.js';

/** Checks one workload over HTTP at a steady pace; checks don't overlap. */
export interface HealthCheck {
  stop(): void;
}

export function startHealthCheck(
  target: { readonly host: string; readonly port: number },
  spec: HealthSpec,
  onResult: (ok: boolean, why: string) => void,
): HealthCheck {
  // A connection of its own each time: a server that accepts no new ones isn't healthy.
  const agent = new Agent({ keepAlive: false });
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function check(): Promise<void> {
    const begun = performance.now();
    const { status, problem } = await exchange({
      ...target,
      path: spec.path,
      headers: { 'user-agent': 'synkti-health' },
      timeoutMs: spec.timeoutMs,
      maxBytes: MAX_BODY_BYTES,
      agent,
    });
    if (stopped) return;
    onResult(status >= 200 && status < 400, problem ?? `status ${status}`);
    if (stopped) return;
    timer = setTimeout(() => void check(), Math.max(0, begun + spec.intervalMs - performance.now()));
  }

  void check();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      agent.destroy();
    },
  };
}

const MAX_BODY_BYTES = 1_048_576;
