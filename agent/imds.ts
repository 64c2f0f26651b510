import { Agent } from 'node:http';
import { type Context, type MonoMs, monoMs } from '../core/time.js';
import { exchange } from './http-client.js';
import {
  type ImdsSession,
  newImdsSession,
  nextImdsStep,
  refusedTwice,
  TOKEN_TTL_S,
  tookAnswer,
  tookToken,
} from './imds-session.js';

/** The instance metadata service, version 2 only. Nothing here throws: no answer is status 0. */
export interface Imds {
  /** Path under `/latest/`, without a leading slash. While the service is backed off from, the answer is 0 at once. */
  get(path: string): Promise<ImdsAnswer>;
  /** When the back-off ends, on the clock that was given. */
  readonly busyUntilMs: MonoMs;
  readonly counters: Readonly<ImdsCounters>;
  close(): void;
}

export interface ImdsAnswer {
  readonly status: number;
  readonly body: string;
}

export interface ImdsCounters {
  requests: number;
  tokens: number;
  /** Tokens that were refused before their time. */
  refused: number;
  /** Time-outs, broken connections and statuses other than 200, 401 and 404. */
  failed: number;
}

export interface ImdsOptions {
  /** Default: `http://169.254.169.254`. */
  readonly endpoint?: string;
  /** Of one request, in ms. Default: 2,000. */
  readonly timeoutMs?: number;
  readonly clock: () => Context;
}

const DEFAULT_ENDPOINT = 'http://169.254.169.254';
const DEFAULT_TIMEOUT_MS = 2_000;
/** Longest body that is read; scheduled events and identity documents have a few kB. */
const MAX_BODY_BYTES = 65_536;
const NO_ANSWER: ImdsAnswer = { status: 0, body: '' };

export function createImds(options: ImdsOptions): Imds {
  const endpoint = new URL(options.endpoint ?? DEFAULT_ENDPOINT);
  const host = endpoint.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = endpoint.port === '' ? 80 : Number(endpoint.port);
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const agent = new Agent({ keepAlive: true, maxSockets: 2, maxFreeSockets: 1 });
  const session: ImdsSession = newImdsSession();
  const counters: ImdsCounters = { requests: 0, tokens: 0, refused: 0, failed: 0 };
  let fetching: Promise<boolean> | null = null;

  async function send(method: 'GET' | 'PUT', path: string, headers: Record<string, string>): Promise<ImdsAnswer> {
    counters.requests += 1;
    const request = { host, port, method, path, headers, timeoutMs, maxBytes: MAX_BODY_BYTES, agent };
    const { status, body } = await exchange(request);
    if (![200, 401, 404].includes(status)) counters.failed += 1;
    return { status, body };
  }

  /** One PUT at a time, however many wait for the token. */
  function fetchToken(): Promise<boolean> {
    fetching ??= (async () => {
      counters.tokens += 1;
      const ttl = { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_TTL_S) };
      const { status, body } = await send('PUT', '/latest/api/token', ttl);
      const { nowMs, rng } = options.clock();
      return tookToken(session, status, body, nowMs, rng);
    })().finally(() => {
      fetching = null;
    });
    return fetching;
  }

  return {
    async get(path) {
      // Twice at most: a refused token is replaced once.
      for (let round = 0; round < 2; round++) {
        let step = nextImdsStep(session, options.clock().nowMs);
        if (step.do === 'wait') return NO_ANSWER;
        if (step.do === 'fetch-token') {
          const fetched = await fetchToken();
          if (!fetched && session.token === null) return NO_ANSWER;
          step = { do: 'get', token: session.token ?? '' };
        }
        const answer = await send('GET', `/latest/${path}`, { 'x-aws-ec2-metadata-token': step.token });
        const { nowMs, rng } = options.clock();
        switch (tookAnswer(session, answer.status, nowMs, rng)) {
          case 'answer':
            return answer;
          case 'failed':
            return answer.status === 401 ? NO_ANSWER : answer;
          case 'new-token':
            counters.refused += 1;
        }
      }
      const { nowMs, rng } = options.clock();
      refusedTwice(session, nowMs, rng);
      return NO_ANSWER;
    },
    get busyUntilMs() {
      return monoMs(session.notBeforeMs);
    },
    counters,
    close: () => agent.destroy(),
  };
}
