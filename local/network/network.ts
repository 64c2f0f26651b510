import type { Rng } from '../../core/time.js';
import { DatagramRelay } from './datagrams.js';
import { type NetworkFaults, PERFECT_NETWORK } from './policy.js';
import { Reach } from './reach.js';
import { StreamRelay } from './streams.js';

/** A node's network interface: what comes to `eni:port` is carried on to `inside:port`. */
export interface Nic {
  readonly instanceId: string;
  readonly eni: string;
  readonly inside: string;
  /** The gossip port, UDP and TCP. */
  readonly port: number;
}

export interface NetworkCounters {
  /** Datagrams sent by nodes, and their payload. */
  datagrams: number;
  bytes: number;
  /** Copies handed over to their receivers. */
  delivered: number;
  lost: number;
  duplicated: number;
  /** Datagrams and connections stopped by a partition or a cut. */
  blocked: number;
  /** Dropped since too many were under way. */
  overflowed: number;
  /** From an address that no node has. */
  foreign: number;
  /** TCP connections. */
  connections: number;
}

/**
 * The network between nodes, without privileges: a relay stands for each node's interface, and loses, delays, doubles
 * or blocks what passes. The randomness is seeded; the moments at which datagrams come are not.
 */
export class Network {
  readonly reach = new Reach();
  readonly counters: NetworkCounters = {
    datagrams: 0,
    bytes: 0,
    delivered: 0,
    lost: 0,
    duplicated: 0,
    blocked: 0,
    overflowed: 0,
    foreign: 0,
    connections: 0,
  };
  readonly #nics = new Map<string, Nic>();
  readonly #insides = new Map<string, Nic>();
  readonly #datagrams: DatagramRelay;
  readonly #streams: StreamRelay;
  #faults: NetworkFaults;

  constructor(options: { readonly rng: Rng; readonly faults?: Partial<NetworkFaults> }) {
    this.#faults = checkedFaults({ ...PERFECT_NETWORK, ...options.faults });
    const nics = {
      byInside: (address: string) => this.#insides.get(address),
      byId: (id: string) => this.#nics.get(id),
    };
    const { reach, counters } = this;
    this.#datagrams = new DatagramRelay({ nics, reach, counters, rng: options.rng, faults: () => this.#faults });
    this.#streams = new StreamRelay({ nics, reach, counters });
  }

  /** Puts a node on the network. Rejects with the system's error (`EADDRINUSE`, ...). */
  async attach(nic: Nic): Promise<void> {
    this.#nics.set(nic.instanceId, nic);
    this.#insides.set(nic.inside, nic);
    try {
      await this.#datagrams.attach(nic);
      await this.#streams.attach(nic);
    } catch (error) {
      this.detach(nic.instanceId);
      this.reach.reconnect(nic.instanceId);
      throw error;
    }
  }

  /** Takes a node off for good: it counts as cut off from now on. */
  detach(instanceId: string): void {
    const nic = this.#nics.get(instanceId);
    if (nic === undefined) return;
    this.#datagrams.detach(instanceId);
    this.#streams.detach(instanceId);
    this.#nics.delete(instanceId);
    this.#insides.delete(nic.inside);
    this.reach.retire(instanceId);
  }

  /** Changes the faults from now on. @throws RangeError */
  setFaults(faults: Partial<NetworkFaults>): void {
    this.#faults = checkedFaults({ ...this.#faults, ...faults });
  }

  /** Cuts a node off from everything, without a word; for good, or until `reconnect`. */
  cutOff(instanceId: string): void {
    this.reach.cutOff(instanceId);
    this.#streams.review();
  }

  reconnect(instanceId: string): void {
    this.reach.reconnect(instanceId);
  }

  isCut(instanceId: string): boolean {
    return this.reach.isCut(instanceId);
  }

  /** Only nodes of one group reach each other; nodes in no group form one of their own. */
  partition(groups: readonly (readonly string[])[]): void {
    this.reach.partition(groups);
    this.#streams.review();
  }

  heal(): void {
    this.reach.heal();
  }

  close(): void {
    this.#datagrams.close();
    this.#streams.close();
    this.#nics.clear();
    this.#insides.clear();
  }
}

function checkedFaults(faults: NetworkFaults): NetworkFaults {
  for (const name of ['lossRate', 'duplicateRate', 'reorderRate'] as const) {
    if (!(faults[name] >= 0 && faults[name] <= 1)) throw new RangeError(`${name} must be from 0 to 1`);
  }
  if (!(faults.minDelayMs >= 0 && faults.maxDelayMs >= faults.minDelayMs && faults.maxDelayMs <= 60_000)) {
    throw new RangeError('minDelayMs and maxDelayMs must be from 0 to 60000, the smaller first');
  }
  if (!(faults.reorderMs >= 0 && faults.reorderMs <= 60_000)) throw new RangeError('reorderMs must be from 0 to 60000');
  return faults;
}
