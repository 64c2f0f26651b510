import { exchange, type HttpAnswer } from '../http-client.js';

/**
 * The Docker engine's HTTP API on its unix socket: the few calls that the driver makes. See "Docker Engine API" at
 * docs.docker.com/reference/api/engine. A call's answer is `ok` or a problem in one sentence; nothing throws.
 */
export type Reply<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string; readonly status: number };

export interface Container {
  readonly id: string;
  readonly running: boolean;
  readonly exitCode: number | null;
  /** 0 when it doesn't run. */
  readonly pid: number;
  readonly labels: Readonly<Record<string, string>>;
  /** In its own network; empty when it doesn't run, or the engine doesn't say. */
  readonly ip: string;
}

export interface Engine {
  /** Agrees on an API version; to be called first. */
  connect(): Promise<Reply<string>>;
  hasImage(image: string): Promise<Reply<boolean>>;
  pull(image: string, timeoutMs: number, signal: AbortSignal): Promise<Reply<null>>;
  /** Ids of containers that carry the label, running or not. */
  find(label: string): Promise<Reply<readonly string[]>>;
  create(name: string, body: unknown): Promise<Reply<string>>;
  start(id: string): Promise<Reply<null>>;
  /** Null when there is no such container. */
  inspect(id: string): Promise<Reply<Container | null>>;
  /** SIGTERM, then SIGKILL after `graceS`; answers when it is over. */
  stop(id: string, graceS: number): Promise<Reply<null>>;
  /** SIGKILL, or another signal. */
  kill(id: string, signal?: 'SIGUSR1'): Promise<Reply<null>>;
  /** Also of a running one, or of none. */
  remove(id: string): Promise<Reply<null>>;
  /** The last lines of both streams. */
  logs(id: string, lines: number): Promise<Reply<string>>;
}

export const DOCKER_SOCKET = '/var/run/docker.sock';

/** The API version that this code was written to, and the oldest that has all it needs (GPU requests). */
const NEWEST_API = '1.44';
const OLDEST_API = '1.40';
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 4 * 1_024 * 1_024;

export function createEngine(socketPath = DOCKER_SOCKET): Engine {
  let prefix = '';

  async function call<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    read: (answer: HttpAnswer) => T,
    options: {
      body?: unknown;
      timeoutMs?: number;
      also?: readonly number[];
      onData?: (chunk: Buffer) => void;
      signal?: AbortSignal;
    } = {},
  ): Promise<Reply<T>> {
    const answer = await exchange({
      socketPath,
      method,
      path: `${prefix}${path}`,
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.onData === undefined ? {} : { onData: options.onData }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const { status } = answer;
    const good = (status >= 200 && status < 300) || (options.also ?? []).includes(status);
    if (!good) return { ok: false, status, problem: problemOf(answer, method, path) };
    try {
      return { ok: true, value: read(answer) };
    } catch {
      return { ok: false, status, problem: `the Docker engine's answer to ${method} ${path} can't be read` };
    }
  }

  const nothing = () => null;
  const at = (id: string) => `/containers/${encodeURIComponent(id)}`;

  return {
    async connect() {
      prefix = '';
      const pinged = await call('GET', '/_ping', ({ headers }) => String(headers['api-version'] ?? ''));
      if (!pinged.ok) return pinged;
      const version = /^\d+\.\d+$/.test(pinged.value) ? earlierVersion(pinged.value, NEWEST_API) : NEWEST_API;
      if (version !== OLDEST_API && earlierVersion(version, OLDEST_API) === version) {
        return {
          ok: false,
          status: 0,
          problem: `the Docker engine speaks API ${version}, at least ${OLDEST_API} is needed`,
        };
      }
      prefix = `/v${version}`;
      return { ok: true, value: version };
    },

    hasImage: (image) =>
      call(
        'GET',
        `/images/${image.split('/').map(encodeURIComponent).join('/')}/json`,
        ({ status }) => status === 200,
        { also: [404] },
      ),

    async pull(image, timeoutMs, signal) {
      const { name, tag } = splitImage(image);
      const progress = new JsonLines();
      let refusal: string | null = null;
      const query = `fromImage=${encodeURIComponent(name)}&tag=${encodeURIComponent(tag)}`;
      const pulled = await call('POST', `/images/create?${query}`, nothing, {
        timeoutMs,
        signal,
        onData: (chunk) => {
          for (const line of progress.take(chunk)) {
            const { error } = line as { error?: unknown };
            if (typeof error === 'string') refusal = error;
          }
        },
      });
      // A 200 only says that the pull began: what becomes of it stands in the stream.
      if (refusal !== null) return { ok: false, status: 200, problem: `image ${image} can't be pulled: ${refusal}` };
      return pulled;
    },

    find: (label) =>
      call(
        'GET',
        `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`,
        ({ body }) => (JSON.parse(body) as { Id: string }[]).map(({ Id }) => Id),
      ),

    create: (name, body) =>
      call(
        'POST',
        `/containers/create?name=${encodeURIComponent(name)}`,
        (a) => (JSON.parse(a.body) as { Id: string }).Id,
        {
          body,
        },
      ),

    start: (id) => call('POST', `${at(id)}/start`, nothing, { also: [304] }),

    inspect: (id) =>
      call('GET', `${at(id)}/json`, (answer) => (answer.status === 404 ? null : container(answer.body)), {
        also: [404],
      }),

    stop: (id, graceS) =>
      call('POST', `${at(id)}/stop?t=${graceS}`, nothing, { also: [304, 404], timeoutMs: graceS * 1_000 + TIMEOUT_MS }),

    // 409: it doesn't run.
    kill: (id, name) =>
      call('POST', `${at(id)}/kill${name === undefined ? '' : `?signal=${name}`}`, nothing, { also: [404, 409] }),

    // 409: it is being removed already.
    remove: (id) => call('DELETE', `${at(id)}?force=true&v=true`, nothing, { also: [404, 409] }),

    async logs(id, lines) {
      const chunks: Buffer[] = [];
      const reply = await call('GET', `${at(id)}/logs?stdout=true&stderr=true&tail=${lines}`, nothing, {
        onData: (chunk) => {
          chunks.push(chunk);
        },
      });
      return reply.ok ? { ok: true, value: demultiplex(Buffer.concat(chunks)) } : reply;
    },
  };
}

function problemOf({ status, body, problem }: HttpAnswer, method: string, path: string): string {
  if (status === 0) return `the Docker engine doesn't answer ${method} ${path}: ${problem}`;
  let message = body.slice(0, 300);
  try {
    message = String((JSON.parse(body) as { message?: unknown }).message ?? message);
  } catch {
    // Not JSON: as it is.
  }
  return `the Docker engine answers ${method} ${path} with ${status}: ${message}`;
}

function container(body: string): Container {
  const { Id, State, Config, NetworkSettings } = JSON.parse(body) as {
    Id: string;
    State: { Running: boolean; ExitCode: number; Pid: number };
    Config?: { Labels?: Record<string, string> | null };
    NetworkSettings?: { IPAddress?: string; Networks?: Record<string, { IPAddress?: string }> | null };
  };
  return {
    id: Id,
    running: State.Running === true,
    exitCode: State.Running ? null : State.ExitCode,
    pid: State.Pid ?? 0,
    labels: Config?.Labels ?? {},
    ip: Object.values(NetworkSettings?.Networks ?? {})[0]?.IPAddress || NetworkSettings?.IPAddress || '',
  };
}

/** The lower of two `major.minor`. */
function earlierVersion(a: string, b: string): string {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor < bMajor || (aMajor === bMajor && aMinor <= bMinor) ? a : b;
}

/** Name and tag (or digest) of an image; a colon before a slash is a registry's port. */
export function splitImage(image: string): { readonly name: string; readonly tag: string } {
  const digest = image.indexOf('@');
  if (digest >= 0) return { name: image.slice(0, digest), tag: image.slice(digest + 1) };
  const colon = image.lastIndexOf(':');
  if (colon > image.lastIndexOf('/')) return { name: image.slice(0, colon), tag: image.slice(colon + 1) };
  return { name: image, tag: 'latest' };
}

/** Objects, one a line, out of a stream that is cut anywhere. A line that can't be read is left out. */
export class JsonLines {
  #rest = '';

  take(chunk: Buffer): unknown[] {
    const lines = (this.#rest + chunk.toString('utf8')).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, 65_536);
    return lines.flatMap((line) => {
      try {
        const value: unknown = JSON.parse(line);
        return typeof value === 'object' && value !== null ? [value] : [];
      } catch {
        return [];
      }
    });
  }
}

/** Docker's stream of stdout and stderr frames (an 8-byte header before each) as one text. */
export function demultiplex(stream: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= stream.length; ) {
    const size = stream.readUInt32BE(at + 4);
    parts.push(stream.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return Buffer.concat(parts).toString('utf8');
}
