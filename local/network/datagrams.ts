import { createSocket, type Socket } from 'node:dgram';
import type { Rng } from '../../core/time.js';
import type { NetworkCounters, Nic } from './network.js';
import { deliveries, type NetworkFaults } from './policy.js';
import type { Reach } from './reach.js';

/** Datagrams under way at once; what is beyond is dropped, as a full queue does. */
const MAX_DELAYED = 10_000;

export interface DatagramRelayOptions {
  readonly nics: NicTable;
  readonly reach: Reach;
  readonly rng: Rng;
  readonly counters: NetworkCounters;
  readonly faults: () => NetworkFaults;
}

/** Which node owns an address. */
export interface NicTable {
  byInside(address: string): Nic | undefined;
  byId(instanceId: string): Nic | undefined;
}

/**
 * Carries datagrams between nodes. One from A's inside address to B's ENI is taken in by B's socket and leaves by A's,
 * so that B sees A's ENI as its source and can answer there.
 */
export class DatagramRelay {
  readonly #options: DatagramRelayOptions;
  readonly #sockets = new Map<string, Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: DatagramRelayOptions) {
    this.#options = options;
  }

  /** Rejects with the system's error. */
  async attach(nic: Nic): Promise<void> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address: nic.eni, port: nic.port, exclusive: true }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    // A send to a port where nobody listens comes back as an error on some systems; on a network it is silence.
    socket.on('error', () => {});
    socket.on('message', (data, sender) => this.#receive(nic, data, sender.address));
    this.#sockets.set(nic.instanceId, socket);
  }

  detach(instanceId: string): void {
    this.#sockets.get(instanceId)?.close();
    this.#sockets.delete(instanceId);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const id of [...this.#sockets.keys()]) this.detach(id);
  }

  #receive(to: Nic, data: Buffer, senderAddress: string): void {
    const { nics, reach, rng, counters, faults } = this.#options;
    const from = nics.byInside(senderAddress);
    counters.datagrams++;
    counters.bytes += data.length;
    if (from === undefined) {
      counters.foreign++;
      return;
    }
    // Drawn before anything else is looked at: a partition doesn't shift the other datagrams' fates.
    const delays = deliveries(faults(), rng);
    if (!reach.connected(from.instanceId, to.instanceId)) {
      counters.blocked++;
      return;
    }
    if (delays.length === 0) counters.lost++;
    if (delays.length > 1) counters.duplicated++;
    for (const delayMs of delays) {
      if (delayMs < 1) this.#deliver(from.instanceId, to.instanceId, data);
      else this.#later(delayMs, from.instanceId, to.instanceId, data);
    }
  }

  #later(delayMs: number, from: string, to: string, data: Buffer): void {
    const { counters, reach } = this.#options;
    if (this.#timers.size >= MAX_DELAYED) {
      counters.overflowed++;
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (reach.connected(from, to)) this.#deliver(from, to, data);
      else counters.blocked++;
    }, delayMs);
    this.#timers.add(timer);
  }

  #deliver(from: string, to: string, data: Buffer): void {
    const { nics, counters } = this.#options;
    const target = nics.byId(to);
    const socket = this.#sockets.get(from);
    if (target === undefined || socket === undefined) {
      counters.blocked++;
      return;
    }
    counters.delivered++;
    socket.send(data, target.port, target.inside, () => {});
  }
}
