/** The live page's own little server: on loopback, for whoever knows the token. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { guard, hashOf, safeHeaders } from './guard.js';
import { pageHtml } from './page/html.js';
import { PAGE_SCRIPT } from './page/script.js';
import { PAGE_STYLE } from './page/style.js';
import { changeOf, type Picture } from './picture.js';

export interface PageServer {
  /** With the token. */
  readonly url: string;
  /** Sends what is different since the last picture to all that look on. */
  show(picture: Picture): void;
  /** How many pages are open. */
  watchers(): number;
  /** @param text what the page says once it is over */
  close(text?: string): Promise<void>;
}

export interface PageOptions {
  /** Does what somebody asked for. The answer is one sentence; it is thrown when the act can't be done. Absent: the page only reads. */
  readonly act?: (body: unknown) => string;
  /** Before there is anything to show. */
  readonly first: Picture;
  /** Default: any free one. */
  readonly port?: number;
  /** Called when one more page was opened. */
  readonly opened?: () => void;
}

const MAX_BODY_BYTES = 4_096;
const MAX_WATCHERS = 8;
/** A page that doesn't read is let go; it comes back for a whole picture. */
const MAX_BACKLOG_BYTES = 4 * 1024 * 1024;
/** Tells a page that nothing changed from a server that is gone. */
const BEAT_MS = 5_000;

/** Rejects when the port of loopback can't be had. */
export async function openPageServer({ act, first, port = 0, opened }: PageOptions): Promise<PageServer> {
  const token = randomBytes(24).toString('base64url');
  const html = pageHtml(PAGE_STYLE, PAGE_SCRIPT);
  const headers = safeHeaders({ script: hashOf(PAGE_SCRIPT), style: hashOf(PAGE_STYLE) });
  const watchers = new Set<ServerResponse>();
  let picture = first;
  let authority = '';

  const send = (watcher: ServerResponse, event: string, data: unknown): void => {
    if (watcher.writableLength > MAX_BACKLOG_BYTES) watcher.destroy();
    else watcher.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const answer = (response: ServerResponse, status: number, text: string): void => {
    response.writeHead(status, { ...headers, 'content-type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify({ text }));
  };
  const watch = (response: ServerResponse): void => {
    if (watchers.size >= MAX_WATCHERS) {
      answer(response, 503, `${MAX_WATCHERS} pages look on already.`);
      return;
    }
    watchers.add(response);
    response.on('close', () => watchers.delete(response));
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });
    send(response, 'picture', picture);
    opened?.();
  };
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    request.on('error', () => {});
    const passed = guard(
      { method: request.method ?? '', path: request.url ?? '', headers: request.headers },
      authority,
      token,
      act !== undefined,
    );
    switch (passed.type) {
      case 'refused':
        request.resume();
        answer(response, passed.status, passed.why);
        return;
      case 'page':
        response.writeHead(200, { ...headers, 'content-type': 'text/html; charset=utf-8' });
        response.end(request.method === 'HEAD' ? undefined : html);
        return;
      case 'events':
        watch(response);
        return;
      case 'act':
        void bodyOf(request).then((body) => {
          try {
            if (body === undefined) answer(response, 400, `An act is JSON of ${MAX_BODY_BYTES} bytes at most.`);
            else if (act !== undefined) answer(response, 200, act(body));
          } catch (error) {
            answer(response, 409, error instanceof Error ? error.message : String(error));
          }
        });
    }
  });
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
  server.on('error', () => {});
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The page got no port.');
  // Browsers leave out the port that is HTTP's own.
  authority = address.port === 80 ? '127.0.0.1' : `127.0.0.1:${address.port}`;
  const beat = setInterval(() => {
    for (const watcher of watchers) send(watcher, 'beat', { nowMs: Date.now() });
  }, BEAT_MS);
  beat.unref();
  return {
    url: `http://${authority}/#${token}`,
    show(next) {
      const change = changeOf(picture, next);
      picture = next;
      if (change !== null) for (const watcher of watchers) send(watcher, 'change', change);
    },
    watchers: () => watchers.size,
    async close(text = 'It is over: see the terminal.') {
      clearInterval(beat);
      for (const watcher of watchers) watcher.end(`event: end\ndata: ${JSON.stringify({ text })}\n\n`);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        setImmediate(() => server.closeAllConnections());
      });
    },
  };
}

/** Undefined: it is too long, or no JSON. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request) {
      bytes += (part as Buffer).length;
      if (bytes > MAX_BODY_BYTES) return undefined;
      parts.push(part as Buffer);
    }
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    return undefined;
  }
}
