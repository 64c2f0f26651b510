import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { METRICS_TYPE } from './metrics.js';

/**
 * The agent's own pages, for people on the machine, health probes and scrapers: GET only, on loopback. A web page that a
 * browser on this machine shows could reach loopback under a name of its own (DNS rebinding), so the Host header must
 * name an address or localhost.
 */
export interface Pages {
  /** Answered with 200 when `ok`, else 503. */
  health(): { readonly ok: boolean; readonly [field: string]: unknown };
  members(): unknown;
  seat(): unknown;
  incidents(): unknown;
  tasks(): unknown;
  metrics(): string;
}

export interface HttpServer {
  readonly port: number;
  close(): void;
}

const MAX_CONNECTIONS = 32;
const TIMEOUT_MS = 5_000;

/** Rejects when the port is taken. */
export function openHttp(host: string, port: number, pages: Pages): Promise<HttpServer> {
  const server: Server = createServer(
    { requestTimeout: TIMEOUT_MS, keepAliveTimeout: TIMEOUT_MS },
    (request, response) => {
      try {
        answer(request, response, host, pages);
      } catch (error) {
        if (response.headersSent) response.destroy();
        else send(response, 500, { error: error instanceof Error ? error.message : String(error) });
      }
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      server.on('error', () => {});
      const bound = server.address();
      resolve({
        port: typeof bound === 'object' && bound !== null ? bound.port : port,
        close() {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

function answer(request: IncomingMessage, response: ServerResponse, host: string, pages: Pages): void {
  if (!isOwnName(request.headers.host ?? '', host)) {
    send(response, 403, { error: 'The Host header must be an address of this machine, or localhost' });
    return;
  }
  if (request.method !== 'GET') {
    response.setHeader('allow', 'GET');
    send(response, 405, { error: 'Only GET is answered here' });
    return;
  }
  switch ((request.url ?? '/').split('?')[0]) {
    case '/health': {
      const health = pages.health();
      send(response, health.ok ? 200 : 503, health);
      return;
    }
    case '/members':
      send(response, 200, pages.members());
      return;
    case '/seat':
      send(response, 200, pages.seat());
      return;
    case '/incidents':
      send(response, 200, pages.incidents());
      return;
    case '/tasks':
      send(response, 200, pages.tasks());
      return;
    case '/metrics':
      response.writeHead(200, { 'content-type': METRICS_TYPE }).end(pages.metrics());
      return;
    default:
      send(response, 404, { error: 'There are /health, /members, /seat, /incidents, /tasks and /metrics' });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    .end(`${JSON.stringify(body)}\n`);
}

/** The address that we listen on, any loopback address, or localhost. */
export function isOwnName(hostHeader: string, listening: string): boolean {
  const name = hostHeader.replace(/:\d+$/, '').toLowerCase();
  return name === listening || name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name);
}

/** `7947`, `127.0.0.1:7947`, `[::1]:7947`; null when it is none of these, or no loopback address. */
export function parseHttpAddress(text: string): { readonly host: string; readonly port: number } | null {
  const match = /^(?:(\[::1\]|localhost|127(?:\.\d{1,3}){3}):)?(\d{1,5})$/i.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) return null;
  return { host: (match[1] ?? '127.0.0.1').replace(/^\[(.*)\]$/, '$1'), port };
}
