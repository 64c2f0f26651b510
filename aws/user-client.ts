/** What clients of somebody with an AWS account share; agents and Lambdas have their own (client.ts). */

/** A request that doesn't connect, or isn't answered, within these many ms is tried again. */
const CONNECT_MS = 5_000;
const ANSWER_MS = 30_000;
const ATTEMPTS = 4;
const MAX_SOCKETS = 16;

/** Nobody checks keys at a local cloud. */
export const LOCAL_KEYS = { accessKeyId: 'rehearsal', secretAccessKey: 'rehearsal' };

export interface UserAccess {
  readonly region: string;
  /** Null: AWS's own addresses. */
  readonly endpoint: string | null;
  /** Null: none was named. */
  readonly profile: string | null;
  /** Null: as the SDK's chain finds them. */
  readonly keys: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  } | null;
}

export function userClientOptions({ region, endpoint, profile, keys }: UserAccess) {
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  return {
    region,
    maxAttempts: ATTEMPTS,
    defaultsMode: 'standard' as const,
    customUserAgent: [['synkti', '0']] as [string, string][],
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: ANSWER_MS,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
    ...(profile === null ? {} : { profile }),
    ...(keys === null ? {} : { credentials: keys }),
    ...(endpoint === null ? {} : { endpoint }),
  };
}

/** Buckets of a local cloud have no names in DNS. */
export const userS3Options = ({ endpoint }: Pick<UserAccess, 'endpoint'>) =>
  ({
    forcePathStyle: endpoint !== null,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  }) as const;
