import { type Agent, type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Candidate, RequestOutcome } from './source.js';

/** Headers that belong to one connection and aren't passed on (RFC 9110, 7.6.1). */
const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

export interface ExchangeOptions {
  readonly target: Candidate;
  readonly agent: Agent;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** The target can't be reached from the start. */
  readonly cut: boolean;
  readonly nowMs: number;
  readonly onEnd: (exchange: Exchange, outcome: RequestOutcome, status: number) => void;
}

/** One request on its way through the load balancer. */
export class Exchange {
  readonly target: Candidate;
  /** Time-out unless something happens before; the load balancer looks from time to time. */
  deadlineMs: number;
  /** Of the target's answer; 0: no head has come. */
  targetStatus = 0;
  /** When its head came. */
  headAtMs = 0;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #options: ExchangeOptions;
  #upstream: ClientRequest | null = null;
  #answer: IncomingMessage | null = null;
  #lastBytes = 0;
  #silent = false;
  #ended = false;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse, options: ExchangeOptions) {
    this.target = options.target;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#options = options;
    this.#silent = options.cut;
    this.deadlineMs = options.nowMs + options.connectTimeoutMs;
  }

  start(): void {
    this.#outgoing.once('close', () => {
      if (!this.#outgoing.writableFinished) this.#end('client-gone', 460);
    });
    // Packets to a node that is cut off vanish: neither connected nor refused, until the time-out.
    if (this.#silent) return;
    const { target, agent } = this.#options;
    const upstream = request({
      host: target.host,
      port: target.port,
      method: this.#incoming.method ?? 'GET',
      path: this.#incoming.url ?? '/',
      headers: forwardedHeaders(this.#incoming),
      agent,
    });
    this.#upstream = upstream;
    upstream.once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => this.#alive());
      else this.#alive();
    });
    upstream.once('response', (answer) => this.#answered(answer));
    upstream.on('error', () => {
      if (!this.#silent) this.#fail('bad-gateway', 502);
    });
    if (hasBody(this.#incoming)) this.#incoming.pipe(upstream);
    else upstream.end();
  }

  /** The target was cut off: nothing more comes from it, and nobody says so. */
  silence(): void {
    this.#silent = true;
    this.#answer?.unpipe(this.#outgoing);
    this.#answer?.pause();
  }

  /** The deregistration delay is over: the load balancer closes the connection. */
  drop(): void {
    this.#fail('bad-gateway', 502);
  }

  /** Extends the deadline when bytes have come since the last look; ends the exchange when it has passed. */
  look(nowMs: number): void {
    const bytes = this.#bytes();
    if (!this.#silent && bytes > this.#lastBytes) {
      this.#lastBytes = bytes;
      this.deadlineMs = nowMs + this.#options.idleTimeoutMs;
    }
    if (nowMs >= this.deadlineMs) this.#fail('timeout', 504);
  }

  #alive(): void {
    if (this.#silent) return;
    this.#lastBytes = this.#bytes();
    this.deadlineMs = performance.now() + this.#options.idleTimeoutMs;
  }

  #bytes(): number {
    const socket = this.#upstream?.socket;
    return (socket?.bytesRead ?? 0) + (socket?.bytesWritten ?? 0);
  }

  #answered(answer: IncomingMessage): void {
    this.#answer = answer;
    answer.on('error', () => {});
    if (this.#silent || this.#ended) return;
    this.#alive();
    answer.once('close', () => {
      if (!answer.complete && !this.#silent) this.#fail('bad-gateway', 502);
    });
    const status = answer.statusCode ?? 502;
    this.targetStatus = status;
    this.headAtMs = performance.now();
    this.#outgoing.writeHead(status, passedOn(answer));
    this.#outgoing.once('finish', () => this.#end('answered', status));
    answer.pipe(this.#outgoing);
  }

  #fail(outcome: RequestOutcome, status: number): void {
    if (this.#ended) return;
    const sent = this.#outgoing.headersSent;
    const seen = this.#outgoing.statusCode;
    this.#end(sent ? 'broken' : outcome, sent ? seen : status);
    if (sent) this.#outgoing.destroy();
    else sendError(this.#incoming, this.#outgoing, status);
  }

  #end(outcome: RequestOutcome, status: number): void {
    if (this.#ended) return;
    this.#ended = true;
    // A connection whose answer wasn't read to its end can't be used again.
    if (outcome !== 'answered') this.#upstream?.destroy();
    this.#options.onEnd(this, outcome, status);
  }
}

const REASONS: Readonly<Record<number, string>> = {
  502: '502 Bad Gateway',
  503: '503 Service Temporarily Unavailable',
  504: '504 Gateway Time-out',
};

/** Answers in the load balancer's own name. */
export function sendError(incoming: IncomingMessage, outgoing: ServerResponse, status: number): void {
  const title = REASONS[status] ?? `${status}`;
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  incoming.unpipe();
  // The rest of a body that nobody takes any more is read and dropped.
  incoming.resume();
  outgoing.writeHead(status, {
    server: 'awselb/2.0',
    'content-type': 'text/html',
    'content-length': Buffer.byteLength(body),
  });
  outgoing.end(body);
}

/** An answer of the load balancer's own. */
export function sendFixed(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: { readonly status: number; readonly contentType: string; readonly body: string },
): void {
  incoming.resume();
  outgoing.writeHead(answer.status, {
    server: 'awselb/2.0',
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
  });
  outgoing.end(answer.body);
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

function forwardedHeaders(incoming: IncomingMessage): Record<string, string | string[] | undefined> {
  const headers = withoutHopByHop(incoming);
  const client = incoming.socket.remoteAddress ?? '';
  const before = headers['x-forwarded-for'];
  headers['x-forwarded-for'] = before === undefined ? client : `${before}, ${client}`;
  headers['x-forwarded-proto'] = 'http';
  headers['x-forwarded-port'] = String(incoming.socket.localPort ?? 0);
  if (incoming.headers['transfer-encoding'] !== undefined) headers['transfer-encoding'] = 'chunked';
  return headers;
}

const passedOn = (answer: IncomingMessage): Record<string, string | string[] | undefined> => withoutHopByHop(answer);

function withoutHopByHop(message: IncomingMessage): Record<string, string | string[] | undefined> {
  const headers: Record<string, string | string[] | undefined> = { ...message.headers };
  const named = message.headers.connection;
  if (named !== undefined && named !== 'keep-alive' && named !== 'close') {
    for (const name of named.split(',')) delete headers[name.trim().toLowerCase()];
  }
  for (const name of HOP_BY_HOP) delete headers[name];
  return headers;
}
