import { createSocket, type Socket } from 'node:dgram';
import { decodeExchange, decodeMessages, encodeExchange, encodeMessages } from '../core/gossip/codec.js';
import type { Address } from '../core/gossip/member.js';
import type { Exchange, Message } from '../core/gossip/message.js';
import { openListener, requestFrame } from './gossip-stream.js';

/** Gossip's sockets: datagrams over UDP, whole states over TCP, both on one port and sealed. */
export interface GossipSocket {
  send(to: Address, messages: readonly Message[]): void;
  /** Sends a state, returns the other side's; null when there was no answer that can be opened. */
  exchange(to: Address, exchange: Exchange): Promise<Exchange | null>;
  /** Answers a state that came in; too late is no harm. */
  reply(connection: number, exchange: Exchange): void;
  readonly counters: Readonly<GossipCounters>;
  close(): void;
}

export interface GossipCounters {
  sent: number;
  sentBytes: number;
  received: number;
  receivedBytes: number;
  sendErrors: number;
  exchangesBegun: number;
  exchangesFailed: number;
  exchangesAnswered: number;
  /** By reason: garbage, unknown-key, forged, stale, undecodable, too-long, ... */
  readonly dropped: Record<string, number>;
}

/** Seals what goes out, opens what comes in. */
export interface Envelope {
  seal(plaintext: Uint8Array): Uint8Array;
  open(sealed: Uint8Array): Opened;
}

export type Opened =
  | { readonly ok: true; readonly plaintext: Uint8Array }
  | { readonly ok: false; readonly reason: string };

export interface GossipSocketOptions {
  readonly bindAddress: string;
  readonly port: number;
  readonly envelope: Envelope;
  readonly onDatagram: (from: Address, messages: readonly Message[]) => void;
  readonly onExchange: (connection: number, exchange: Exchange) => void;
}

/** Longest datagram that is sent: what a path between zones carries without fragments. */
export const MAX_DATAGRAM_BYTES = 1_400;

/** Rejects when a port is taken. */
export async function openGossipSocket(options: GossipSocketOptions): Promise<GossipSocket> {
  const { bindAddress, port, envelope } = options;
  const counters: GossipCounters = {
    sent: 0,
    sentBytes: 0,
    received: 0,
    receivedBytes: 0,
    sendErrors: 0,
    exchangesBegun: 0,
    exchangesFailed: 0,
    exchangesAnswered: 0,
    dropped: {},
  };
  const drop = (reason: string) => {
    counters.dropped[reason] = (counters.dropped[reason] ?? 0) + 1;
  };

  function openExchange(sealed: Uint8Array): Exchange | null {
    const opened = envelope.open(sealed);
    if (!opened.ok) {
      drop(opened.reason);
      return null;
    }
    const decoded = decodeExchange(opened.plaintext);
    if (!decoded.ok) drop('undecodable');
    return decoded.ok ? decoded.value : null;
  }

  const listener = await openListener({
    bindAddress,
    port,
    onFrame(connection, sealed) {
      const exchange = openExchange(sealed);
      if (exchange === null) return false;
      counters.exchangesAnswered += 1;
      options.onExchange(connection, exchange);
      return true;
    },
    onDropped: drop,
  });
  let udp: Socket;
  try {
    udp = await bindUdp(bindAddress, port);
  } catch (error) {
    listener.close();
    throw error;
  }
  udp.on('error', () => {
    counters.sendErrors += 1;
  });
  udp.on('message', (datagram, from) => {
    counters.received += 1;
    counters.receivedBytes += datagram.length;
    const opened = envelope.open(datagram);
    if (!opened.ok) {
      drop(opened.reason);
      return;
    }
    const decoded = decodeMessages(opened.plaintext);
    if (decoded.ok) options.onDatagram({ host: from.address, port: from.port }, decoded.value);
    else drop('undecodable');
  });

  let closed = false;
  return {
    send(to, messages) {
      if (closed) return;
      const sealed = envelope.seal(encodeMessages(messages));
      if (sealed.length > MAX_DATAGRAM_BYTES) {
        drop('too-long');
        return;
      }
      counters.sent += 1;
      counters.sentBytes += sealed.length;
      udp.send(sealed, to.port, to.host, (error) => {
        if (error) counters.sendErrors += 1;
      });
    },

    async exchange(to, exchange) {
      counters.exchangesBegun += 1;
      const frame = await requestFrame(to, envelope.seal(encodeExchange(exchange)), bindAddress);
      const answer = frame === null ? null : openExchange(frame);
      if (answer === null) counters.exchangesFailed += 1;
      return answer;
    },

    reply(connection, exchange) {
      listener.answer(connection, envelope.seal(encodeExchange(exchange)));
    },

    counters,

    close() {
      if (closed) return;
      closed = true;
      udp.close();
      listener.close();
    },
  };
}

function bindUdp(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1_048_576 });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind(port, address, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}
