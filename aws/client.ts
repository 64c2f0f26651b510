/** What all SDK clients share: few sockets, short waits, one source of credentials, next to no retries of their own. */

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** The SDK asks again shortly before this. */
  readonly expiration?: Date;
}

export interface ClientConfig {
  readonly region: string;
  /** Default: the SDK's own chain (environment, files, container, IMDS). */
  readonly credentials?: () => Promise<Credentials>;
  /** All services at one address, for tests. Default: AWS's addresses, or `AWS_ENDPOINT_URL` and its kin. */
  readonly endpoint?: string;
}

/** A request that doesn't connect within this many ms has no answer. */
const CONNECT_TIMEOUT_MS = 2_000;
/** Sockets that idle longer than this are closed, in ms. */
const IDLE_SOCKET_MS = 15_000;
const MAX_SOCKETS = 4;

/**
 * Options for a client's constructor.
 *
 * `maxAttempts` counts the first attempt. Raising it hides throttling from the callers, which back off with jitter, and
 * delays what they do instead.
 */
export function clientOptions(config: ClientConfig, maxAttempts: number, maxSockets = MAX_SOCKETS) {
  const agent = { keepAlive: true, maxSockets, maxFreeSockets: 1, timeout: IDLE_SOCKET_MS };
  return {
    region: config.region,
    maxAttempts,
    defaultsMode: 'standard' as const,
    customUserAgent: [['synkti', '0']] as [string, string][],
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, httpAgent: agent, httpsAgent: agent },
    ...(config.credentials === undefined ? {} : { credentials: config.credentials }),
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
  };
}

/** A value that is made on first use; `current` doesn't make it. */
export interface Lazy<T> {
  get(): T;
  current(): T | null;
}

export function lazy<T>(make: () => T): Lazy<T> {
  let value: T | null = null;
  return {
    get() {
      value ??= make();
      return value;
    },
    current: () => value,
  };
}
