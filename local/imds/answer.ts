import type { MonoMs } from '../../core/time.js';
import type { Tree } from './view.js';

/** IMDSv2's rules, without the socket. */
export interface ImdsRequest {
  readonly method: string;
  /** With query, percent-encoded, as sent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface ImdsAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const MAX_TOKENS = 1_000;
const MAX_TTL_SECONDS = 21_600;
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';

/** Session tokens of one instance. */
export class TokenBook {
  readonly #tokens = new Map<string, MonoMs>();
  readonly #newToken: () => string;

  constructor(newToken: () => string) {
    this.#newToken = newToken;
  }

  issue(ttlSeconds: number, nowMs: MonoMs): string {
    for (const [token, expiresMs] of this.#tokens) {
      if (expiresMs <= nowMs || this.#tokens.size >= MAX_TOKENS) this.#tokens.delete(token);
    }
    const token = this.#newToken();
    this.#tokens.set(token, (nowMs + ttlSeconds * 1000) as MonoMs);
    return token;
  }

  isValid(token: string, nowMs: MonoMs): boolean {
    return nowMs < (this.#tokens.get(token) ?? Number.NEGATIVE_INFINITY);
  }

  /** Every token becomes invalid, as after a restart of the service. */
  clear(): void {
    this.#tokens.clear();
  }
}

/** `tree` null: IMDS is switched off for this instance. */
export function answerImds(request: ImdsRequest, tree: Tree | null, tokens: TokenBook, nowMs: MonoMs): ImdsAnswer {
  if (tree === null) return failure(403, 'Forbidden');
  const path = request.url.split('?', 1)[0] ?? '/';
  if (request.method === 'PUT')
    return path === '/latest/api/token' ? putToken(request, tokens, nowMs) : failure(405, 'Method Not Allowed');
  if (request.method !== 'GET' && request.method !== 'HEAD') return failure(405, 'Method Not Allowed');
  const token = request.headers['x-aws-ec2-metadata-token'];
  // Without a token it would be IMDSv1, which isn't spoken here.
  if (typeof token !== 'string' || !tokens.isValid(token, nowMs)) return failure(401, 'Unauthorized');
  return lookUp(path, tree);
}

function putToken(request: ImdsRequest, tokens: TokenBook, nowMs: MonoMs): ImdsAnswer {
  // A proxy between: the token would leave the instance.
  if (request.headers['x-forwarded-for'] !== undefined) return failure(403, 'Forbidden');
  const ttl = request.headers[TTL_HEADER];
  const seconds = typeof ttl === 'string' && /^\d{1,6}$/.test(ttl) ? Number(ttl) : 0;
  if (seconds < 1 || seconds > MAX_TTL_SECONDS) return failure(400, 'Bad Request');
  return { status: 200, body: tokens.issue(seconds, nowMs), headers: { [TTL_HEADER]: String(seconds) } };
}

function lookUp(path: string, tree: Tree): ImdsAnswer {
  let segments: string[];
  try {
    segments = path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
  } catch {
    return failure(400, 'Bad Request');
  }
  const [version, ...rest] = segments;
  if (version === undefined) return text('latest');
  if (version !== 'latest' && !/^\d{4}-\d{2}-\d{2}$/.test(version)) return failure(404, 'Not Found');
  let node: Tree[string] = tree;
  for (const segment of rest) {
    if (typeof node !== 'object' || !Object.hasOwn(node, segment)) return failure(404, 'Not Found');
    node = node[segment] ?? '';
  }
  if (typeof node === 'object') return text(listing(node));
  const body = typeof node === 'function' ? node() : node;
  return body === null ? failure(404, 'Not Found') : text(body);
}

/** One name a line; what can be descended into ends with a slash. */
function listing(tree: Tree): string {
  return Object.keys(tree)
    .sort()
    .map((name) => (typeof tree[name] === 'object' ? `${name}/` : name))
    .join('\n');
}

const text = (body: string): ImdsAnswer => ({ status: 200, body });

/** IMDS writes its errors as pages: who parses the body of a 404 must notice. */
export function failure(status: number, title: string): ImdsAnswer {
  const page = `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head><title>${status} - ${title}</title></head>
 <body><h1>${status} - ${title}</h1></body>
</html>
`;
  return { status, body: page, headers: { 'content-type': 'text/html' } };
}
