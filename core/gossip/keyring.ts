import type { WallMs } from '../time.js';
import { fromBase64 } from './base64.js';

/**
 * The sealed envelope around everything that gossip sends, and its keys.
 *
 *     version 2 | key id 4 | sent at 6 (wall clock, ms) | nonce 12 | AES-256-GCM ciphertext | tag 16
 *
 * The 23 bytes before the ciphertext and the cluster's name are authenticated with it, so that an envelope of one
 * cluster is a forgery in another. The primary key seals, all keys open: to rotate, first give everybody the new key as
 * an older one, then make it primary everywhere, then drop the old.
 */
export interface Keyring {
  readonly primary: Key;
  readonly older: readonly Key[];
}

export interface Key {
  /** Names the key on the wire without telling of it. */
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** AES-256-GCM; the host brings it. The tag (16 bytes) follows the ciphertext. */
export interface Aead {
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Uint8Array;
  /** null when it isn't authentic. */
  open(key: Uint8Array, nonce: Uint8Array, ciphertext: Uint8Array, aad: Uint8Array): Uint8Array | null;
}

export interface SealContext {
  readonly aead: Aead;
  readonly cluster: string;
  readonly wallMs: WallMs;
}

/**
 * - garbage: no envelope of this version.
 * - unknown-key: sealed with a key that isn't in the ring: another cluster's, or a rotation that went too fast.
 * - forged: altered, or not sealed for this cluster.
 * - stale: authentic, but sent too long ago, or the clocks differ too much.
 */
export type Refusal = 'garbage' | 'unknown-key' | 'forged' | 'stale';

export type Opened =
  | { readonly ok: true; readonly plaintext: Uint8Array }
  | { readonly ok: false; readonly reason: Refusal };

/** Bytes that sealing adds. */
export const SEAL_BYTES = 39;
/** How old an envelope may be, or how far ahead of this clock, in ms. Raising it: more clock skew borne, longer replays. */
export const FRESH_MS = 120_000;
export const NONCE_BYTES = 12;
/** Old keys kept at most. */
export const OLDER_KEYS_MAX = 8;

/** Grows with every change of what is inside: nodes of two formats don't understand each other at all. */
const VERSION = 2;
const HEAD_BYTES = 23;
const KEY_BYTES = 32;

/** The keys of the secret's text, unchecked no more; or one sentence on what is wrong. */
export type ParsedKeyring =
  | { readonly ok: true; readonly primary: Uint8Array; readonly older: readonly Uint8Array[] }
  | { readonly ok: false; readonly error: string };

/** Reads `{"primary":"<base64 of 32 bytes>","older":["..."]}`; `older` may be missing. Errors never show a key. */
export function parseKeyring(text: string): ParsedKeyring {
  const fail = (error: string): ParsedKeyring => ({ ok: false, error });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('The keyring is no JSON: expected {"primary":"<base64 of 32 bytes>","older":[]}.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fail('The keyring is no JSON object: expected {"primary":"<base64 of 32 bytes>","older":[]}.');
  }
  const { primary, older = [] } = value as { primary?: unknown; older?: unknown };
  const first = parseKey(primary);
  if (first === null) return fail("The keyring's 'primary' is no base64 text of 32 bytes.");
  if (!Array.isArray(older)) return fail("The keyring's 'older' is no list of keys.");
  if (older.length > OLDER_KEYS_MAX) {
    return fail(`The keyring has ${older.length} older keys: drop some, at most ${OLDER_KEYS_MAX} are kept.`);
  }
  const rest: Uint8Array[] = [];
  for (const [at, item] of older.entries()) {
    const key = parseKey(item);
    if (key === null) return fail(`The keyring's 'older[${at}]' is no base64 text of 32 bytes.`);
    rest.push(key);
  }
  return { ok: true, primary: first, older: rest };
}

/** A ring of 32-byte keys, the primary first. */
export function buildKeyring(primary: Uint8Array, older: readonly Uint8Array[], aead: Aead): Keyring {
  return { primary: toKey(primary, aead), older: older.map((bytes) => toKey(bytes, aead)) };
}

/** Seals with the primary key. `nonce`: 12 random bytes, never used before with this key. */
export function seal(ring: Keyring, nonce: Uint8Array, plaintext: Uint8Array, context: SealContext): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setUint8(0, VERSION);
  view.setUint32(1, ring.primary.id);
  view.setUint16(5, Math.floor(context.wallMs / 2 ** 32));
  view.setUint32(7, context.wallMs % 2 ** 32);
  head.set(nonce, 11);
  const sealed = context.aead.seal(ring.primary.bytes, nonce, plaintext, associated(head, context.cluster));
  const envelope = new Uint8Array(HEAD_BYTES + sealed.length);
  envelope.set(head);
  envelope.set(sealed, HEAD_BYTES);
  return envelope;
}

/** Opens with whichever key of the ring it was sealed with. */
export function open(ring: Keyring, envelope: Uint8Array, context: SealContext, freshMs: number = FRESH_MS): Opened {
  const refuse = (reason: Refusal): Opened => ({ ok: false, reason });
  if (envelope.length < SEAL_BYTES || envelope[0] !== VERSION) return refuse('garbage');
  const head = envelope.subarray(0, HEAD_BYTES);
  const view = new DataView(head.buffer, head.byteOffset, HEAD_BYTES);
  const id = view.getUint32(1);
  const keys = [ring.primary, ...ring.older].filter((key) => key.id === id);
  if (keys.length === 0) return refuse('unknown-key');
  const nonce = head.subarray(11);
  const sealed = envelope.subarray(HEAD_BYTES);
  const aad = associated(head, context.cluster);
  for (const key of keys) {
    const plaintext = context.aead.open(key.bytes, nonce, sealed, aad);
    if (plaintext === null) continue;
    const sentMs = view.getUint16(5) * 2 ** 32 + view.getUint32(7);
    return Math.abs(context.wallMs - sentMs) > freshMs ? refuse('stale') : { ok: true, plaintext };
  }
  return refuse('forged');
}

/**
 * A key's id: four bytes of what it makes of nothing, under a nonce that no random one is likely to be. They tell
 * nothing of the key.
 */
function toKey(bytes: Uint8Array, aead: Aead): Key {
  if (bytes.length !== KEY_BYTES) throw new RangeError(`a key of ${bytes.length} bytes, not ${KEY_BYTES}`);
  const none = new Uint8Array(0);
  const tag = aead.seal(bytes, new Uint8Array(NONCE_BYTES), none, none);
  return { id: new DataView(tag.buffer, tag.byteOffset).getUint32(0), bytes };
}

function parseKey(text: unknown): Uint8Array | null {
  const bytes = typeof text === 'string' ? fromBase64(text) : null;
  return bytes?.length === KEY_BYTES ? bytes : null;
}

function associated(head: Uint8Array, cluster: string): Uint8Array {
  const name = new TextEncoder().encode(cluster);
  const aad = new Uint8Array(head.length + name.length);
  aad.set(head);
  aad.set(name, head.length);
  return aad;
}
