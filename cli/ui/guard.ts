/**
 * Whether a request may pass. The page shows a running cluster and may act on it, so a page of another site, open in the same browser,
 * must not reach it:
 * - a name that was bent to 127.0.0.1 (DNS rebinding) is seen in the Host header;
 * - a form or script of another site (CSRF) is seen in Origin and Sec-Fetch-Site, can't set our header, and doesn't
 *   know the token.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

export const TOKEN_HEADER = 'x-synkti-token';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** What a request is for, or why it is refused. */
export type Passed =
  | { readonly type: 'page' | 'events' | 'act' }
  | { readonly type: 'refused'; readonly status: 400 | 401 | 403 | 404 | 405 | 415 | 421; readonly why: string };

/**
 * @param authority `127.0.0.1:PORT`, as in the address that was printed
 * @param acts false: the page only reads
 */
export function guard(asked: Asked, authority: string, token: string, acts = true): Passed {
  const { method, path, headers } = asked;
  if (headers.host !== authority) return refused(421, `This is ${authority}, under no other name.`);
  const site = headers['sec-fetch-site'];
  if (path === '/') {
    if (method !== 'GET' && method !== 'HEAD') return refused(405, 'Only GET is answered here.');
    // The page's frame holds nothing that isn't public; what it shows it asks for with the token.
    if (site !== undefined && site !== 'none' && site !== 'same-origin') return refused(403, 'Open it by its address.');
    return { type: 'page' };
  }
  const wanted = path === '/events' ? 'GET' : path === '/act' && acts ? 'POST' : undefined;
  if (wanted === undefined) return refused(404, `There are ${acts ? '/, /events and /act' : '/ and /events'}.`);
  if (method !== wanted) return refused(405, `Only ${wanted} is answered here.`);
  if (site !== undefined && site !== 'same-origin') return refused(403, 'Only this page itself may ask.');
  const { origin } = headers;
  if ((origin !== undefined || method === 'POST') && origin !== `http://${authority}`) {
    return refused(403, 'Only this page itself may ask.');
  }
  const given = headers[TOKEN_HEADER];
  if (typeof given !== 'string' || !same(given, token)) {
    return refused(401, 'The token is missing or wrong: open the whole address that was printed in the terminal.');
  }
  if (path === '/events') return { type: 'events' };
  if (headers['content-type'] !== 'application/json') return refused(415, 'An act is application/json.');
  return { type: 'act' };
}

const refused = (status: Extract<Passed, { type: 'refused' }>['status'], why: string): Passed => ({
  type: 'refused',
  status,
  why,
});

/** Takes as long for any text. */
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Of every answer. `hashes`: of the page's own script and style. */
export function safeHeaders(hashes: { readonly script: string; readonly style: string }): Record<string, string> {
  return {
    'content-security-policy':
      `default-src 'none'; script-src '${hashes.script}'; style-src '${hashes.style}'; connect-src 'self'; img-src data:; ` +
      `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  };
}

/** As Content-Security-Policy names an inline script or style. */
export const hashOf = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;
