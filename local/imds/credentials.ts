import type { WallMs } from '../../core/time.js';
import { AwsError } from '../wire/error.js';
import type { Principal } from '../wire/service.js';

export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly token: string;
  readonly issuedMs: WallMs;
  readonly expiresMs: WallMs;
}

/** EC2 has new credentials ready at least this long before the old ones expire. */
const ROTATE_BEFORE_MS = 5 * 60_000;
const MAX_KEYS = 50_000;

/** Issues role credentials to nodes and functions, rotates them, and knows them again at the endpoint. */
export class CredentialIssuer {
  readonly #lifetimeMs: number;
  readonly #random: (bytes: number) => Buffer;
  readonly #current = new Map<string, RoleCredentials>();
  readonly #keys = new Map<string, { credentials: RoleCredentials; principal: Principal }>();

  /** Default lifetime: 6 h, as EC2's. */
  constructor(options: { readonly random: (bytes: number) => Buffer; readonly lifetimeMs?: number }) {
    this.#random = options.random;
    this.#lifetimeMs = options.lifetimeMs ?? 6 * 3_600_000;
  }

  credentialsOf(instanceId: string, roleArn: string, now: WallMs): RoleCredentials {
    return this.issue(instanceId, { kind: 'node', instanceId, roleArn }, now);
  }

  /** `holder`: who keeps the credentials; asked again, it gets the same until they are to be rotated. */
  issue(holder: string, principal: Principal, now: WallMs): RoleCredentials {
    const known = this.#current.get(holder);
    const rotateBefore = Math.min(ROTATE_BEFORE_MS, this.#lifetimeMs / 2);
    if (known !== undefined && now < known.expiresMs - rotateBefore) return known;
    const credentials: RoleCredentials = {
      accessKeyId: `ASIA${this.#random(10).toString('hex').toUpperCase().slice(0, 16)}`,
      secretAccessKey: this.#random(30).toString('base64'),
      token: this.#random(120).toString('base64'),
      issuedMs: now,
      expiresMs: (now + this.#lifetimeMs) as WallMs,
    };
    this.#current.set(holder, credentials);
    this.#keys.set(credentials.accessKeyId, { credentials, principal });
    for (const key of this.#keys.keys()) {
      if (this.#keys.size <= MAX_KEYS) break;
      this.#keys.delete(key);
    }
    return credentials;
  }

  /** A holder that ended: its keys stay known until they expire, as in AWS. */
  forget(holder: string): void {
    this.#current.delete(holder);
  }

  /** Null for a key that wasn't issued here. @throws AwsError for one that expired or came without its token. */
  principalOf(accessKeyId: string, sessionToken: string | null, now: WallMs): Principal | null {
    const known = this.#keys.get(accessKeyId);
    if (known === undefined) return null;
    if (sessionToken !== known.credentials.token) {
      throw new AwsError('InvalidClientTokenId', 'The security token included in the request is invalid', 403);
    }
    if (now >= known.credentials.expiresMs) {
      throw new AwsError('ExpiredToken', 'The security token included in the request is expired', 400);
    }
    return known.principal;
  }
}
