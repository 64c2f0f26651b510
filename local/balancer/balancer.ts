import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { listen } from '../wire/server.js';
import { Exchange, sendError, sendFixed } from './exchange.js';
import { Pool } from './pool.js';
import type { Candidate, Destination, FinishedRequest, RequestOutcome } from './source.js';

/**
 * An HTTP load balancer that behaves like an Application Load Balancer where it matters for interruptions: it keeps
 * connections to its targets, lets requests in flight to a draining target finish, answers 502 when a target refuses or
 * resets (also a reused connection: it doesn't try another one), 503 without a target and 504 when none answers in time;
 * and packets to a node that is cut off simply vanish.
 *
 * Made on node:http and not on a proxy library: httpxy tells a time-out of its own from a reset only by guesswork, hands
 * hop-by-hop headers through, and leaves no way to let an answer that is under way fall silent.
 */
export interface BalancerOptions {
  readonly host: string;
  readonly port: number;
  readonly route: (request: IncomingMessage) => Destination;
  /** No packet travels between the load balancer and this instance. */
  readonly isCut: (instanceId: string) => boolean;
  /** How long a connection to a target may take; an ALB allows 10 s. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** How long a target may send nothing; an ALB's `idle_timeout`. */
  readonly idleTimeoutMs: () => number;
  readonly onRequest?: (request: FinishedRequest) => void;
}

export interface TargetCounters {
  readonly key: string;
  readonly instanceId: string | null;
  requests: number;
  inFlight: number;
  /** Ended requests by what the client got: `2xx`, `3xx`, `4xx`, `5xx`, as the target answered. */
  byClass: Record<string, number>;
  /** Ended requests by outcome other than `answered`. */
  failures: Partial<Record<RequestOutcome, number>>;
}

export interface BalancerCounters {
  readonly requests: number;
  readonly inFlight: number;
  readonly byStatus: Readonly<Record<number, number>>;
  readonly byOutcome: Readonly<Partial<Record<RequestOutcome, number>>>;
  readonly targets: readonly Readonly<TargetCounters>[];
}

/** The load balancer answers these in the target's place. */
const OWN: ReadonlySet<RequestOutcome> = new Set<RequestOutcome>(['bad-gateway', 'timeout']);

/** Targets that are counted one by one. */
const MAX_COUNTED = 10_000;

export class Balancer {
  readonly #options: BalancerOptions;
  readonly #server: Server;
  readonly #agent: Agent;
  readonly #connectTimeoutMs: number;
  readonly #inFlight = new Set<Exchange>();
  readonly #pool = new Pool();
  readonly #targets = new Map<string, TargetCounters>();
  readonly #byStatus: Record<number, number> = {};
  readonly #byOutcome: Partial<Record<RequestOutcome, number>> = {};
  #requests = 0;
  #watch: NodeJS.Timeout | null = null;

  private constructor(options: BalancerOptions) {
    this.#options = options;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 10_000;
    // Free connections are given up before most servers do it, and earlier when the target's Keep-Alive header says so.
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: 256, timeout: 60_000, scheduling: 'lifo' });
    this.#server = createServer({ keepAliveTimeout: 60_000, noDelay: true }, (incoming, outgoing) =>
      this.#serve(incoming, outgoing),
    );
  }

  /** Rejects with the system's error (`EADDRINUSE`, ...). */
  static async start(options: BalancerOptions): Promise<Balancer> {
    const balancer = new Balancer(options);
    await listen(balancer.#server, options.host, options.port);
    const everyMs = Math.max(10, Math.min(100, balancer.#connectTimeoutMs / 10));
    balancer.#watch = setInterval(() => balancer.#look(), everyMs);
    balancer.#watch.unref();
    return balancer;
  }

  get url(): string {
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : this.#options.port;
    return `http://${this.#options.host}:${port}`;
  }

  counters(): BalancerCounters {
    return {
      requests: this.#requests,
      inFlight: this.#inFlight.size,
      byStatus: { ...this.#byStatus },
      byOutcome: { ...this.#byOutcome },
      targets: [...this.#targets.values()].map((one) => ({
        ...one,
        byClass: { ...one.byClass },
        failures: { ...one.failures },
      })),
    };
  }

  /** Requests in flight to a target. */
  inFlightTo(key: string): number {
    return this.#pool.inFlight(key);
  }

  /** A node was cut off: answers that are under way from it stop. */
  silence(instanceId: string): void {
    for (const one of this.#inFlight) {
      if (one.target.instanceId === instanceId) one.silence();
    }
  }

  /** A target's deregistration delay is over: its requests in flight end with 502. */
  drop(key: string): void {
    for (const one of [...this.#inFlight]) {
      if (one.target.key === key) one.drop();
    }
  }

  async close(): Promise<void> {
    if (this.#watch !== null) clearInterval(this.#watch);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  #serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const startedAtMs = Date.now();
    const nowMs = performance.now();
    this.#requests++;
    const { route, isCut } = this.#options;
    const destination = route(incoming);
    const target = destination.kind === 'targets' ? this.#pool.pick(destination.source) : null;
    const finish = (outcome: RequestOutcome, status: number): void => {
      this.#byStatus[status] = (this.#byStatus[status] ?? 0) + 1;
      this.#byOutcome[outcome] = (this.#byOutcome[outcome] ?? 0) + 1;
      this.#options.onRequest?.({ target, outcome, status, startedAtMs, latencyMs: performance.now() - nowMs });
    };
    if (destination.kind === 'fixed') {
      sendFixed(incoming, outgoing, destination);
      finish('answered', destination.status);
      return;
    }
    const { traffic } = destination;
    if (target === null) {
      sendError(incoming, outgoing, 503);
      traffic?.count(startedAtMs, { chosen: false, targetStatus: 0, headMs: 0, ownStatus: 503 });
      finish('no-target', 503);
      return;
    }
    const counters = this.#countersOf(target);
    counters.requests++;
    counters.inFlight++;
    this.#pool.begin(target.key);
    const exchange = new Exchange(incoming, outgoing, {
      target,
      agent: this.#agent,
      connectTimeoutMs: this.#connectTimeoutMs,
      idleTimeoutMs: this.#options.idleTimeoutMs(),
      cut: target.instanceId !== null && isCut(target.instanceId),
      nowMs,
      onEnd: (_, outcome, status) => {
        this.#inFlight.delete(exchange);
        this.#pool.end(target.key);
        counters.inFlight--;
        if (outcome === 'answered') {
          const name = `${Math.floor(status / 100)}xx`;
          counters.byClass[name] = (counters.byClass[name] ?? 0) + 1;
        } else counters.failures[outcome] = (counters.failures[outcome] ?? 0) + 1;
        const { targetStatus, headAtMs } = exchange;
        traffic?.count(startedAtMs + (performance.now() - nowMs), {
          chosen: true,
          targetStatus,
          headMs: headAtMs - nowMs,
          ownStatus: OWN.has(outcome) ? status : 0,
        });
        finish(outcome, status);
      },
    });
    this.#inFlight.add(exchange);
    exchange.start();
  }

  #look(): void {
    const nowMs = performance.now();
    for (const one of this.#inFlight) {
      if (nowMs >= one.deadlineMs - 1) one.look(nowMs);
    }
  }

  #countersOf(target: Candidate): TargetCounters {
    const known = this.#targets.get(target.key);
    if (known !== undefined) return known;
    const { key, instanceId } = target;
    const counters: TargetCounters = { key, instanceId, requests: 0, inFlight: 0, byClass: {}, failures: {} };
    if (this.#targets.size < MAX_COUNTED) this.#targets.set(key, counters);
    return counters;
  }
}
