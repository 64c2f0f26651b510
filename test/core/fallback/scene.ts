/** What the tests of the fallback share. */

import type { NodeView } from '../../../core/cloud.js';
import type { Act, Scene } from '../../../core/fallback/act.js';
import type { SweepFacts } from '../../../core/fallback/sweep.js';
import type { Spec } from '../../../core/spec/spec.js';
import { wallMs } from '../../../core/time.js';
import { EPOCH_MS, nodeViewOf, seatOf, specOf } from '../fixtures.js';

/** A day after the launch of every node that doesn't say otherwise. */
export const NOW = wallMs(EPOCH_MS + 86_400_000);

/** `i-0-2`: the node of seat 0.2; it serves. */
export const node = (slot: number, generation = 1, change: Partial<NodeView> = {}): NodeView =>
  nodeViewOf(`i-${slot}-${generation}`, seatOf(slot, generation), { phase: 'serving', ...change });

/** ms before {@link NOW}. */
export const ago = (ms: number): number => NOW - ms;

export const scene = (nodes: readonly NodeView[], spec: Partial<Spec> = {}): Scene => ({
  spec: specOf(spec),
  nodes,
  wallMs: NOW,
});

export const sweepFacts = (
  nodes: readonly NodeView[],
  change: Partial<SweepFacts> = {},
  spec: Partial<Spec> = {},
): SweepFacts => ({
  ...scene(nodes, spec),
  wishChangedMs: wallMs(EPOCH_MS),
  impaired: [],
  targets: [],
  orphans: [],
  ...change,
});

/** Acts in short: `fill 0.2`, `end i-0-1 twin`. */
export const inShort = (acts: readonly Act[]): string[] =>
  acts.map((act) => {
    switch (act.type) {
      case 'fill':
        return `${act.kind} ${act.position.slot}.${act.position.generation}`;
      case 'end':
        return `end ${act.instanceId} ${act.why}`;
      case 'delete-orphan':
        return `delete ${act.orphan.id}`;
      case 'report':
        return `report ${act.key}`;
      default:
        return `${act.type} ${act.instanceId}`;
    }
  });
