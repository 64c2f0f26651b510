import type { LocalCloud } from '../../local/cloud-types.js';
import { messageOf } from '../user-error.js';
import type { ClusterView, NodeRow } from './cluster-view.js';
import { type Act, describeAct, type PlannedAct } from './plan.js';
import type { StackAct } from './stack/acts.js';

/** Plays a scenario on the local cloud. */
export class Player {
  readonly #cloud: LocalCloud;
  readonly #view: ClusterView;
  readonly #tell: (text: string) => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Set when there is a stack. */
  playStack: (act: StackAct) => void = () => {};
  /** Set when there are tasks: lets a node stand still for a while. */
  pause: (row: NodeRow, lastsMs: number) => void = () => {};
  /** Told when launches begin to fail, and when they don't any more. */
  onShortage: (market: 'spot' | 'on-demand' | null, over: boolean) => void = () => {};

  /** @param tell one line for people on what was done, or couldn't be */
  constructor(cloud: LocalCloud, view: ClusterView, tell: (text: string) => void) {
    this.#cloud = cloud;
    this.#view = view;
    this.#tell = tell;
  }

  start(acts: readonly PlannedAct[]): void {
    for (const { atMs, act } of acts) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.play(act);
      }, atMs);
      this.#timers.add(timer);
    }
  }

  /** All acts are played. */
  get done(): boolean {
    return this.#timers.size === 0;
  }

  /** Acts that are still to come. */
  get left(): number {
    return this.#timers.size;
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  play(act: Act): void {
    this.#tell(describeAct(act));
    switch (act.type) {
      case 'interrupt':
        for (const slot of act.slots) this.#on(slot, (row) => this.#interrupt(row, act.announced));
        return;
      case 'kill':
        for (const slot of act.slots) this.#on(slot, (row) => this.#cloud.fail(row.node.instanceId));
        return;
      case 'rebalance':
        for (const slot of act.slots) this.#on(slot, (row) => this.#cloud.recommendRebalance(row.node.instanceId));
        return;
      case 'reclaim-zone':
        this.#limit(act.zone, 0, act.announced);
        return;
      case 'capacity':
        this.#limit(act.zone, act.nodes, act.announced);
        return;
      case 'partition':
        this.#cloud.partition(
          act.groups.map((slots) =>
            slots.flatMap((slot) => this.#view.holders(slot).map((row) => row.node.instanceId)),
          ),
        );
        return;
      case 'heal':
        this.#cloud.heal();
        return;
      case 'pause':
        for (const slot of act.slots) this.#on(slot, (row) => this.pause(row, act.lastsMs));
        return;
      case 'shortage':
        this.#cloud.setCapacity(act.pool, act.nodes);
        this.onShortage(act.pool.market ?? null, act.nodes === null);
        return;
      default:
        this.playStack(act);
    }
  }

  #on(slot: number, act: (row: NodeRow) => void): void {
    const row = this.#view.target(slot);
    if (row === null) this.#tell(`slot ${slot} has no node just now: left out`);
    else this.#try(row, act);
  }

  /** EC2 has no spot capacity in a zone beyond `nodes`, and takes back what is. */
  #limit(zone: string, nodes: number | null, announced: boolean): void {
    this.#cloud.setCapacity({ zone, market: 'spot' }, nodes);
    if (nodes === null) return;
    const held = [...this.#view.rows.values()].filter(
      ({ node, phase }) => node.zone === zone && node.market === 'spot' && (phase === 'running' || phase === 'booting'),
    );
    for (const row of held.slice(0, Math.max(0, held.length - nodes))) {
      this.#try(row, () => this.#interrupt(row, announced));
    }
  }

  #interrupt({ node }: NodeRow, announced: boolean): void {
    if (node.market === 'on-demand') {
      this.#tell(`slot ${node.seat?.slot} is on demand and can't be interrupted: left out`);
      return;
    }
    this.#cloud.interrupt(node.instanceId, announced ? {} : { announce: 'none', noticeMs: 0 });
  }

  #try(row: NodeRow, act: (row: NodeRow) => void): void {
    try {
      act(row);
    } catch (error) {
      this.#tell(`${row.node.instanceId}: ${messageOf(error)}`);
    }
  }
}
