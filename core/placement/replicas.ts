import type { DisplacedWork } from './work.js';

/** A model or service of which several copies are wanted, beside what else nodes hold. */
export interface Replicated {
  /** Unique; the copies are `name#0`, `name#1`, ... */
  readonly name: string;
  readonly replicas: number;
  readonly memoryMiB: number;
  readonly gpuMemoryMiB: number;
  /** What a copy must be brought, in MiB, where the data isn't warm: its weights, say. */
  readonly stateMiB: number;
  readonly data: readonly string[];
}

/** Its copies as work to be placed: one group, so that they come to different hosts while there are enough. */
export const replicasOf = ({ name, replicas, ...needs }: Replicated): readonly DisplacedWork[] =>
  Array.from({ length: Math.max(0, replicas) }, (_, n) => ({ ...needs, task: `${name}#${n}`, group: name }));
