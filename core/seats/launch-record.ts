/**
 * Who launched the holder of a seat. EC2 can't tell: all who want a seat make the same request. So whoever got EC2's
 * answer writes it down, in the bucket beside the hint. A help for people, never for decisions: it may be missing, and
 * where two got the same answer the later one's word stands.
 */
import type { WallMs } from '../time.js';
import { type HeldSeat, type Seat, seatName } from './seat.js';

/**
 * - agent: the node that held the slot before, or a spare's or successor's predecessor
 * - peer: another node, after a silent death
 * - interruption, ended, sweep, seeder: a Lambda of the fallback
 * - operator: somebody by `synkti replace`
 */
export type Launcher = 'agent' | 'peer' | 'interruption' | 'ended' | 'sweep' | 'seeder' | 'operator';

export interface LaunchRecord {
  readonly format: 1;
  readonly seat: HeldSeat;
  /** The node that was launched. */
  readonly instanceId: string;
  readonly by: Launcher;
  /** Instance id of the agent that asked; null: a Lambda, or an operator. */
  readonly launcher: string | null;
  /** When EC2's answer came. */
  readonly atMs: WallMs;
}

export const launchRecordKey = (seat: Seat): string => `seats/launched/${seatName(seat)}.json`;

export const launchRecordCall = (bucket: string, record: LaunchRecord) =>
  ({ op: 'putObject', bucket, key: launchRecordKey(record.seat), body: JSON.stringify(record) }) as const;
