import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type WallMs, wallMs } from '../../core/time.js';
import { decodeAwsChunked, isAwsChunked, readBody } from './body.js';
import { credentialScope } from './credentials.js';
import { AwsError } from './error.js';
import { type Call, CallHistory } from './history.js';
import { jsonError } from './json-service.js';
import { queryError } from './query-service.js';
import type { Principal, Service, WireRequest, WireResponse } from './service.js';

/** What may go wrong with a call on purpose; see unkind/. */
export interface EndpointFaults {
  /** An error instead of the act. */
  refuse(service: string, action: string, principal: Principal): AwsError | null;
  /** True: the connection is destroyed after the act, so that the caller doesn't learn of it. */
  loseReply(service: string, action: string, principal: Principal): boolean;
}

export interface EndpointOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly services: readonly Service[];
  /** Who an access key belongs to. @throws AwsError for a key that was issued and has expired. */
  readonly principalOf: (accessKeyId: string, sessionToken: string | null) => Principal;
  readonly faults?: EndpointFaults;
  /** Whether the caller may: null, or the denial. */
  readonly authorize?: (request: WireRequest, action: string) => AwsError | null;
  readonly onCall?: (call: Call) => void;
  /** Default 64 MiB. */
  readonly maxBodyBytes?: number;
  readonly wallClock?: () => WallMs;
}

export interface Endpoint {
  /** `http://127.0.0.1:4566` */
  readonly url: string;
  readonly port: number;
  readonly history: CallHistory;
  close(): Promise<void>;
}

/**
 * The endpoint that all services share, as `AWS_ENDPOINT_URL` wants it. Requests are routed by the service in their
 * signature's credential scope.
 */
export async function startEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const history = new CallHistory(options.onCall);
  const server = createServer((request, response) => {
    serve(request, response, options, history).catch(() => response.destroy());
  });
  server.requestTimeout = 60_000;
  await listen(server, options.host, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host}:${port}`,
    port,
    history,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Rejects with the system's error (`EADDRINUSE`, ...). */
export function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      // A listening server must not bring the process down later, e.g. when it runs out of descriptors.
      server.on('error', () => {});
      resolve();
    });
  });
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: EndpointOptions,
  history: CallHistory,
): Promise<void> {
  const clock = options.wallClock ?? (() => wallMs(Date.now()));
  const startedAt = clock();
  let service = '-';
  let action = '-';
  let principal: Principal | null = null;
  let target: Service | undefined;
  let code = 'OK';
  let replyLost = false;
  let response: WireResponse;
  try {
    const { headers, path, query } = headOf(incoming);
    const scope = credentialScope(headers, query);
    service = scope.service;
    target = options.services.find((one) => one.name === scope.service);
    // The body is read before anything is refused, so that the client gets to read the answer.
    const raw = await readBody(incoming, options.maxBodyBytes ?? 64 * 1024 * 1024);
    if (target === undefined) {
      throw new AwsError('UnknownService', `The local cloud has no service '${scope.service.slice(0, 64)}'`);
    }
    principal = options.principalOf(scope.accessKeyId, scope.sessionToken);
    const whole = wireRequest(
      incoming.method ?? 'GET',
      scope.service,
      scope.region,
      principal,
      headers,
      path,
      query,
      raw,
    );
    const request: WireRequest = { ...whole, isGone: () => incoming.socket.destroyed };
    action = target.actionOf(request) ?? '-';
    const refusal = options.faults?.refuse(service, action, principal) ?? null;
    if (refusal !== null) throw refusal;
    // An action that the service doesn't know is for the service to refuse.
    const denial = action === '-' ? null : (options.authorize?.(request, action) ?? null);
    if (denial !== null) throw denial;
    response = await target.handle(request);
    replyLost = options.faults?.loseReply(service, action, principal) ?? false;
    if (response.status >= 300) code = codeIn(response);
  } catch (error) {
    const known = error instanceof AwsError ? error : internalError(error);
    code = known.code;
    response = errorResponse(target, incoming, known);
  }
  history.record({
    atMs: startedAt,
    durationMs: clock() - startedAt,
    service: service.slice(0, 64),
    action,
    principal,
    status: response.status,
    code,
    replyLost,
  });
  if (replyLost) {
    if (response.body instanceof Readable) response.body.destroy();
    incoming.socket.destroy();
    return;
  }
  await send(outgoing, incoming.method ?? 'GET', response);
}

function headOf(incoming: IncomingMessage): {
  headers: Record<string, string>;
  path: string;
  query: URLSearchParams;
} {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const url = incoming.url ?? '/';
  const mark = url.indexOf('?');
  return {
    headers,
    path: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
  };
}

function wireRequest(
  method: string,
  service: string,
  region: string,
  principal: Principal,
  head: Record<string, string>,
  path: string,
  query: URLSearchParams,
  raw: Buffer,
): WireRequest {
  let headers = head;
  let body = raw;
  if (isAwsChunked(head)) {
    const declared = head['x-amz-decoded-content-length'];
    const decoded = decodeAwsChunked(raw, declared === undefined ? null : Number(declared));
    const encodings = (head['content-encoding'] ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '' && part.toLowerCase() !== 'aws-chunked');
    body = decoded.body;
    headers = { ...head, ...decoded.trailers };
    if (encodings.length > 0) headers['content-encoding'] = encodings.join(', ');
    else delete headers['content-encoding'];
  }
  const bucket = service === 's3' ? virtualHostBucket(head.host ?? '') : null;
  return {
    service,
    region,
    principal,
    method,
    path: bucket === null ? path : `/${bucket}${path}`,
    query,
    headers,
    body,
  };
}

/** `bucket.s3.region.example:4566`, `bucket.s3-region...` and `bucket.localhost`: the bucket; null of a path-style host. */
export function virtualHostBucket(host: string): string | null {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  return /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.(?:s3[.-].+|s3|localhost)$/.exec(name)?.[1] ?? null;
}

/** The code in a service's own error answer, for the history. */
function codeIn(response: WireResponse): string {
  const text = typeof response.body === 'string' ? response.body.slice(0, 2048) : '';
  return (
    /<Code>([\w.]{1,80})<\/Code>/.exec(text)?.[1] ?? /"__type":"([\w.#]{1,80})"/.exec(text)?.[1] ?? `${response.status}`
  );
}

function internalError(error: unknown): AwsError {
  const why = error instanceof Error ? error.message : String(error);
  return new AwsError('InternalFailure', `The local cloud failed on this request: ${why.slice(0, 300)}`, 500);
}

function errorResponse(target: Service | undefined, incoming: IncomingMessage, error: AwsError): WireResponse {
  if (target !== undefined) return target.error(error.status, error.code, error.message, incoming.headers);
  return incoming.headers['x-amz-target'] === undefined
    ? queryError(error.status, error.code, error.message)
    : jsonError(error.status, error.code, error.message);
}

async function send(outgoing: ServerResponse, method: string, response: WireResponse): Promise<void> {
  const { status, headers, body } = response;
  if (body instanceof Readable) {
    outgoing.writeHead(status, { ...headers });
    if (method === 'HEAD') {
      body.destroy();
      outgoing.end();
      return;
    }
    await pipeline(body, outgoing);
    return;
  }
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : (body ?? Buffer.alloc(0));
  const bodyless = method === 'HEAD' || status === 204 || status === 304;
  const length = bodyless ? {} : { 'content-length': String(bytes.length) };
  outgoing.writeHead(status, { ...length, ...headers });
  outgoing.end(bodyless ? undefined : bytes);
}
