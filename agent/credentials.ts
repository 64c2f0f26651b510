import type { Credentials } from '../aws/client.js';
import type { Imds } from './imds.js';

/**
 * Role credentials from IMDSv2. The SDK's own provider falls back to version 1 and keeps a client and a back-off of its
 * own; this one shares ours, for all clients.
 */
export function imdsCredentials(imds: Imds, wallMs: () => number): () => Promise<Credentials> {
  let cached: Credentials | null = null;
  let fetching: Promise<Credentials> | null = null;

  const isFresh = (credentials: Credentials | null): credentials is Credentials =>
    credentials !== null && (credentials.expiration?.getTime() ?? 0) - wallMs() > RENEW_BEFORE_MS;

  return () => {
    if (isFresh(cached)) return Promise.resolve(cached);
    fetching ??= fetchCredentials(imds)
      .then((fresh) => {
        cached = fresh;
        return fresh;
      })
      .catch((error: unknown) => {
        // Old ones may still be good for minutes.
        if (cached !== null && (cached.expiration?.getTime() ?? 0) > wallMs()) return cached;
        throw error;
      })
      .finally(() => {
        fetching = null;
      });
    return fetching;
  };
}

/** AWS puts new credentials up at least 5 minutes before the old ones end; the SDK renews as early. */
const RENEW_BEFORE_MS = 300_000;
const ROLE = /^[\w+=,.@-]{1,64}$/;

async function fetchCredentials(imds: Imds): Promise<Credentials> {
  const list = await imds.get('meta-data/iam/security-credentials/');
  const role = list.body.trim().split('\n')[0]?.trim() ?? '';
  if (list.status !== 200 || !ROLE.test(role)) {
    throw new CredentialsProviderError(`IMDS names no role (status ${list.status}): is there an instance profile?`);
  }
  const answer = await imds.get(`meta-data/iam/security-credentials/${role}`);
  const credentials = answer.status === 200 ? parseCredentials(answer.body) : null;
  if (credentials === null) {
    throw new CredentialsProviderError(`IMDS gives no credentials for role ${role} (status ${answer.status})`);
  }
  return credentials;
}

function parseCredentials(body: string): Credentials | null {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(body) as Record<string, unknown>;
  } catch {
    return null;
  }
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = value ?? {};
  const expiration = new Date(String(Expiration));
  if (typeof AccessKeyId !== 'string' || typeof SecretAccessKey !== 'string' || typeof Token !== 'string') return null;
  if (Number.isNaN(expiration.getTime())) return null;
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token, expiration };
}

/** Known to aws/errors.ts: nothing was sent, the same call may work later. */
class CredentialsProviderError extends Error {
  override readonly name = 'CredentialsProviderError';
}
