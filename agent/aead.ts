import { createCipheriv, createDecipheriv } from 'node:crypto';

/** AES-256-GCM by node:crypto, for core/gossip/keyring.ts, which has no cipher of its own. The tag follows the text. */
const TAG_BYTES = 16;

export const aes256Gcm = {
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Uint8Array {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(aad);
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  },

  /** Null when it isn't authentic. */
  open(key: Uint8Array, nonce: Uint8Array, ciphertext: Uint8Array, aad: Uint8Array): Uint8Array | null {
    const end = ciphertext.length - TAG_BYTES;
    if (end < 0) return null;
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(aad);
      decipher.setAuthTag(ciphertext.subarray(end));
      return Buffer.concat([decipher.update(ciphertext.subarray(0, end)), decipher.final()]);
    } catch {
      return null;
    }
  },
};
