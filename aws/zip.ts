/**
 * Zip files, as far as assets need them: files, deflated or stored, without encryption and below 4 GiB. Sizes and
 * offsets are those of APPNOTE.TXT 6.3.10, 4.3.
 */
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

export interface ZipEntry {
  /** Relative, with `/`. */
  readonly path: string;
  readonly bytes: Buffer;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_LENGTH = 22;
const MAX_COMMENT = 65_535;
/** Names are UTF-8. */
const UTF8 = 0x0800;
/** 1980-01-01: the same content makes the same file. */
const DATE = 0x21;
const MAX_BYTES = 512 * 1024 * 1024;

export function zip(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { path, bytes } of entries) {
    const name = Buffer.from(path, 'utf8');
    const packed = deflateRawSync(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(UTF8, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt16LE(DATE, 8);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    parts.push(uint32(LOCAL), common, name, packed);
    const where = Buffer.alloc(14);
    // Regular file, readable and executable by all.
    where.writeUInt32LE(((0o100755 << 16) >>> 0) as number, 6);
    where.writeUInt32LE(offset, 10);
    directory.push(uint32(CENTRAL), Buffer.from([20, 3]), common, where, name);
    offset += 30 + name.length + packed.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(END_LENGTH);
  end.writeUInt32LE(END, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

/** Files of a zip. @throws RangeError when it isn't one, or a path leads out of it */
export function unzip(file: Buffer): ZipEntry[] {
  const end = endOf(file);
  const entries: ZipEntry[] = [];
  let at = file.readUInt32LE(end + 16);
  let total = 0;
  for (let left = file.readUInt16LE(end + 10); left > 0; left--) {
    if (file.readUInt32LE(at) !== CENTRAL) throw new RangeError('its directory is broken');
    const method = file.readUInt16LE(at + 10);
    const packedSize = file.readUInt32LE(at + 20);
    const size = file.readUInt32LE(at + 24);
    const nameLength = file.readUInt16LE(at + 28);
    const start = file.readUInt32LE(at + 42);
    const path = file.toString('utf8', at + 46, at + 46 + nameLength);
    at += 46 + nameLength + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
    if (path.endsWith('/')) continue;
    if (path.startsWith('/') || path.includes('\\') || path.split('/').includes('..')) {
      throw new RangeError(`the path ${path.slice(0, 100)} leads out of it`);
    }
    total += size;
    if (total > MAX_BYTES) throw new RangeError(`it holds more than ${MAX_BYTES} bytes`);
    const data = start + 30 + file.readUInt16LE(start + 26) + file.readUInt16LE(start + 28);
    const packed = file.subarray(data, data + packedSize);
    if (method !== 0 && method !== 8) throw new RangeError(`${path} is packed by method ${method}`);
    const bytes = method === 0 ? Buffer.from(packed) : inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) });
    entries.push({ path, bytes });
  }
  return entries;
}

function endOf(file: Buffer): number {
  const first = Math.max(0, file.length - END_LENGTH - MAX_COMMENT);
  for (let at = file.length - END_LENGTH; at >= first; at--) if (file.readUInt32LE(at) === END) return at;
  throw new RangeError('it is no zip file');
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
