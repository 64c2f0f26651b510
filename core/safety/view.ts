import type { PolicySpec } from '../spec/spec.js';

/** What the Banker's rule looks at: nodes, their pools and room, and the tasks on them. */
export interface SafetyView {
  /** All that live, those included that are on their way out. */
  readonly nodes: readonly SafeNode[];
  /** Number of slots. */
  readonly desired: number;
  /** Slots below this are on-demand by the spec. */
  readonly onDemandBase: number;
  /** Where a newcomer may be launched, as {@link poolName} has it; none: as if it came to the node's own pool. */
  readonly pools: readonly string[];
  /** The spec's policy: `evacuate` asks that tasks, too, survive the loss of a pool. */
  readonly admission: PolicySpec['admission'];
  /** Those that are known, waiting ones too. */
  readonly tasks: readonly SafeTask[];
}

export interface SafeNode {
  readonly id: string;
  readonly slot: number;
  readonly pool: string;
  readonly lifecycle: 'spot' | 'on-demand';
  /** Its workloads are healthy. */
  readonly serves: boolean;
  /** It is on its way out: neither it nor its room is counted on. */
  readonly leaving: boolean;
  readonly freeMemoryMiB: number;
  readonly freeGpuMemoryMiB: number;
  /** Room for tasks when none runs there; at least what is free and what known tasks hold. */
  readonly memoryMiB: number;
  readonly gpuMemoryMiB: number;
}

export interface SafeTask {
  readonly task: string;
  /** Null: it waits. */
  readonly node: string | null;
  readonly memoryMiB: number;
  readonly gpuMemoryMiB: number;
  /** Computing time left, in ms; null or absent: not known. */
  readonly leftMs?: number | null;
}

/** A pool's name: what is lost together. */
export const poolName = (pool: { readonly instanceType: string; readonly zone: string }): string =>
  `${pool.instanceType} in ${pool.zone}`;

export const staying = (view: SafetyView): readonly SafeNode[] => view.nodes.filter((node) => !node.leaving);

export const fitsNode = (task: SafeTask, node: SafeNode): boolean =>
  task.memoryMiB <= node.memoryMiB && task.gpuMemoryMiB <= node.gpuMemoryMiB;
