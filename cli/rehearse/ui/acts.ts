/** What a click or a key on the page does: the very acts of the script, on the node that was meant. */
import { type ClusterView, isLive, type NodeRow } from '../cluster-view.js';
import type { Act } from '../plan.js';

export interface Ground {
  readonly view: ClusterView;
  readonly zones: readonly string[];
  readonly play: (act: Act) => void;
  /** The node's agent stops acting, and its workload doesn't. False: it has no agent that runs. */
  readonly hang: (row: NodeRow) => boolean;
  readonly end: () => void;
  /** Nothing can be done before all nodes serve, nor after the end was asked for. */
  readonly closed: () => string | null;
}

/** Why an act can't be done, as one sentence. */
export class Refusal extends Error {}

/** Acts of people, checked. Keeps what was cut off and which zones were reclaimed. */
export class PageActs {
  readonly cutOff = new Set<string>();
  readonly reclaimed = new Set<string>();
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** @returns what was done @throws Refusal */
  take(body: unknown): string {
    const closed = this.#ground.closed();
    if (closed !== null) throw new Refusal(closed);
    const { act, node, zone } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
    switch (act) {
      case 'interrupt': {
        const { slot, row } = this.#node(node);
        if (row.node.market === 'on-demand') throw new Refusal(`Slot ${slot} is on demand: EC2 doesn't interrupt it.`);
        return this.#play({ type: 'interrupt', slots: [slot], announced: true }, `Slot ${slot} gets its notice.`);
      }
      case 'kill': {
        const { slot } = this.#node(node);
        return this.#play({ type: 'kill', slots: [slot] }, `Slot ${slot} dies without a word.`);
      }
      case 'cut-off':
        return this.#cut(this.#node(node));
      case 'hang': {
        const { slot, row } = this.#node(node);
        if (row.agentDead || !this.#ground.hang(row)) throw new Refusal(`The agent of slot ${slot} doesn't run.`);
        return `The agent of slot ${slot} hangs.`;
      }
      case 'heal':
        this.cutOff.clear();
        return this.#play({ type: 'heal' }, 'The partition heals.');
      case 'reclaim-zone': {
        const name = this.#zone(zone);
        this.reclaimed.add(name);
        return this.#play({ type: 'reclaim-zone', zone: name, announced: true }, `${name} is reclaimed.`);
      }
      case 'give-back': {
        const name = this.#zone(zone);
        this.reclaimed.delete(name);
        return this.#play({ type: 'capacity', zone: name, nodes: null, announced: true }, `${name} has room again.`);
      }
      case 'end':
        this.#ground.end();
        return 'The rehearsal ends; the verdict follows in the terminal.';
      default:
        throw new Refusal('An act is interrupt, kill, cut-off, hang, heal, reclaim-zone, give-back or end.');
    }
  }

  #play(act: Act, text: string): string {
    this.#ground.play(act);
    return text;
  }

  /** Acts hit slots: the node must be the one that an act on its slot hits. */
  #node(id: unknown): { readonly slot: number; readonly row: NodeRow } {
    const row = typeof id === 'string' ? this.#ground.view.rows.get(id) : undefined;
    if (row === undefined) throw new Refusal('There is no such node.');
    const slot = row.node.seat?.slot;
    if (slot === undefined) throw new Refusal(`${row.node.instanceId} holds no seat.`);
    if (this.#ground.view.target(slot) !== row) throw new Refusal(`${row.node.instanceId} is on its way out already.`);
    return { slot, row };
  }

  #zone(name: unknown): string {
    const found = this.#ground.zones.find((zone) => zone === name);
    if (found === undefined) throw new Refusal('There is no such zone.');
    return found;
  }

  /** Each of those that are cut off is alone; all others still reach each other. */
  #cut({ slot, row }: { readonly slot: number; readonly row: NodeRow }): string {
    const { view, play } = this.#ground;
    const live = [...view.rows.values()].filter(isLive);
    for (const id of this.cutOff) if (!live.some(({ node }) => node.instanceId === id)) this.cutOff.delete(id);
    this.cutOff.add(row.node.instanceId);
    const slots = new Set(live.flatMap(({ node }) => (node.seat === null ? [] : [node.seat.slot])));
    const alone = [...slots].filter((one) =>
      live.some((r) => r.node.seat?.slot === one && this.cutOff.has(r.node.instanceId)),
    );
    const rest = [...slots].filter((one) => !alone.includes(one));
    play({ type: 'partition', groups: [...alone.map((one) => [one]), rest] });
    return `Slot ${slot} is cut off from its peers; AWS and the load balancer still reach it.`;
  }
}
