import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { LocalCloud } from '../../local/cloud-types.js';
import type { Leftovers } from './timeline.js';

const MIB = 1_048_576;
/** Looking at every process's memory takes a while itself. */
const SAMPLE_MS = 5_000;

/** Watches what a rehearsal costs: memory of everything, and pauses of its own event loop. */
export class UsageWatch {
  readonly #cloud: LocalCloud;
  readonly #delay = monitorEventLoopDelay({ resolution: 5 });
  #timer: NodeJS.Timeout | null = null;
  #most = 0;
  #mostOfNode = 0;

  constructor(cloud: LocalCloud) {
    this.#cloud = cloud;
  }

  start(): void {
    this.#delay.enable();
    const sample = (): void => {
      this.#timer = setTimeout(() => void this.#sample().then(sample, sample), SAMPLE_MS);
    };
    sample();
  }

  stop(): { memoryMiB: number | null; agentMemoryMiB: number | null; pauseP99Ms: number; pauseMaxMs: number } {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#delay.disable();
    const ms = (ns: number): number => (Number.isFinite(ns) ? Math.round(ns / 1e5) / 10 : 0);
    const known = this.#most > 0;
    return {
      memoryMiB: known ? Math.round(this.#most / MIB) : null,
      agentMemoryMiB: known ? Math.round(this.#mostOfNode / MIB) : null,
      pauseP99Ms: ms(this.#delay.percentile(99)),
      pauseMaxMs: ms(this.#delay.max),
    };
  }

  async #sample(): Promise<void> {
    let sum = 0;
    for (const { instanceId, pid } of this.#cloud.instances()) {
      if (pid === null) continue;
      const { pssBytes, rssBytes } = await this.#cloud.usage(instanceId);
      const bytes = pssBytes > 0 ? pssBytes : rssBytes;
      sum += bytes;
      this.#mostOfNode = Math.max(this.#mostOfNode, bytes);
    }
    if (sum > 0) this.#most = Math.max(this.#most, sum + process.memoryUsage.rss());
  }
}

/** What of a run is still there after its end. */
export async function leftoversOf(runDir: string, endpoint: string, filesKept: boolean): Promise<Leftovers> {
  return {
    processes: processesOf(basename(runDir)),
    files: !filesKept && existsSync(runDir) ? 1 : 0,
    ports: (await answers(endpoint)) ? 1 : 0,
  };
}

/** Processes that carry the run's mark in their environment; 0 where there is no /proc. */
function processesOf(run: string): number {
  let count = 0;
  let entries: string[];
  try {
    entries = readdirSync('/proc');
  } catch {
    return 0;
  }
  for (const entry of entries) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    try {
      if (readFileSync(`/proc/${entry}/environ`, 'latin1').includes(`SYNKTI_MACHINE=${run}`)) count++;
    } catch {
      // It has just ended, or is somebody else's.
    }
  }
  return count;
}

function answers(endpoint: string): Promise<boolean> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: 1_000 });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
