import type { Socket } from 'node:net';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { type FailedRequest, MAX_FAILURES, type Traffic } from './timeline.js';

/** What the recorder needs of a load generator's connection; autocannon's clients fit. */
export interface Connection {
  /** Its socket of the moment; with it a closed connection is seen at once, else at the next request. */
  readonly conn?: Socket;
  on(event: 'request', listener: () => void): unknown;
  on(event: 'response', listener: (status: number) => void): unknown;
  on(event: 'connError', listener: (error: NodeJS.ErrnoException) => void): unknown;
  on(event: 'timeout', listener: () => void): unknown;
}

export interface TrafficCounts {
  readonly sent: number;
  readonly failed: number;
}

/**
 * Counts requests one by one, from the connections' own events. The generator's totals don't do: a request whose
 * connection was closed without an answer is no error to it, and it times an answer after an error from the wrong start.
 * A request failed when it was answered with 500 or more, got an error, or no answer in time.
 */
export class TrafficRecord {
  readonly #latencies: RecordableHistogram = createHistogram();
  readonly #recent: RecordableHistogram = createHistogram();
  readonly #failures: FailedRequest[] = [];
  readonly #open = new Set<Slot>();
  readonly #timeoutMs: number;
  readonly #slowMs: number;
  readonly #now: () => number;
  #sent = 0;
  #failed = 0;
  #slow = 0;
  #over = false;

  /** @param now wall-clock ms */
  constructor(timeoutMs: number, slowMs: number, now: () => number) {
    this.#timeoutMs = timeoutMs;
    this.#slowMs = slowMs;
    this.#now = now;
  }

  /** Follows a connection that has one request under way at most. */
  follow(connection: Connection): void {
    const slot: Slot = { startedMs: null, startedAt: 0, socket: null };
    const watched = new WeakSet<Socket>();
    connection.on('request', () => {
      if (this.#over) return;
      if (slot.startedMs !== null) this.#fail(slot, this.#isLate(slot) ? 'time-out' : 'closed without an answer');
      slot.startedMs = this.#now();
      slot.startedAt = performance.now();
      this.#open.add(slot);
      const socket = connection.conn ?? null;
      slot.socket = socket;
      if (socket === null || watched.has(socket)) return;
      watched.add(socket);
      socket.once('close', () => {
        if (!this.#over && slot.startedMs !== null && slot.socket === socket)
          this.#fail(slot, 'closed without an answer');
      });
    });
    connection.on('response', (status) => {
      if (slot.startedMs === null || this.#over) return;
      if (status >= 500) this.#fail(slot, String(status));
      else this.#succeed(slot);
    });
    connection.on('connError', (error) => {
      if (!this.#over && slot.startedMs !== null) this.#fail(slot, error.code ?? error.message);
    });
    // Comes after the next request was sent, or when there is none.
    connection.on('timeout', () => {
      if (!this.#over && slot.startedMs !== null && this.#isLate(slot)) this.#fail(slot, 'time-out');
    });
  }

  /** Requests under way. */
  get open(): number {
    return this.#open.size;
  }

  counts(): TrafficCounts {
    return { sent: this.#sent, failed: this.#failed };
  }

  /** p99 of the requests that were answered since the last call, ms; null: none was. */
  recentP99Ms(): number | null {
    if (this.#recent.count === 0) return null;
    const p99Ms = Math.round(this.#recent.percentile(99) / 100) / 10;
    this.#recent.reset();
    return p99Ms;
  }

  /** From now on nothing more is counted; what is under way and late has failed, the rest is left out. */
  end(): Traffic {
    this.#over = true;
    for (const slot of [...this.#open]) {
      if (this.#now() - (slot.startedMs ?? 0) > this.#slowMs) this.#fail(slot, 'no answer at the end');
    }
    const ms = (microseconds: number): number => Math.round(microseconds / 100) / 10;
    this.#open.clear();
    const any = this.#latencies.count > 0;
    return {
      sent: this.#sent,
      failed: this.#failed,
      slow: this.#slow,
      slowMs: this.#slowMs,
      p50Ms: any ? ms(this.#latencies.percentile(50)) : 0,
      p99Ms: any ? ms(this.#latencies.percentile(99)) : 0,
      maxMs: any ? ms(this.#latencies.max) : 0,
      failures: this.#failures,
    };
  }

  #isLate(slot: Slot): boolean {
    return performance.now() - slot.startedAt >= 0.9 * this.#timeoutMs;
  }

  #succeed(slot: Slot): void {
    const latencyMs = performance.now() - slot.startedAt;
    this.#close(slot);
    const microseconds = Math.max(1, Math.round(latencyMs * 1_000));
    this.#latencies.record(microseconds);
    this.#recent.record(microseconds);
    if (latencyMs > this.#slowMs) this.#slow++;
  }

  #fail(slot: Slot, reason: string): void {
    const startedMs = slot.startedMs ?? this.#now();
    this.#close(slot);
    this.#failed++;
    if (this.#failures.length < MAX_FAILURES) this.#failures.push({ startedMs, endedMs: this.#now(), reason });
  }

  #close(slot: Slot): void {
    slot.startedMs = null;
    this.#open.delete(slot);
    this.#sent++;
  }
}

interface Slot {
  /** Wall clock; null: no request under way. */
  startedMs: number | null;
  startedAt: number;
  socket: Socket | null;
}
