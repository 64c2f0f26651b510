import { type ClientRequest, request } from 'node:http';
import type { CheckResult } from './target.js';

export interface CheckRequest {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly timeoutMs: number;
  /** Ranges of codes that are healthy. */
  readonly codes: readonly (readonly [low: number, high: number])[];
  /** No packet reaches the target: the check times out. */
  readonly isCut: () => boolean;
  readonly signal: AbortSignal;
}

/** One HTTP health check on a new connection. Never rejects. */
export function checkHealth(check: CheckRequest): Promise<CheckResult> {
  return new Promise((resolve) => {
    let outgoing: ClientRequest | undefined;
    const done = (result: CheckResult): void => {
      clearTimeout(timer);
      check.signal.removeEventListener('abort', abort);
      resolve(result);
    };
    const timeout: CheckResult = { ok: false, failure: { kind: 'timeout' } };
    const timer = setTimeout(() => {
      done(timeout);
      outgoing?.destroy();
    }, check.timeoutMs);
    const abort = (): void => {
      done({ ok: false, failure: { kind: 'failed' } });
      outgoing?.destroy();
    };
    check.signal.addEventListener('abort', abort);
    if (check.isCut()) return;
    outgoing = request({
      host: check.host,
      port: check.port,
      path: check.path,
      agent: false,
      headers: { 'user-agent': 'ELB-HealthChecker/2.0', connection: 'close' },
    });
    outgoing.on('response', (response) => {
      response.resume();
      // Cut while the answer was under way: it never arrived, and the timer ends the check.
      if (check.isCut()) return;
      const status = response.statusCode ?? 0;
      const good = check.codes.some(([low, high]) => status >= low && status <= high);
      done(good ? { ok: true } : { ok: false, failure: { kind: 'code', status } });
    });
    outgoing.on('error', () => {
      if (!check.isCut()) done({ ok: false, failure: { kind: 'failed' } });
    });
    outgoing.end();
  });
}
