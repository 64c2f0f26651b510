/** Nodes remembered as cut off. */
const MAX_RETIRED = 50_000;

/**
 * Who can reach whom: nodes that are cut off altogether, and partitions between groups of nodes. Pure bookkeeping; the
 * relays, the load balancer and IMDS ask it.
 */
export class Reach {
  readonly #cut = new Set<string>();
  #groups = new Map<string, number>();
  readonly #cutListeners = new Set<(instanceId: string) => void>();

  /** Can a packet travel from one node to the other? */
  connected(from: string, to: string): boolean {
    if (this.#cut.has(from) || this.#cut.has(to)) return false;
    if (this.#groups.size === 0) return true;
    return (this.#groups.get(from) ?? -1) === (this.#groups.get(to) ?? -1);
  }

  /** Is the node cut off from everything, the load balancer and IMDS included? */
  isCut(instanceId: string): boolean {
    return this.#cut.has(instanceId);
  }

  /** Cuts a node off: its packets and those to it vanish without an error. */
  cutOff(instanceId: string): void {
    if (this.#cut.has(instanceId)) return;
    this.#cut.add(instanceId);
    for (const listener of this.#cutListeners) listener(instanceId);
  }

  reconnect(instanceId: string): void {
    this.#cut.delete(instanceId);
  }

  /** Only nodes of the same group reach each other; nodes in none of the groups form one group of their own. */
  partition(groups: readonly (readonly string[])[]): void {
    this.#groups = new Map(groups.flatMap((group, index) => group.map((id) => [id, index] as const)));
  }

  /** Ends the partition; nodes that are cut off stay so. */
  heal(): void {
    this.#groups.clear();
  }

  /** The node is gone for good: it stays cut off, so that nobody takes its silence for a refusal. */
  retire(instanceId: string): void {
    this.cutOff(instanceId);
    this.#groups.delete(instanceId);
    // Instance ids aren't used twice; the oldest are of no interest to anybody.
    for (const id of this.#cut) {
      if (this.#cut.size <= MAX_RETIRED) break;
      this.#cut.delete(id);
    }
  }

  /** Calls back when a node is cut off; returns how to stop listening. */
  onCut(listener: (instanceId: string) => void): () => void {
    this.#cutListeners.add(listener);
    return () => this.#cutListeners.delete(listener);
  }
}
