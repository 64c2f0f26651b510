/** What a page of another site can't do, by requests as they go over the wire. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPageServer, type PageServer } from '../../../cli/ui/server.js';
import { madeUp } from './made-up.js';

let server: PageServer;
let authority: string;
let token: string;
const acts: unknown[] = [];
beforeAll(async () => {
  const act = (body: unknown): string => {
    acts.push(body);
    if (JSON.stringify(body).includes('no')) throw new Error('There is no such node.');
    return 'done';
  };
  server = await openPageServer({ act, first: madeUp(3, 0) });
  const url = new URL(server.url);
  authority = url.host;
  token = url.hash.slice(1);
});
afterAll(() => server.close());

/** The whole answer; of an endless one what had come when `until` was there. */
function raw(text: string, until?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(authority.split(':')[1]), '127.0.0.1', () => socket.write(text));
    let got = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      got += chunk;
      if (until !== undefined && got.includes(until)) socket.destroy();
    });
    socket.on('close', () => resolve(got));
    socket.on('error', reject);
  });
}

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body?: string;
}

/** An act as the page sends it, but for what is changed; null leaves a header out. */
function ask({ method = 'POST', path = '/act', headers = {}, body = '{"act":"heal"}' }: Ask): Promise<string> {
  const all: Record<string, string | null> = {
    host: authority,
    connection: 'close',
    'x-synkti-token': token,
    origin: `http://${authority}`,
    'sec-fetch-site': 'same-origin',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  return raw(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}
const statusOf = (answer: string): number => Number(answer.split(' ')[1]);

describe("the page's server", () => {
  it('listens on loopback, at a port and with a token of its own', async () => {
    expect(authority).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(token).toMatch(/^[\w-]{32}$/);
    const other = await openPageServer({ act: () => '', first: madeUp(1, 0) });
    expect(new URL(other.url).host).not.toBe(authority);
    expect(new URL(other.url).hash).not.toBe(`#${token}`);
    await other.close();
  });

  it('that only reads has nothing to act on', async () => {
    const reads = await openPageServer({ first: madeUp(1, 0) });
    const { origin, hash } = new URL(reads.url);
    const headers = { 'x-synkti-token': hash.slice(1), origin, 'content-type': 'application/json' };
    const act = await fetch(`${origin}/act`, { method: 'POST', headers, body: '{"act":"heal"}' });
    expect(act.status).toBe(404);
    expect(reads.watchers()).toBe(0);
    await reads.close();
  });

  it('lets the page act', async () => {
    expect(await ask({})).toContain('{"text":"done"}');
    expect(acts.at(-1)).toEqual({ act: 'heal' });
    expect(statusOf(await ask({ body: '{"act":"no"}' }))).toBe(409);
  });

  it.each<[string, number, Ask]>([
    ['another name for this address (DNS rebinding)', 421, { headers: { host: 'evil.example' } }],
    ['another name with the right port', 421, { headers: { host: 'evil.example:80' } }],
    ['localhost', 421, { headers: { host: 'localhost' } }],
    ['another name for the page', 421, { method: 'GET', path: '/', headers: { host: 'evil.example' } }],
    ['another name for the events', 421, { method: 'GET', path: '/events', headers: { host: 'evil.example' } }],
    ['another origin', 403, { headers: { origin: 'https://evil.example' } }],
    ['a null origin', 403, { headers: { origin: 'null' } }],
    ['no origin', 403, { headers: { origin: null } }],
    ['another site', 403, { headers: { 'sec-fetch-site': 'cross-site' } }],
    ['a sister site', 403, { headers: { 'sec-fetch-site': 'same-site' } }],
    ['events for another origin', 403, { method: 'GET', path: '/events', headers: { origin: 'https://evil.example' } }],
    ['events for another site', 403, { method: 'GET', path: '/events', headers: { 'sec-fetch-site': 'cross-site' } }],
    ['a frame of another site', 403, { method: 'GET', path: '/', headers: { 'sec-fetch-site': 'cross-site' } }],
    ['no token', 401, { headers: { 'x-synkti-token': null } }],
    ['a wrong token', 401, { headers: { 'x-synkti-token': 'a'.repeat(32) } }],
    ['events without a token', 401, { method: 'GET', path: '/events', headers: { 'x-synkti-token': null } }],
    ['a form', 415, { headers: { 'content-type': 'text/plain' } }],
    ['an act by GET', 405, { method: 'GET', path: '/act' }],
    ['a preflight', 405, { method: 'OPTIONS' }],
    ['another path', 404, { path: '/etc/passwd' }],
    ['a token in the query', 404, { path: '/act?x=1' }],
    ['no JSON', 400, { body: '{' }],
    ['a long body', 400, { body: `"${'x'.repeat(5_000)}"` }],
  ])('refuses %s', async (_what, status, wish) => {
    const before = acts.length;
    const answer = await ask(wish);
    expect(statusOf(answer)).toBe(status);
    expect(answer.toLowerCase()).not.toContain('access-control');
    expect(answer).not.toContain(token);
    expect(acts.length).toBe(before);
  });

  it.each(['/', '/nowhere'])('%s comes with headers that allow no other host', async (path) => {
    const answer = await ask({ method: 'GET', path, headers: { origin: null, 'x-synkti-token': null }, body: '' });
    expect(answer).toMatch(
      /content-security-policy: default-src 'none'; script-src 'sha256-[^ ]+'; style-src 'sha256-/i,
    );
    expect(answer).not.toMatch(/unsafe|content-security-policy:[^\r]*https?:/i);
    expect(answer).toMatch(/frame-ancestors 'none'/);
    for (const header of [
      'x-content-type-options: nosniff',
      'referrer-policy: no-referrer',
      'cache-control: no-store',
    ]) {
      expect(answer).toContain(header);
    }
    expect(answer).not.toContain(token);
  });

  it('sends a picture, then changes', async () => {
    const headers = `host: ${authority}\r\nx-synkti-token: ${token}\r\n`;
    const reading = raw(`GET /events HTTP/1.1\r\n${headers}\r\n`, 'event: change');
    const timer = setInterval(() => server.show(madeUp(4, Date.now())), 50);
    const got = await reading;
    clearInterval(timer);
    expect(got).toContain('event: picture');
    const change = /event: change\ndata: (.*)\n/.exec(got)?.[1] ?? '';
    expect(JSON.parse(change).nodes.length).toBeGreaterThan(0);
  });

  it('bounds how many look on', async () => {
    const headers = `host: ${authority}\r\nx-synkti-token: ${token}\r\n\r\n`;
    const sockets = Array.from({ length: 8 }, () => connect(Number(authority.split(':')[1]), '127.0.0.1'));
    for (const socket of sockets) {
      socket.write(`GET /events HTTP/1.1\r\n${headers}`);
      await new Promise((resolve) => socket.once('data', resolve));
    }
    expect(statusOf(await raw(`GET /events HTTP/1.1\r\nconnection: close\r\n${headers}`))).toBe(503);
    for (const socket of sockets) socket.destroy();
  });
});
