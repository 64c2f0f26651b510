import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalCloud } from '../../../local/cloud-types.js';
import { MACHINE_MARK } from '../../../local/machines/machines.js';
import { findProcesses, signal } from '../../../local/machines/processes.js';
import { RUN_MARKER } from '../../../local/machines/run-dir.js';
import type { Pause } from './facts.js';

/** A process may start another one while it is looked for. */
const ROUNDS = 5;

/** Lets nodes stand still with all of their processes, as a hypervisor may, and go on later. */
export class Pauses {
  readonly pauses: Pause[] = [];
  readonly #cloud: LocalCloud;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(cloud: LocalCloud) {
    this.#cloud = cloud;
  }

  get busy(): boolean {
    return this.#timers.size > 0;
  }

  async pause(instanceId: string, lastsMs: number, onEnd: () => void): Promise<void> {
    const index = this.pauses.push({ instanceId, fromMs: Date.now(), toMs: null }) - 1;
    const timer = setTimeout(() => {
      void this.#goOn(instanceId, index).then((alive) => {
        this.#timers.delete(timer);
        if (alive) onEnd();
      });
    }, lastsMs);
    this.#timers.add(timer);
    let stopped = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const pids = await this.#processes(instanceId);
      for (const pid of pids) signal(pid, 'SIGSTOP');
      if (pids.length === stopped) break;
      stopped = pids.length;
    }
  }

  /** Whoever stands still is killed with its node: nothing is left to be done. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** False when the node is gone. */
  async #goOn(instanceId: string, index: number): Promise<boolean> {
    const pids = await this.#processes(instanceId);
    for (const pid of pids) signal(pid, 'SIGCONT');
    const pause = this.pauses[index];
    if (pause !== undefined && pids.length > 0) this.pauses[index] = { ...pause, toMs: Date.now() };
    return pids.length > 0;
  }

  async #processes(instanceId: string): Promise<number[]> {
    const pid = this.#cloud.instances().find((one) => one.instanceId === instanceId)?.pid ?? null;
    const runId = readFileSync(join(this.#cloud.runDir, RUN_MARKER), 'utf8').trim();
    return findProcesses({ environment: `${MACHINE_MARK}=${runId}/${instanceId}` }, pid === null ? [] : [pid]);
  }
}
