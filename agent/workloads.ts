import type { WorkloadHealth } from '../core/gossip/member.js';
import type { WorkloadStatus } from '../core/node/port.js';
import type { Driver } from './drivers/driver.js';

/** The node's workloads: starts and stops them by name, and reports on each at a steady pace. */
export interface Workloads {
  start(name: string): void;
  stop(name: string, graceMs: number): void;
  /** While the node leaves, it counts requests in flight more often. */
  setAttentive(attentive: boolean): void;
  /** The latest report on each, by name. */
  readonly statuses: ReadonlyMap<string, WorkloadStatus>;
  /** Ends everything that still runs. */
  close(): Promise<void>;
}

/** Reports on a workload, in ms; changes of health come at once. Lowering it costs an idle node processor time. */
const REPORT_MS = 2_000;
const ATTENTIVE_REPORT_MS = 250;

export interface WorkloadsOptions {
  readonly names: readonly string[];
  readonly createDriver: (name: string, onHealth: (health: WorkloadHealth) => void) => Driver;
  readonly onStatus: (name: string, status: WorkloadStatus) => void;
}

export function createWorkloads(options: WorkloadsOptions): Workloads {
  const entries = new Map<string, Entry>();
  const statuses = new Map<string, WorkloadStatus>();
  let attentive = false;
  let closed = false;

  interface Entry {
    readonly driver: Driver;
    health: WorkloadHealth;
    timer: NodeJS.Timeout | null;
  }

  function publish(name: string, health: WorkloadHealth, inFlight: number | null): void {
    const status = { health, inFlight };
    statuses.set(name, status);
    options.onStatus(name, status);
  }

  function schedule(name: string, entry: Entry): void {
    if (closed || entry.health === 'stopped') return;
    if (entry.timer !== null) clearTimeout(entry.timer);
    entry.timer = setTimeout(() => void measure(name, entry), attentive ? ATTENTIVE_REPORT_MS : REPORT_MS);
  }

  async function measure(name: string, entry: Entry): Promise<void> {
    entry.timer = null;
    const inFlight = await entry.driver.inFlight().catch(() => null);
    // It may have ended meanwhile, and `stopped` is the last word.
    if (closed || entry.health === 'stopped' || entries.get(name) !== entry) return;
    publish(name, entry.health, inFlight);
    if (entry.timer === null) schedule(name, entry);
  }

  /** A driver lives from one start to one stop. */
  function renew(name: string): Entry {
    let made: Entry | null = null;
    const driver = options.createDriver(name, (health) => {
      const entry = made;
      if (closed || entry === null || entries.get(name) !== entry) return;
      entry.health = health;
      publish(name, health, health === 'stopped' ? 0 : (statuses.get(name)?.inFlight ?? null));
    });
    const entry: Entry = { driver, health: 'starting', timer: null };
    made = entry;
    entries.set(name, entry);
    return entry;
  }

  for (const name of options.names) renew(name);

  return {
    start(name) {
      const known = entries.get(name);
      if (known === undefined) return;
      const entry = known.health === 'stopped' ? renew(name) : known;
      entry.driver.start();
      schedule(name, entry);
    },

    stop(name, graceMs) {
      const entry = entries.get(name);
      // Nothing of that name runs.
      if (entry === undefined) options.onStatus(name, { health: 'stopped', inFlight: 0 });
      else entry.driver.stop(graceMs);
    },

    setAttentive(next) {
      if (next === attentive) return;
      attentive = next;
      for (const [name, entry] of entries) if (entry.timer !== null) schedule(name, entry);
    },

    statuses,

    async close() {
      closed = true;
      for (const { timer } of entries.values()) if (timer !== null) clearTimeout(timer);
      await Promise.all([...entries.values()].map(({ driver }) => driver.close()));
    },
  };
}
