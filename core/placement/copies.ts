import { planPlacement } from './plan.js';
import { replicasOf } from './replicas.js';

/**
 * Where the copies of workloads belong: those who hold one keep it, what is missing comes to the cheapest nodes with room.
 * Every node works this out for itself, and all come to the same for the same view: ties break by id.
 */
export interface CopiesWanted {
  readonly name: string;
  readonly copies: number;
  /** Of one copy. */
  readonly memoryMiB: number;
  readonly gpuMemoryMiB: number;
}

/** A node that stays. */
export interface CopyHost {
  readonly id: string;
  /** Room for copies when none runs there. */
  readonly memoryMiB: number;
  readonly gpuMemoryMiB: number;
  /** Workloads that it could run. */
  readonly takes: readonly string[];
  readonly holds: readonly string[];
  /** Those that it holds and that serve. */
  readonly serves: readonly string[];
  /** It has the newest revision: one that hasn't will soon be replaced. */
  readonly current: boolean;
}

/** Ids of the hosts of each workload's copies; at most one copy a host. */
export type CopiesLayout = ReadonlyMap<string, readonly string[]>;

/** What a copy costs on a node that will be replaced soon, in ms. */
const OLD_REVISION_MS = 60_000;

export function layOutCopies(wanted: readonly CopiesWanted[], hosts: readonly CopyHost[]): CopiesLayout {
  const rooms = [...hosts].sort((a, b) => compareText(a.id, b.id)).map((host) => new Room(host));
  // The largest first packs well.
  const order = [...wanted].sort(
    (a, b) => b.gpuMemoryMiB - a.gpuMemoryMiB || b.memoryMiB - a.memoryMiB || compareText(a.name, b.name),
  );
  const layout = new Map(order.map((copy) => [copy.name, keepers(copy, rooms)]));
  // Each has its first copy before any gets another one.
  for (const most of [1, Number.POSITIVE_INFINITY]) {
    for (const copy of order) layout.get(copy.name)?.push(...newcomers(copy, most, rooms, wanted.length));
  }
  for (const ids of layout.values()) ids.sort(compareText);
  return layout;
}

class Room {
  readonly host: CopyHost;
  readonly given = new Set<string>();
  memoryMiB = 0;
  gpuMemoryMiB = 0;

  constructor(host: CopyHost) {
    this.host = host;
  }

  has({ memoryMiB, gpuMemoryMiB }: CopiesWanted): boolean {
    const { host } = this;
    return this.memoryMiB + memoryMiB <= host.memoryMiB && this.gpuMemoryMiB + gpuMemoryMiB <= host.gpuMemoryMiB;
  }

  give({ name, memoryMiB, gpuMemoryMiB }: CopiesWanted): void {
    this.given.add(name);
    this.memoryMiB += memoryMiB;
    this.gpuMemoryMiB += gpuMemoryMiB;
  }

  /** 0 to 1; copies that say nothing of memory count by their number. */
  load(workloads: number): number {
    const share = (used: number, all: number): number => (all > 0 ? used / all : 0);
    const { memoryMiB, gpuMemoryMiB } = this.host;
    return Math.max(
      share(this.given.size, workloads),
      share(this.memoryMiB, memoryMiB),
      share(this.gpuMemoryMiB, gpuMemoryMiB),
    );
  }
}

/** Who holds a copy keeps it: of too many those that serve, then those that stay longest. */
function keepers(copy: CopiesWanted, rooms: readonly Room[]): string[] {
  const rank = ({ host }: Room): number => (host.serves.includes(copy.name) ? 0 : 2) + (host.current ? 0 : 1);
  const holders = rooms.filter(({ host }) => host.holds.includes(copy.name)).sort((a, b) => rank(a) - rank(b));
  const kept: string[] = [];
  for (const room of holders) {
    if (kept.length === copy.copies) break;
    if (!room.has(copy)) continue;
    room.give(copy);
    kept.push(room.host.id);
  }
  return kept;
}

function newcomers(copy: CopiesWanted, most: number, rooms: readonly Room[], workloads: number): string[] {
  const { name, memoryMiB, gpuMemoryMiB } = copy;
  const held = rooms.filter(({ given }) => given.has(name)).length;
  const open = rooms.filter((room) => !room.given.has(name) && room.host.takes.includes(name) && room.has(copy));
  const replicas = Math.min(Math.min(copy.copies, most) - held, open.length);
  if (replicas <= 0) return [];
  const plan = planPlacement(
    replicasOf({ name, replicas, memoryMiB, gpuMemoryMiB, stateMiB: 0, data: [] }),
    open.map((room) => ({
      id: room.host.id,
      freeMemoryMiB: room.host.memoryMiB - room.memoryMiB,
      freeGpuMemoryMiB: room.host.gpuMemoryMiB - room.gpuMemoryMiB,
      warm: [],
      load: room.load(workloads),
      // Its port is taken once.
      slots: 1,
      readyInMs: room.host.current ? 0 : OLD_REVISION_MS,
    })),
  );
  const ids = plan.placements.flatMap(({ host }) => host ?? []);
  for (const room of open) if (ids.includes(room.host.id)) room.give(copy);
  return ids;
}

/** By code unit: the same order on every machine, whatever its locale. */
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
