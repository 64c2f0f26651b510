import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64 } from '../../../core/gossip/base64.js';
import { buildKeyring, FRESH_MS, open, parseKeyring, SEAL_BYTES, seal } from '../../../core/gossip/keyring.js';
import { wallMs } from '../../../core/time.js';
import { aesGcm } from './aead.js';

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const ring = (primary: number, ...older: number[]) => buildKeyring(key(primary), older.map(key), aesGcm);
const nonce = new Uint8Array(12).fill(7);
const at = (ms: number, cluster = 'web') => ({ aead: aesGcm, cluster, wallMs: wallMs(1_767_225_600_000 + ms) });
const text = new Uint8Array([1, 2, 3]);

describe('the sealed envelope', () => {
  it('opens with any key of the ring and adds 39 bytes', () => {
    const envelope = seal(ring(1), nonce, text, at(0));
    expect(envelope.length).toBe(text.length + SEAL_BYTES);
    const opened = open(ring(2, 3, 1), envelope, at(5));
    expect(opened.ok && [...opened.plaintext]).toEqual([1, 2, 3]);
  });

  it('is refused with a reason', () => {
    const envelope = seal(ring(1), nonce, text, at(0));
    expect(open(ring(2), envelope, at(0))).toEqual({ ok: false, reason: 'unknown-key' });
    expect(open(ring(1), envelope, at(0, 'other'))).toEqual({ ok: false, reason: 'forged' });
    expect(open(ring(1), envelope, at(FRESH_MS))).toMatchObject({ ok: true });
    expect(open(ring(1), envelope, at(FRESH_MS + 1))).toEqual({ ok: false, reason: 'stale' });
    expect(open(ring(1), envelope, at(-FRESH_MS - 1))).toEqual({ ok: false, reason: 'stale' });
    expect(open(ring(1), envelope.subarray(0, 38), at(0))).toEqual({ ok: false, reason: 'garbage' });
    expect(open(ring(1), new Uint8Array(0), at(0))).toEqual({ ok: false, reason: 'garbage' });
  });

  it('is refused after any change of any bit, and never throws', () => {
    const envelope = seal(ring(1), nonce, text, at(0));
    fc.assert(
      fc.property(fc.nat(envelope.length * 8 - 1), (bit) => {
        const altered = envelope.slice();
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(open(ring(1), altered, at(0)).ok).toBe(false);
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => !open(ring(1), bytes, at(0)).ok));
  });
});

describe("the keyring's text", () => {
  const encoded = (byte: number): string => Buffer.from(key(byte)).toString('base64');

  it('gives the keys', () => {
    const parsed = parseKeyring(JSON.stringify({ primary: encoded(1), older: [encoded(2)] }));
    expect(parsed).toEqual({ ok: true, primary: key(1), older: [key(2)] });
    expect(parseKeyring(JSON.stringify({ primary: encoded(1) }))).toMatchObject({ ok: true, older: [] });
  });

  it.each([
    ['nonsense', 'is no JSON:'],
    ['[]', 'is no JSON object'],
    ['{}', "'primary' is no base64"],
    [`{"primary":"${encoded(1).slice(0, 20)}"}`, "'primary' is no base64"],
    [`{"primary":"${encoded(1)}","older":"x"}`, "'older' is no list"],
    [`{"primary":"${encoded(1)}","older":["x"]}`, "'older[0]' is no base64"],
    [JSON.stringify({ primary: encoded(1), older: Array(9).fill(encoded(2)) }), 'at most 8'],
  ])('is refused in one sentence: %s', (bad, reason) => {
    const parsed = parseKeyring(bad);
    expect(parsed.ok).toBe(false);
    expect(!parsed.ok && parsed.error).toContain(reason);
    expect(!parsed.ok && parsed.error).not.toContain(encoded(1));
  });

  it('reads base64 as Node does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(fromBase64(Buffer.from(bytes).toString('base64'))).toEqual(new Uint8Array(bytes));
      }),
    );
    for (const bad of ['a', '*bcd', 'ab=c', 'abc==']) expect(fromBase64(bad)).toBeNull();
  });
});
