import { describe, expect, it } from 'vitest';
import { CHECKSUM_ALGORITHMS, checksumOf, compositeChecksum } from '../../../local/s3/checksums.js';

describe('checksums', () => {
  it('have the check values that their definitions give for "123456789"', () => {
    const data = Buffer.from('123456789');
    const hex = Object.fromEntries(CHECKSUM_ALGORITHMS.map((name) => [name, checksumOf(name, data).toString('hex')]));
    expect(hex).toEqual({
      crc32: 'cbf43926',
      crc32c: 'e3069283',
      crc64nvme: 'ae8b14860a799888',
      sha1: 'f7c3bc1d808e04732adf679965ccc34ca7ae3441',
      sha256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
    });
  });

  it('of an upload cover the checksums of its parts', () => {
    const part = checksumOf('crc32', Buffer.from('a')).toString('base64');
    const composite = compositeChecksum('crc32', [part, part]);
    const both = Buffer.concat([Buffer.from(part, 'base64'), Buffer.from(part, 'base64')]);
    expect(composite.value).toBe(`${checksumOf('crc32', both).toString('base64')}-2`);
  });
});
