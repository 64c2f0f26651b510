import type { HeldSeat } from '../seats/seat.js';
import type { WallMs } from '../time.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type WorkloadHealth = 'starting' | 'healthy' | 'unhealthy' | 'stopped';

/** What a node tells the others of itself. Only the node itself changes it, together with its incarnation. */
export interface Meta {
  readonly seat: HeldSeat;
  readonly zone: string;
  readonly instanceType: string;
  readonly lifecycle: 'spot' | 'on-demand';
  /** Free capacity in MiB. */
  readonly freeMemoryMiB: number;
  readonly freeGpuMemoryMiB: number;
  /** Wall time in whole seconds of the newest work that it knows of; grows only; 0: none. */
  readonly work: number;
  /** Digests of data that it has, at most {@link MAX_WARM}, each at most {@link WARM_LENGTH} characters. */
  readonly warm: readonly string[];
  /** Work with a deadline falls behind on spot: seats are to be filled on-demand for now. */
  readonly pressure: boolean;
  readonly workload: WorkloadHealth;
  /** Workloads of which a copy runs here, and of which one serves: bit n stands for the n-th of its revision's spec. */
  readonly runs: number;
  readonly serves: number;
  /** Room for copies when none runs here, in MiB. */
  readonly copyMemoryMiB: number;
  readonly copyGpuMemoryMiB: number;
  readonly specVersion: number;
  /** What it runs: see spec/revision.ts. */
  readonly revision: string;
  /** `keep`: at risk, wants its successor as a spare; `release`: the risk passed, the spare may go. */
  readonly standby: 'none' | 'keep' | 'release';
  /** Seats that this node is trying to fill, with the rung it has come to; at most {@link MAX_PURSUING}. */
  readonly pursuing: readonly HeldSeat[];
  /** Set from the moment that the node knows it will go. */
  readonly leaving: Leaving | null;
}

/** Bounds the record's size on the wire; a node that fills more seats at once tells of the first ones. */
export const MAX_PURSUING = 4;

/** Bound the record's size, too. */
export const MAX_WARM = 8;
export const WARM_LENGTH = 16;

export interface Leaving {
  readonly deadlineMs: WallMs;
  readonly cause: LeaveCause;
}

export type LeaveCause =
  | 'interruption'
  | 'maintenance'
  | 'rebalance'
  | 'scale-in'
  | 'surplus'
  | 'superseded'
  | 'update'
  | 'stop';

export type MemberStatus = 'alive' | 'suspect' | 'dead' | 'left';

/** One member as one node sees it. `id` is the EC2 instance id. */
export interface Member {
  readonly id: string;
  readonly address: Address;
  /** Set by the member alone; starts at its wall clock's ms, so that a restart outranks what was said of it before. */
  readonly incarnation: number;
  readonly status: MemberStatus;
  readonly meta: Meta;
}
