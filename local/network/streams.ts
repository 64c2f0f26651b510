import { connect, createServer, type Server, type Socket } from 'node:net';
import type { NicTable } from './datagrams.js';
import type { NetworkCounters, Nic } from './network.js';
import type { Reach } from './reach.js';

/** Connections that are held open across a partition, and how long: as a host would that gets no answer. */
const MAX_CONNECTIONS = 2_000;
const BLACKHOLE_MS = 30_000;

export interface StreamRelayOptions {
  readonly nics: NicTable;
  readonly reach: Reach;
  readonly counters: NetworkCounters;
}

interface Connection {
  readonly from: string;
  readonly to: string;
  readonly near: Socket;
  far: Socket | null;
}

/**
 * Carries TCP connections to a node's ENI on to its inside address; the node sees the caller's ENI as the peer. Where
 * no packet can travel, bytes vanish: a connection isn't refused or reset, it just hears nothing more.
 *
 * The caller is known by its local address, so a node's processes must connect from their bind address.
 */
export class StreamRelay {
  readonly #options: StreamRelayOptions;
  readonly #servers = new Map<string, Server>();
  readonly #connections = new Set<Connection>();

  constructor(options: StreamRelayOptions) {
    this.#options = options;
  }

  /** Rejects with the system's error. */
  async attach(nic: Nic): Promise<void> {
    const server = createServer({ pauseOnConnect: true }, (socket) => this.#accept(nic, socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: nic.eni, port: nic.port, exclusive: true }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', () => {});
    this.#servers.set(nic.instanceId, server);
  }

  detach(instanceId: string): void {
    this.#servers.get(instanceId)?.close();
    this.#servers.delete(instanceId);
    for (const one of this.#connections) {
      if (one.from === instanceId || one.to === instanceId) this.#end(one);
    }
  }

  /** To be called after the reachability changed: silences connections that can't carry packets any more. */
  review(): void {
    for (const one of this.#connections) {
      if (!this.#options.reach.connected(one.from, one.to)) this.#silence(one);
    }
  }

  close(): void {
    for (const id of [...this.#servers.keys()]) this.detach(id);
    for (const one of this.#connections) this.#end(one);
  }

  #accept(to: Nic, near: Socket): void {
    const { nics, reach, counters } = this.#options;
    near.on('error', () => {});
    counters.connections++;
    const from = nics.byInside(near.remoteAddress ?? '');
    if (from === undefined || this.#connections.size >= MAX_CONNECTIONS) {
      counters.foreign++;
      near.destroy();
      return;
    }
    const connection: Connection = { from: from.instanceId, to: to.instanceId, near, far: null };
    this.#connections.add(connection);
    near.once('close', () => this.#end(connection));
    if (!reach.connected(from.instanceId, to.instanceId)) {
      counters.blocked++;
      this.#silence(connection);
      return;
    }
    const far = connect({ host: to.inside, port: to.port, localAddress: from.eni });
    connection.far = far;
    far.setNoDelay(true);
    near.setNoDelay(true);
    far.on('error', () => {});
    far.once('close', () => this.#end(connection));
    near.pipe(far);
    far.pipe(near);
  }

  #silence({ near, far }: Connection): void {
    near.unpipe();
    far?.unpipe();
    near.pause();
    far?.pause();
    near.setTimeout(BLACKHOLE_MS, () => near.destroy());
  }

  #end(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    connection.near.destroy();
    connection.far?.destroy();
  }
}
