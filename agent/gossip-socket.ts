import { createSocket, type Socket } from 'node:dgram';
import { decodeExchange, decodeMessages, encodeExchange, encodeMessages } from '../core/gossip/codec.js';
import type { Address } from '../core/gossip/member.js';
import type { Exchange, Message } from '../core/gossip/message.js';
import { openListener, requestFrame } from './gossip-stream.js';

/**
 * Gossip's sockets: datagrams over UDP, whole states over TCP, both on one port and sealed. Workers of tasks talk over
 * the same streams: a note is told apart by its first byte.
 */
export interface GossipSocket {
  send(to: Address, messages: readonly Message[]): void;
  /** Sends a state, returns the other side's; null when there was no answer that can be opened. */
  exchange(to: Address, exchange: Exchange): Promise<Exchange | null>;
  /** Answers a state that came in; too late is no harm. */
  reply(connection: number, exchange: Exchange): void;
  /** Sends a note, returns the other side's; null when there was none. */
  ask(to: Address, note: string, timeoutMs: number): Promise<string | null>;
  /** Answers a note that came in; too late is no harm. */
  answer(connection: number, note: string): void;
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
  notesAsked: number;
  notesFailed: number;
  notesReceived: number;
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
  /** False, or absent: nobody here answers it, and the connection is cut. */
  readonly onNote?: (connection: number, note: string) => boolean;
}

/** Longest datagram that is sent: what a path between zones carries without fragments. */
export const MAX_DATAGRAM_BYTES = 1_400;

/** What no body of core/gossip/codec.ts begins with. */
const NOTE_BYTE = 0x4e;
/** A note is read into memory as a whole. */
const MAX_NOTE_BYTES = 1_048_576;

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
    notesAsked: 0,
    notesFailed: 0,
    notesReceived: 0,
    dropped: {},
  };
  const drop = (reason: string) => {
    counters.dropped[reason] = (counters.dropped[reason] ?? 0) + 1;
  };

  function openFrame(sealed: Uint8Array): Uint8Array | null {
    const opened = envelope.open(sealed);
    if (!opened.ok) drop(opened.reason);
    return opened.ok ? opened.plaintext : null;
  }

  /** Null: it is no note. */
  function noteIn(plaintext: Uint8Array): string | null {
    if (plaintext[0] !== NOTE_BYTE) return null;
    if (plaintext.length <= MAX_NOTE_BYTES) return Buffer.from(plaintext.subarray(1)).toString('utf8');
    drop('too-long');
    return '';
  }

  const sealNote = (note: string): Uint8Array =>
    envelope.seal(Buffer.concat([Buffer.of(NOTE_BYTE), Buffer.from(note, 'utf8')]));

  function readExchange(plaintext: Uint8Array): Exchange | null {
    const decoded = decodeExchange(plaintext);
    if (!decoded.ok) drop('undecodable');
    return decoded.ok ? decoded.value : null;
  }

  const listener = await openListener({
    bindAddress,
    port,
    onFrame(connection, sealed) {
      const plaintext = openFrame(sealed);
      if (plaintext === null) return false;
      const note = noteIn(plaintext);
      if (note !== null) {
        counters.notesReceived += 1;
        return options.onNote?.(connection, note) ?? false;
      }
      const exchange = readExchange(plaintext);
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
      const plaintext = frame === null ? null : openFrame(frame);
      const answer = plaintext === null ? null : readExchange(plaintext);
      if (answer === null) counters.exchangesFailed += 1;
      return answer;
    },

    reply(connection, exchange) {
      listener.answer(connection, envelope.seal(encodeExchange(exchange)));
    },

    async ask(to, note, timeoutMs) {
      counters.notesAsked += 1;
      const frame = await requestFrame(to, sealNote(note), bindAddress, timeoutMs);
      const plaintext = frame === null ? null : openFrame(frame);
      const answer = plaintext === null ? null : noteIn(plaintext);
      if (answer === null) counters.notesFailed += 1;
      return answer;
    },

    answer(connection, note) {
      listener.answer(connection, sealNote(note));
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
