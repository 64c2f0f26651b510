import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A Docker engine that keeps containers in a map and answers as the real one does (status codes, error bodies, the
 * stream of a pull). A test can bend single answers.
 */
export interface ScriptedEngine {
  readonly socketPath: string;
  readonly requests: EngineRequest[];
  readonly containers: Map<string, FakeContainer>;
  readonly images: Set<string>;
  /** Looked at before the engine answers by itself. */
  bend: ((request: EngineRequest) => Bent | null) | null;
  close(): Promise<void>;
}

export interface EngineRequest {
  readonly method: string;
  /** Without the version before it. */
  readonly path: string;
  readonly version: string | null;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
}

export type Bent = { readonly status: number; readonly body: string } | 'cut' | 'silence';

export interface FakeContainer {
  readonly id: string;
  readonly name: string;
  readonly config: Record<string, unknown>;
  running: boolean;
  exitCode: number;
}

export async function startScriptedEngine(apiVersion = '1.47'): Promise<ScriptedEngine> {
  const dir = mkdtempSync(join(tmpdir(), 'synkti-docker-'));
  const socketPath = join(dir, 'docker.sock');
  const requests: EngineRequest[] = [];
  const containers = new Map<string, FakeContainer>();
  const images = new Set<string>();
  let lastId = 0;

  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', 'http://localhost');
      const match = /^(?:\/v([\d.]+))?(\/.*)$/.exec(url.pathname);
      const text = Buffer.concat(chunks).toString();
      const request: EngineRequest = {
        method: incoming.method ?? '',
        path: decodeURIComponent(match?.[2] ?? ''),
        version: match?.[1] ?? null,
        query: url.searchParams,
        body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      };
      requests.push(request);
      const bent = engine.bend?.(request) ?? null;
      if (bent === 'silence') return;
      if (bent === 'cut') response.destroy();
      else if (bent !== null) response.writeHead(bent.status).end(bent.body);
      else answer(request, response);
    });
  });

  function answer({ method, path, query, body }: EngineRequest, response: ServerResponse): void {
    const json = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const missing = (what: string) => json(404, { message: `No such ${what}` });
    if (path === '/_ping') {
      response.writeHead(200, { 'api-version': apiVersion }).end('OK');
      return;
    }
    const image = /^\/images\/(.+)\/json$/.exec(path)?.[1];
    if (image !== undefined) {
      if (images.has(image)) json(200, { Id: 'sha256:1' });
      else missing(`image: ${image}`);
      return;
    }
    if (path === '/images/create') {
      response.writeHead(200);
      response.write('{"status":"Pulling from x"}\n{"status":"Down');
      response.end('loading","progressDetail":{"current":1,"total":2}}\n');
      images.add(`${query.get('fromImage')}:${query.get('tag')}`);
      return;
    }
    if (path === '/containers/json') {
      const { label = [] } = JSON.parse(query.get('filters') ?? '{}') as { label?: string[] };
      const carries = (one: FakeContainer) =>
        label.every((wanted) => {
          const [key = '', value] = wanted.split('=');
          return (one.config.Labels as Record<string, string> | undefined)?.[key] === value;
        });
      json(
        200,
        [...containers.values()].filter(carries).map(({ id }) => ({ Id: id })),
      );
      return;
    }
    if (path === '/containers/create') {
      const name = query.get('name') ?? '';
      if ([...containers.values()].some((one) => one.name === name)) {
        json(409, { message: `Conflict. The container name "/${name}" is already in use` });
        return;
      }
      lastId += 1;
      const id = `c${lastId}`.padEnd(64, '0');
      containers.set(id, { id, name, config: body, running: false, exitCode: 0 });
      json(201, { Id: id, Warnings: [] });
      return;
    }
    const [, key = '', act = ''] = /^\/containers\/([^/]+)\/?(\w*)$/.exec(path) ?? [];
    const container = containers.get(key) ?? [...containers.values()].find(({ name }) => name === key);
    if (container === undefined) {
      missing(`container: ${key}`);
      return;
    }
    switch (`${method} ${act}`) {
      case 'POST start':
        response.writeHead(container.running ? 304 : 204).end();
        container.running = true;
        return;
      case 'POST stop':
        response.writeHead(container.running ? 204 : 304).end();
        container.running = false;
        return;
      case 'POST kill':
        if (!container.running) {
          json(409, { message: 'is not running' });
          return;
        }
        container.running = false;
        container.exitCode = 137;
        response.writeHead(204).end();
        return;
      case 'DELETE ':
        containers.delete(container.id);
        response.writeHead(204).end();
        return;
      case 'GET json':
        json(200, {
          Id: container.id,
          State: { Running: container.running, ExitCode: container.exitCode, Pid: container.running ? process.pid : 0 },
          Config: { Labels: container.config.Labels },
        });
        return;
      case 'GET logs': {
        const line = Buffer.from('last line\n');
        const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, line.length]);
        response.writeHead(200).end(Buffer.concat([head, line]));
        return;
      }
      default:
        json(404, { message: 'page not found' });
    }
  }

  const engine: ScriptedEngine = {
    socketPath,
    requests,
    containers,
    images,
    bend: null,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          rmSync(dir, { recursive: true, force: true });
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return engine;
}
