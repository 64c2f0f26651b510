import { randomBytes } from 'node:crypto';
import { buildKeyring, type Keyring, NONCE_BYTES, open, parseKeyring, seal } from '../core/gossip/keyring.js';
import type { Context } from '../core/time.js';
import { aes256Gcm } from './aead.js';
import type { Envelope } from './gossip-socket.js';
import type { Attempt } from './retry.js';

/**
 * The keyring in use. It is read again on a schedule, and when something comes in that is sealed with a key that isn't in
 * the ring: then a rotation is under way, and this node is late.
 */
export interface KeyringHolder {
  readonly envelope: Envelope;
  stop(): void;
}

/** Raising it delays a rotation; each reading is one call to Secrets Manager. */
const REFRESH_MS = 600_000;
/** Unknown keys lead to one reading in so many ms, however many come in: anybody can send garbage. */
const UNKNOWN_KEY_PAUSE_MS = 30_000;

export async function readKeyring(readSecret: () => Promise<Attempt<string>>): Promise<Attempt<Keyring>> {
  const secret = await readSecret();
  if (!secret.ok) return secret;
  const parsed = parseKeyring(secret.value);
  if (!parsed.ok) return { ok: false, problem: parsed.error };
  return { ok: true, value: buildKeyring(parsed.primary, parsed.older, aes256Gcm) };
}

export function holdKeyring(parts: {
  readonly first: Keyring;
  readonly cluster: string;
  readonly clock: () => Context;
  readonly read: () => Promise<Attempt<Keyring>>;
  readonly onProblem: (problem: string) => void;
  readonly onChange: () => void;
}): KeyringHolder {
  const { clock, cluster } = parts;
  let ring = parts.first;
  let readAtMs = Number(clock().nowMs);
  let reading = false;
  let stopped = false;

  async function refresh(): Promise<void> {
    if (reading || stopped) return;
    reading = true;
    readAtMs = clock().nowMs;
    const fresh = await parts.read();
    reading = false;
    if (stopped) return;
    if (!fresh.ok) parts.onProblem(fresh.problem);
    else if (!sameRing(ring, fresh.value)) {
      ring = fresh.value;
      parts.onChange();
    }
  }

  // Not all nodes in the same second.
  const timer = setInterval(() => void refresh(), REFRESH_MS * (0.9 + 0.2 * clock().rng.next()));
  timer.unref();

  return {
    envelope: {
      seal: (plaintext) =>
        seal(ring, randomBytes(NONCE_BYTES), plaintext, { aead: aes256Gcm, cluster, wallMs: clock().wallMs }),
      open(sealed) {
        const { nowMs, wallMs } = clock();
        const opened = open(ring, sealed, { aead: aes256Gcm, cluster, wallMs });
        if (!opened.ok && opened.reason === 'unknown-key' && nowMs - readAtMs >= UNKNOWN_KEY_PAUSE_MS) void refresh();
        return opened;
      },
    },
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}

const sameRing = (a: Keyring, b: Keyring): boolean => ringText(a) === ringText(b);

const ringText = ({ primary, older }: Keyring): string =>
  [primary, ...older].map(({ bytes }) => Buffer.from(bytes).toString('base64')).join(' ');
