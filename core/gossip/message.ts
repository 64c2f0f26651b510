import type { Address, Member } from './member.js';

/** One SWIM message; several share a datagram. `seq` ties an answer to its question. */
export type Message =
  /** `target`: the id that must answer, so that a reused address isn't mistaken for its former holder. */
  | { readonly type: 'ping'; readonly seq: number; readonly sender: string; readonly target: string }
  | {
      readonly type: 'ping-req';
      readonly seq: number;
      readonly sender: string;
      readonly target: string;
      readonly targetAddress: Address;
    }
  | { readonly type: 'ack'; readonly seq: number; readonly sender: string }
  /** Lifeguard: the helper lives but got no answer from the target yet. */
  | { readonly type: 'nack'; readonly seq: number; readonly sender: string }
  /** A member's own word on itself, also when it leaves; `status` is alive or left. */
  | { readonly type: 'alive'; readonly member: Member }
  | { readonly type: 'suspect'; readonly id: string; readonly incarnation: number; readonly accuser: string }
  | { readonly type: 'dead'; readonly id: string; readonly incarnation: number; readonly accuser: string };

/** Full state over TCP: what the sender knows of everybody, itself included. */
export interface Exchange {
  readonly sender: string;
  readonly members: readonly Member[];
}
