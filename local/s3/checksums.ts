import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Checksum algorithms of S3, by the suffix of their `x-amz-checksum-...` headers. */
export const CHECKSUM_ALGORITHMS = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64; with `-N` of a multipart upload's N parts. */
  readonly value: string;
  readonly type: 'FULL_OBJECT' | 'COMPOSITE';
}

export function checksumOf(algorithm: ChecksumAlgorithm, data: Buffer): Buffer {
  switch (algorithm) {
    case 'crc32':
      return uint32(crc32(data));
    case 'crc32c':
      return uint32(crc32c(data));
    case 'crc64nvme':
      return crc64nvme(data);
    case 'sha1':
    case 'sha256':
      return createHash(algorithm).update(data).digest();
  }
}

/** A checksum of the parts' checksums, as multipart uploads have them. */
export function compositeChecksum(algorithm: ChecksumAlgorithm, parts: readonly string[]): Checksum {
  const all = Buffer.concat(parts.map((part) => Buffer.from(part, 'base64')));
  const value = `${checksumOf(algorithm, all).toString('base64')}-${parts.length}`;
  return { algorithm, value, type: 'COMPOSITE' };
}

function uint32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value >>> 0);
  return out;
}

/** Castagnoli's polynomial, reflected (RFC 3720, B.4). */
const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

function crc32c(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (CRC32C_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The polynomial of the NVMe specification (Rocksoft model: ad93d23594c93659, reflected), in two halves of 32 bits. */
const CRC64_HIGH = new Uint32Array(256);
const CRC64_LOW = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let high = 0;
  let low = byte;
  for (let bit = 0; bit < 8; bit++) {
    const carry = low & 1;
    low = ((low >>> 1) | (high << 31)) >>> 0;
    high >>>= 1;
    if (carry === 1) {
      high = (high ^ 0x9a6c9329) >>> 0;
      low = (low ^ 0xac4bc9b5) >>> 0;
    }
  }
  CRC64_HIGH[byte] = high;
  CRC64_LOW[byte] = low;
}

function crc64nvme(data: Buffer): Buffer {
  let high = 0xffffffff;
  let low = 0xffffffff;
  for (const byte of data) {
    const index = (low ^ byte) & 0xff;
    const shifted = ((low >>> 8) | (high << 24)) >>> 0;
    low = (shifted ^ (CRC64_LOW[index] ?? 0)) >>> 0;
    high = ((high >>> 8) ^ (CRC64_HIGH[index] ?? 0)) >>> 0;
  }
  return Buffer.concat([uint32(~high), uint32(~low)]);
}
