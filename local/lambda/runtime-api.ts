import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readBody } from '../wire/body.js';
import { listen } from '../wire/server.js';

/** What a process asks for, and tells. */
export interface RuntimeClient {
  /** It waits for an invocation: answer this when there is one. */
  next(answer: ServerResponse): void;
  response(requestId: string, payload: string): void;
  failure(requestId: string, error: string): void;
  initFailure(error: string): void;
}

const MAX_PAYLOAD = 8 * 1024 * 1024;

/** Lambda's Runtime API for all processes; each has a path of its own, which others can't guess. */
export class RuntimeApi {
  readonly #server: Server;
  readonly #clients = new Map<string, RuntimeClient>();
  #address = '';

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    // A process may wait for its next invocation for as long as the rehearsal lasts.
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = 1_000;
  }

  static async start(): Promise<RuntimeApi> {
    const api = new RuntimeApi();
    await listen(api.#server, '127.0.0.1', 0);
    api.#address = `127.0.0.1:${(api.#server.address() as AddressInfo).port}`;
    return api;
  }

  /** `AWS_LAMBDA_RUNTIME_API` of a new process, and how to end its access. */
  admit(client: RuntimeClient): { readonly address: string; readonly dismiss: () => void } {
    const token = randomBytes(16).toString('hex');
    this.#clients.set(token, client);
    return { address: `${this.#address}/${token}`, dismiss: () => void this.#clients.delete(token) };
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const match =
      /^\/([0-9a-f]{32})\/2018-06-01\/runtime\/(?:(init)\/error|invocation\/(next|([\w-]+)\/(response|error)))$/.exec(
        request.url ?? '',
      );
    const client = this.#clients.get(match?.[1] ?? '');
    if (match === null || client === undefined) {
      response.writeHead(404).end();
      return;
    }
    if (match[3] === 'next') {
      client.next(response);
      return;
    }
    const body = (await readBody(request, MAX_PAYLOAD)).toString('utf8');
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
    if (match[2] === 'init') client.initFailure(body);
    else if (match[5] === 'response') client.response(match[4] ?? '', body);
    else client.failure(match[4] ?? '', body);
  }
}
