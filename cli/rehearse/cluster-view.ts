import type { NodeInfo, TargetState, TimelineEvent } from './timeline.js';

/** One node as it is now: for the table, for choosing whom an act hits, and for knowing when all is healed. */
export interface NodeRow {
  readonly node: NodeInfo;
  readonly launchedMs: number;
  phase: 'booting' | 'running' | 'noticed' | 'dead' | 'ending' | 'ended';
  target: TargetState;
  /** Wall clock; of a notice. */
  deadlineMs: number | null;
  /** Wall clock: when it ended, or died. */
  overMs: number | null;
  atRisk: boolean;
  agentDead: boolean;
}

/** The cluster as its events tell it. */
export class ClusterView {
  readonly rows = new Map<string, NodeRow>();

  take(event: TimelineEvent): void {
    if (event.type === 'launched') {
      const { node, atMs } = event;
      const row: NodeRow = {
        node,
        launchedMs: atMs,
        phase: 'booting',
        target: 'absent',
        deadlineMs: null,
        overMs: null,
        atRisk: false,
        agentDead: false,
      };
      this.rows.set(node.instanceId, row);
      return;
    }
    const row = 'instanceId' in event ? this.rows.get(event.instanceId) : undefined;
    if (row === undefined) return;
    switch (event.type) {
      case 'running':
        if (row.phase === 'booting') row.phase = 'running';
        break;
      case 'notice':
        if (isLive(row)) row.phase = 'noticed';
        row.deadlineMs = event.deadlineMs;
        break;
      case 'rebalance':
        row.atRisk = true;
        break;
      case 'died':
        row.phase = 'dead';
        row.overMs ??= event.atMs;
        break;
      case 'ending':
        if (row.phase !== 'dead') row.phase = 'ending';
        break;
      case 'ended':
        row.phase = 'ended';
        row.target = 'absent';
        row.overMs ??= event.atMs;
        break;
      case 'target':
        if (row.phase !== 'ended') row.target = event.state;
        break;
      case 'agent-dead':
        row.agentDead = true;
        break;
      case 'call':
      case 'ledger':
      case 'act':
        break;
    }
  }

  /** Live nodes of a slot, the newest generation first. */
  holders(slot: number): NodeRow[] {
    return [...this.rows.values()]
      .filter((row) => row.node.seat?.slot === slot && isLive(row))
      .sort((a, b) => (b.node.seat?.generation ?? 0) - (a.node.seat?.generation ?? 0));
  }

  /** The node that an act on a slot hits: one that isn't going already, serving before starting; null if there is none. */
  target(slot: number): NodeRow | null {
    const staying = this.holders(slot).filter((row) => row.phase !== 'noticed');
    return staying.find((row) => row.target === 'healthy') ?? staying[0] ?? null;
  }

  /** Slots with a healthy node that stays. */
  serving(desired: number): number {
    let count = 0;
    for (let slot = 0; slot < desired; slot++) if (this.target(slot)?.target === 'healthy') count++;
    return count;
  }

  /** One healthy node in every slot, and nothing else alive. */
  healed(desired: number): boolean {
    const live = [...this.rows.values()].filter((row) => row.phase !== 'ended' && !this.#waitsForSweep(row));
    return live.length === desired && this.serving(desired) === desired;
  }

  /** Its agent is dead and its seat was filled: the sweep ends it, after a patience that no rehearsal lasts for. */
  #waitsForSweep({ agentDead, node, phase }: NodeRow): boolean {
    const { seat } = node;
    if (!agentDead || phase !== 'running' || seat === null) return false;
    return this.holders(seat.slot).some((other) => (other.node.seat?.generation ?? 0) > seat.generation);
  }
}

export const isLive = (row: NodeRow): boolean =>
  row.phase === 'booting' || row.phase === 'running' || row.phase === 'noticed';
