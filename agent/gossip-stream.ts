import { createConnection, createServer, type Socket } from 'node:net';
import type { Address } from '../core/gossip/member.js';

/**
 * Frames over TCP: a length of four bytes, then so many bytes. One frame each way a connection: a question and its
 * answer. Lengths, times and the number of connections are bounded, since anybody who reaches the port can connect.
 */

/** Longest frame; some 20,000 members take less. */
export const MAX_FRAME_BYTES = 4 * 1_024 * 1_024;
/** From the connection to the end of the answer, in ms. */
const TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 64;
const HEAD_BYTES = 4;

export function frame(payload: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(payload.length);
  return Buffer.concat([head, payload]);
}

/** Collects one frame out of a stream. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #size = 0;
  #wanted: number | null = null;

  /** The frame once it is whole; `too-long` when its head says more than is allowed; else null. */
  take(chunk: Buffer): Buffer | 'too-long' | null {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#wanted === null && this.#size >= HEAD_BYTES) {
      this.#chunks = [Buffer.concat(this.#chunks)];
      this.#wanted = this.#chunks[0]?.readUInt32BE(0) ?? 0;
      if (this.#wanted > MAX_FRAME_BYTES) return 'too-long';
    }
    if (this.#wanted === null || this.#size < HEAD_BYTES + this.#wanted) return null;
    return Buffer.concat(this.#chunks).subarray(HEAD_BYTES, HEAD_BYTES + this.#wanted);
  }
}

export interface Listener {
  /** Answers and ends a connection; of one that is gone, nothing happens. */
  answer(connection: number, payload: Uint8Array): void;
  close(): void;
}

export interface ListenerOptions {
  readonly bindAddress: string;
  readonly port: number;
  /** False: the connection is cut. */
  readonly onFrame: (connection: number, payload: Uint8Array) => boolean;
  readonly onDropped: (reason: string) => void;
}

/** Rejects when the port is taken. */
export function openListener(options: ListenerOptions): Promise<Listener> {
  const open = new Map<number, Socket>();
  let lastId = 0;

  const server = createServer((socket) => {
    lastId += 1;
    const id = lastId;
    open.set(id, socket);
    const reader = new FrameReader();
    let asked = false;
    const timer = setTimeout(() => {
      if (!asked) options.onDropped('too-slow');
      socket.destroy();
    }, TIMEOUT_MS);
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      open.delete(id);
    });
    socket.on('data', (chunk: Buffer) => {
      if (asked) return;
      const payload = reader.take(chunk);
      if (payload === null) return;
      asked = true;
      if (payload === 'too-long') options.onDropped('too-long');
      if (payload === 'too-long' || !options.onFrame(id, payload)) socket.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.bindAddress, () => {
      server.removeListener('error', reject);
      server.on('error', () => {});
      resolve({
        answer(connection, payload) {
          open.get(connection)?.end(frame(payload));
        },
        close() {
          server.close();
          for (const socket of open.values()) socket.destroy();
        },
      });
    });
  });
}

/** Connects, sends one frame, returns the other side's; null when anything goes wrong. */
export function requestFrame(
  to: Address,
  payload: Uint8Array,
  bindAddress: string,
  timeoutMs = TIMEOUT_MS,
): Promise<Uint8Array | null> {
  return new Promise((resolve) => {
    if (payload.length > MAX_FRAME_BYTES) {
      resolve(null);
      return;
    }
    const socket = createConnection({
      host: to.host,
      port: to.port,
      ...(bindAddress === '0.0.0.0' ? {} : { localAddress: bindAddress }),
    });
    const reader = new FrameReader();
    const timer = setTimeout(() => finish(null), Math.min(timeoutMs, TIMEOUT_MS));
    const finish = (answer: Uint8Array | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => socket.write(frame(payload)));
    socket.on('data', (chunk: Buffer) => {
      const answer = reader.take(chunk);
      if (answer !== null) finish(answer === 'too-long' ? null : answer);
    });
    socket.on('error', () => finish(null));
    socket.on('close', () => finish(null));
  });
}
