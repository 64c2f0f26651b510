import { isIPv4 } from 'node:net';
import type { Credentials } from '../aws/client.js';
import type { LogLevel } from '../core/node/port.js';
import { parseHttpAddress } from './http.js';
import { LOG_LEVELS } from './log.js';

/** What the environment says; everything else comes from the instance's tags and the spec. */
export interface Config {
  /** SYNKTI_BIND_ADDRESS: where gossip and workloads listen. Default 0.0.0.0. */
  readonly bindAddress: string;
  /** SYNKTI_STATE_DIR: logs of workloads, notes for the next start. Default /var/lib/synkti. */
  readonly stateDir: string;
  /** SYNKTI_HTTP: `host:port` of the agent's own pages, loopback only. Default 127.0.0.1:7947, or a loopback bind address. */
  readonly http: { readonly host: string; readonly port: number };
  /** SYNKTI_KEEP_INSTANCE: anything but empty, 0 and false leaves the machine running when the agent ends. */
  readonly keepInstance: boolean;
  /** SYNKTI_LOG_LEVEL: debug, info, warn or error. Default info. */
  readonly logLevel: LogLevel;
  /** AWS_EC2_METADATA_SERVICE_ENDPOINT. Default: the SDK's. */
  readonly imdsEndpoint: string | null;
  /** AWS_REGION. Default: the instance's. */
  readonly region: string | null;
  /** AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. Default: the instance's role. */
  readonly credentials: Credentials | null;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  /** One sentence: what, where, what to do. */
  | { readonly ok: false; readonly problem: string };

export const DEFAULT_HTTP_PORT = 7947;
export const DEFAULT_STATE_DIR = '/var/lib/synkti';

export function readConfig(env: Readonly<Record<string, string | undefined>>): ConfigResult {
  const bindAddress = env.SYNKTI_BIND_ADDRESS ?? '0.0.0.0';
  if (!isIPv4(bindAddress)) return problem('SYNKTI_BIND_ADDRESS', bindAddress, 'an IPv4 address');
  const ownHost = bindAddress.startsWith('127.') ? bindAddress : '127.0.0.1';
  const http = parseHttpAddress(env.SYNKTI_HTTP ?? `${ownHost}:${DEFAULT_HTTP_PORT}`);
  if (http === null) return problem('SYNKTI_HTTP', env.SYNKTI_HTTP, 'host:port with a loopback host');
  const logLevel = LOG_LEVELS.find((level) => level === (env.SYNKTI_LOG_LEVEL ?? 'info'));
  if (logLevel === undefined)
    return problem('SYNKTI_LOG_LEVEL', env.SYNKTI_LOG_LEVEL, `one of ${LOG_LEVELS.join(', ')}`);
  const imdsEndpoint = env.AWS_EC2_METADATA_SERVICE_ENDPOINT ?? null;
  if (imdsEndpoint !== null && !isHttpUrl(imdsEndpoint)) {
    return problem('AWS_EC2_METADATA_SERVICE_ENDPOINT', imdsEndpoint, 'an http:// address');
  }
  return {
    ok: true,
    config: {
      bindAddress,
      stateDir: env.SYNKTI_STATE_DIR ?? DEFAULT_STATE_DIR,
      http,
      keepInstance: !['', '0', 'false'].includes(env.SYNKTI_KEEP_INSTANCE ?? ''),
      logLevel,
      imdsEndpoint,
      region: env.AWS_REGION ?? null,
      credentials: credentialsOf(env),
    },
  };
}

function problem(name: string, value: string | undefined, wanted: string): ConfigResult {
  return { ok: false, problem: `${name} is ${JSON.stringify(value ?? '')}, but must be ${wanted}` };
}

function credentialsOf(env: Readonly<Record<string, string | undefined>>): Credentials | null {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env;
  if (!accessKeyId || !secretAccessKey) return null;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

function isHttpUrl(text: string): boolean {
  try {
    return new URL(text).protocol === 'http:';
  } catch {
    return false;
  }
}
