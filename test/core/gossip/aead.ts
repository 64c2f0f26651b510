import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Aead } from '../../../core/gossip/keyring.js';

const TAG_BYTES = 16;

/** AES-256-GCM of Node, for tests of the envelope. */
export const aesGcm: Aead = {
  seal(key, nonce, plaintext, aad) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    cipher.setAAD(aad);
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  },
  open(key, nonce, ciphertext, aad) {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce);
    const end = ciphertext.length - TAG_BYTES;
    decipher.setAAD(aad);
    decipher.setAuthTag(ciphertext.subarray(end));
    try {
      return Buffer.concat([decipher.update(ciphertext.subarray(0, end)), decipher.final()]);
    } catch {
      return null;
    }
  },
};
