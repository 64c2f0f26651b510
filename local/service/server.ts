import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/**
 * The example service of rehearsals: what a user's own service would be. It answers after a few milliseconds of work,
 * says how many requests it has in flight, and at SIGTERM finishes them and exits 0.
 *
 *     GET /            "ok" after some ms; `?ms=250` sets how many
 *     GET /health      200 once it is ready, 503 before
 *     GET /in-flight   {"inFlight": n}, health checks and this request not counted
 *
 * Another path of the health check can be given as its argument. Environment: HOST (0.0.0.0), PORT (8080), STARTUP_MS (0) until it is ready, WORK_MS (5) mean work of a request.
 */
const MAX_WORK_MS = 60_000;

function setting(name: string, fallback: number, max: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0 || value > max) {
    process.stderr.write(`${name} must be a number from 0 to ${max}, it is '${text}'\n`);
    process.exit(2);
  }
  return value;
}

const healthPath = process.argv[2] ?? '/health';
const host = process.env.HOST ?? '0.0.0.0';
const port = setting('PORT', 8080, 65_535);
const startupMs = setting('STARTUP_MS', 0, 3_600_000);
const meanWorkMs = setting('WORK_MS', 5, MAX_WORK_MS);

let inFlight = 0;
let ready = startupMs === 0;
let stopping = false;

function serve(request: IncomingMessage, response: ServerResponse): void {
  // A load balancer must not put another request on this connection while the server is going away.
  if (stopping) response.setHeader('connection', 'close');
  const url = new URL(request.url ?? '/', 'http://service');
  if (url.pathname === '/' && (url.pathname !== healthPath || ready)) work(url, response);
  else if (url.pathname === healthPath) answer(response, ready ? 200 : 503, ready ? 'ok' : 'starting');
  else if (url.pathname === '/in-flight') answer(response, 200, JSON.stringify({ inFlight }), 'application/json');
  else answer(response, 404, 'not found');
}

function work(url: URL, response: ServerResponse): void {
  const asked = Number(url.searchParams.get('ms') ?? Number.NaN);
  // Half to one and a half of the mean.
  const ms = asked >= 0 ? Math.min(asked, MAX_WORK_MS) : meanWorkMs * (0.5 + Math.random());
  inFlight++;
  let done = false;
  const finish = (): void => {
    if (done) return;
    done = true;
    inFlight--;
    clearTimeout(timer);
    leaveIfDone();
  };
  response.once('close', finish);
  const timer = setTimeout(() => {
    if (stopping && !response.headersSent) response.setHeader('connection', 'close');
    answer(response, 200, 'ok');
  }, ms);
}

function answer(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

// Longer than load balancers keep idle connections (60 s), so that it is never the server that closes one first.
const server = createServer({ keepAliveTimeout: 75_000 }, serve);

function leaveIfDone(): void {
  if (stopping && inFlight === 0) server.closeIdleConnections();
}

function stop(): void {
  if (stopping) return;
  stopping = true;
  // New connections are refused; requests in flight are answered, then their connections close.
  server.close(() => process.exit(0));
  server.closeIdleConnections();
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);

server.on('error', (error) => {
  process.stderr.write(`can't listen on ${host}:${port}: ${error.message}\n`);
  process.exit(1);
});
server.listen(port, host, () => {
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  process.stdout.write(`listening on ${host}:${actual}\n`);
  if (!ready) setTimeout(() => (ready = true), startupMs);
});
