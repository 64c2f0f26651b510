import { type Agent, type IncomingMessage, request } from 'node:http';

/** One HTTP request with bounds on time and size; never throws. For IMDS, health checks and the Docker engine. */
export interface HttpRequest {
  readonly host?: string;
  readonly port?: number;
  /** Instead of host and port. */
  readonly socketPath?: string;
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** From the start to the end of the answer. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
  /** The answer's body as it comes, instead of in `body`; `maxBytes` doesn't count then. */
  readonly onData?: (chunk: Buffer) => void;
}

export interface HttpAnswer {
  /** 0: no whole answer; `problem` says why. */
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly problem: string | null;
}

export function exchange(options: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve) => {
    const done = (status: number, headers: IncomingMessage['headers'], body: string, problem: string | null) => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      resolve({ status, headers, body, problem });
    };
    const fail = (problem: string) => {
      done(0, {}, '', problem);
      outgoing.destroy();
    };
    const { method = 'GET', body } = options;
    const outgoing = request(
      {
        method,
        path: options.path,
        ...(options.socketPath === undefined
          ? { host: options.host ?? '127.0.0.1', port: options.port ?? 80 }
          : { socketPath: options.socketPath, host: 'localhost' }),
        ...(options.agent === undefined ? {} : { agent: options.agent }),
        headers: {
          ...options.headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(method === 'GET' ? {} : { 'content-length': Buffer.byteLength(body ?? '') }),
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        let size = 0;
        incoming.on('data', (chunk: Buffer) => {
          if (options.onData !== undefined) {
            options.onData(chunk);
            return;
          }
          size += chunk.length;
          if (size > options.maxBytes) fail(`answer longer than ${options.maxBytes} bytes`);
          else chunks.push(chunk);
        });
        incoming.on('end', () =>
          done(incoming.statusCode ?? 0, incoming.headers, Buffer.concat(chunks).toString('utf8'), null),
        );
        incoming.on('error', (error) => fail(error.message));
        incoming.on('close', () => fail('the connection was cut'));
      },
    );
    const onAbort = () => fail('it was given up');
    options.signal?.addEventListener('abort', onAbort);
    if (options.signal?.aborted) setImmediate(onAbort);
    const timer = setTimeout(() => fail(`no answer within ${options.timeoutMs} ms`), options.timeoutMs);
    outgoing.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    outgoing.end(body);
  });
}
