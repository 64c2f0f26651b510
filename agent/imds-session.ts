import { randomBetween } from '../core/rng.js';
import { after, type MonoMs, monoMs, type Rng } from '../core/time.js';

/**
 * What to do next with IMDSv2, given what it answered: pure, so that every sequence of answers can be tested.
 *
 * Lifecycle: fetch a token (PUT), use it until shortly before it expires, fetch the next. A 401 means that the token is
 * no longer good (an instance restored from hibernation, a changed clock): a new one is fetched at once. Busy, silent and
 * switched-off services are asked again after a jittered back-off, for ever.
 */
export interface ImdsSession {
  token: string | null;
  tokenExpiresMs: MonoMs;
  /** Failures since the last answer that said something. */
  failures: number;
  /** No request before this. */
  notBeforeMs: MonoMs;
}

/** Longest time that IMDS grants, in s. */
export const TOKEN_TTL_S = 21_600;
/** A token is renewed this long before its end, in ms. */
const RENEW_BEFORE_MS = 300_000;
const BACKOFF_FIRST_MS = 200;
/** Cap of the back-off. Raising it spares a busy service and may hide a notice for as long. */
const BACKOFF_MAX_MS = 5_000;
/** Longest accepted token; real ones have 56 characters. */
const MAX_TOKEN = 1_024;

export type ImdsStep =
  | { readonly do: 'wait'; readonly untilMs: MonoMs }
  | { readonly do: 'fetch-token' }
  | { readonly do: 'get'; readonly token: string };

export type ImdsVerdict =
  /** 200 or 404: the service spoke. */
  | 'answer'
  /** The token was refused: fetch another and repeat. */
  | 'new-token'
  /** Nothing learned; the next step says when to try again. */
  | 'failed';

export const newImdsSession = (): ImdsSession => ({
  token: null,
  tokenExpiresMs: monoMs(0),
  failures: 0,
  notBeforeMs: monoMs(Number.NEGATIVE_INFINITY),
});

export function nextImdsStep(session: ImdsSession, nowMs: MonoMs): ImdsStep {
  if (nowMs < session.notBeforeMs) return { do: 'wait', untilMs: session.notBeforeMs };
  if (session.token === null || nowMs >= session.tokenExpiresMs - RENEW_BEFORE_MS) return { do: 'fetch-token' };
  return { do: 'get', token: session.token };
}

/** After a PUT; `status` 0 means no answer. True when there is a token now. */
export function tookToken(session: ImdsSession, status: number, body: string, nowMs: MonoMs, rng: Rng): boolean {
  const token = body.trim();
  if (status === 200 && token !== '' && token.length <= MAX_TOKEN && !/[^\x21-\x7e]/.test(token)) {
    session.token = token;
    session.tokenExpiresMs = after(nowMs, TOKEN_TTL_S * 1_000);
    return true;
  }
  // The old token, if it still lives, is better than none.
  if (nowMs >= session.tokenExpiresMs) session.token = null;
  backOff(session, nowMs, rng);
  return false;
}

/** After a GET; `status` 0 means no answer. */
export function tookAnswer(session: ImdsSession, status: number, nowMs: MonoMs, rng: Rng): ImdsVerdict {
  if (status === 401) {
    session.token = null;
    return 'new-token';
  }
  if (status === 200 || status === 404) {
    session.failures = 0;
    return 'answer';
  }
  backOff(session, nowMs, rng);
  return 'failed';
}

/** Refused with a token that is seconds old: something is wrong on the other side. */
export function refusedTwice(session: ImdsSession, nowMs: MonoMs, rng: Rng): void {
  backOff(session, nowMs, rng);
}

function backOff(session: ImdsSession, nowMs: MonoMs, rng: Rng): void {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(session.failures, 10));
  session.failures += 1;
  session.notBeforeMs = after(nowMs, Math.round(randomBetween(rng, ceiling / 2, ceiling)));
}
