import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MonoMs } from '../../core/time.js';
import type { ImdsFate } from '../unkind/unkind.js';
import { listen } from '../wire/server.js';
import { answerImds, failure, TokenBook } from './answer.js';
import type { Tree } from './view.js';

/** Port of a node's IMDS on its own address; the real one is port 80 of 169.254.169.254, which needs privileges. */
export const IMDS_PORT = 1338;

export interface ImdsOptions {
  readonly host: string;
  readonly port: number;
  /** What it says at the moment; null: switched off. */
  readonly tree: () => Tree | null;
  readonly fate: () => ImdsFate;
  readonly now: () => MonoMs;
  /** Told of every request that was answered. */
  readonly onRequest?: (path: string, status: number) => void;
}

/** The metadata service of one node. */
export class Imds {
  readonly #server: Server;
  readonly #tokens = new TokenBook(() => randomBytes(40).toString('base64url'));
  readonly #timers = new Set<NodeJS.Timeout>();

  private constructor(options: ImdsOptions) {
    this.#server = createServer((request, response) => {
      request.resume();
      const answer = (): void => {
        const { busy } = fate;
        const { status, body, headers } = busy
          ? failure(503, 'Service Unavailable')
          : answerImds(
              { method: request.method ?? 'GET', url: request.url ?? '/', headers: request.headers },
              options.tree(),
              this.#tokens,
              options.now(),
            );
        response.writeHead(status, { 'content-type': 'text/plain', server: 'EC2ws', ...headers });
        response.end(request.method === 'HEAD' ? undefined : body);
        options.onRequest?.((request.url ?? '/').slice(0, 200), status);
      };
      const fate = options.fate();
      if (fate.delayMs === 0) answer();
      else {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          answer();
        }, fate.delayMs);
        this.#timers.add(timer);
      }
    });
  }

  /** Rejects with the system's error (`EADDRINUSE`, ...). */
  static async start(options: ImdsOptions): Promise<Imds> {
    const imds = new Imds(options);
    await listen(imds.#server, options.host, options.port);
    return imds;
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  /** Makes every session token invalid. */
  forgetTokens(): void {
    this.#tokens.clear();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
