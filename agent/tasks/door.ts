import { liveMembers } from '../../core/gossip/gossip.js';
import type { Member, WorkloadHealth } from '../../core/gossip/member.js';
import type { NodeState } from '../../core/node/state.js';
import type { PeerView, WorkerEvent } from '../../core/tasks/port.js';
import type { WallMs } from '../../core/time.js';
import type { Driver } from '../drivers/driver.js';
import type { TasksHost } from './host.js';

/**
 * Where the node's brain and its worker meet. To the brain tasks are a workload like another one, whose requests in
 * flight are the tasks that aren't settled; the worker is told what the brain knows of peers and of this node's end.
 * Nothing of tasks is made before the workload starts: an agent without tasks stays small. (The code itself is a part of
 * the bundle that is read at once: behind an `import()`, esbuild wraps every module that both sides use, which takes
 * four times the memory of what it saves.)
 */
export interface TasksDoor {
  readonly driver: Driver;
  /** After each step of the brain. */
  observe(state: NodeState): void;
  noted(connection: number, text: string): boolean;
  /** Null: not made yet. */
  readonly host: TasksHost | null;
}

export interface TasksDoorParts {
  /** Makes the host. */
  readonly load: (onHealth: (health: WorkloadHealth) => void) => Promise<TasksHost>;
  readonly nowMs: () => number;
  readonly onHealth: (health: WorkloadHealth) => void;
  /** The agent can't go on without it. */
  readonly onCrash: (error: unknown) => void;
}

/** Members are compared at this pace, in ms; a leave is told at once. */
const LOOK_MS = 200;

export function createTasksDoor(parts: TasksDoorParts): TasksDoor {
  let host: TasksHost | null = null;
  let loading: Promise<void> | null = null;
  let stopped = false;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let seen: readonly Member[] = [];
  let work = 0;
  let told: { readonly deadlineMs: WallMs | null; readonly cause: string } | null = null;
  /** What came before the host was there. */
  const early: WorkerEvent[] = [];

  function push(event: WorkerEvent): void {
    if (host !== null) host.push(event);
    else if (loading !== null) early.push(event);
  }

  async function load(): Promise<void> {
    const made = await parts.load(parts.onHealth);
    host = made;
    made.push({ type: 'start' });
    for (const event of early.splice(0)) made.push(event);
  }

  function lookAtMembers(state: NodeState): void {
    const live = liveMembers(state.gossip);
    if (live.length === seen.length && live.every((one, at) => one === seen[at])) return;
    seen = [...live];
    const others = seen.filter(({ id }) => id !== state.identity.id);
    const newest = others.reduce((most, { meta }) => Math.max(most, meta.work ?? 0), 0);
    push({ type: 'peers', peers: others.map(peerView) });
    if (newest > work) {
      work = newest;
      push({ type: 'work-heard' });
    }
  }

  return {
    driver: {
      start() {
        if (loading !== null || stopped) return;
        loading = load();
        loading.catch(parts.onCrash);
        lookedMs = Number.NEGATIVE_INFINITY;
      },
      stop(graceMs) {
        stopped = true;
        if (loading === null) parts.onHealth('stopped');
        else push({ type: 'stop', graceMs });
      },
      inFlight: async () => host?.inFlight ?? 0,
      async close() {
        stopped = true;
        await loading?.catch(() => {});
        await host?.close();
      },
    },

    observe(state) {
      if (loading === null) return;
      const deadlineMs = state.drain?.ledger.deadlineMs ?? null;
      const cause = state.leaving?.cause ?? null;
      if (cause !== null && (told === null || told.deadlineMs !== deadlineMs || told.cause !== cause)) {
        told = { deadlineMs, cause };
        push({ type: 'leaving', ...told });
      }
      const now = parts.nowMs();
      if (now - lookedMs < LOOK_MS) return;
      lookedMs = now;
      lookAtMembers(state);
    },

    noted: (connection, text) => host?.noted(connection, text) ?? false,

    get host() {
      return host;
    },
  };
}

const peerView = ({ id, address, meta }: Member): PeerView => ({
  id,
  address,
  leaving: meta.leaving !== null,
  freeMemoryMiB: meta.freeMemoryMiB,
  freeGpuMemoryMiB: meta.freeGpuMemoryMiB,
  warm: meta.warm ?? [],
});
