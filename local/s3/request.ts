import { createHash } from 'node:crypto';
import { XMLParser } from 'fast-xml-parser';
import type { WireRequest } from '../wire/service.js';
import { CHECKSUM_ALGORITHMS, type Checksum, type ChecksumAlgorithm, checksumOf } from './checksums.js';
import { notImplemented, s3Error } from './errors.js';

/** Where a request goes: bucket and key, both null for the service itself. */
export interface Place {
  readonly bucket: string | null;
  readonly key: string | null;
}

/** @throws AwsError `InvalidURI`, `KeyTooLongError` */
export function placeOf(path: string): Place {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path.replace(/^\//, ''));
  } catch {
    throw s3Error('InvalidURI', "Couldn't parse the specified URI.");
  }
  if (decoded === '') return { bucket: null, key: null };
  const slash = decoded.indexOf('/');
  const bucket = slash < 0 ? decoded : decoded.slice(0, slash);
  const key = slash < 0 ? '' : decoded.slice(slash + 1);
  if (Buffer.byteLength(key) > 1024) throw s3Error('KeyTooLongError', 'Your key is too long');
  return { bucket, key: key === '' ? null : key };
}

/** Headers kept with an object and returned with it. */
const KEPT: readonly string[] = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];

/** Headers whose effect isn't emulated: ignoring them would change a request's meaning. */
const REFUSED: readonly string[] = [
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-server-side-encryption-customer-algorithm',
  'x-amz-tagging',
  'x-amz-website-redirect-location',
  'x-amz-write-offset-bytes',
];

type Headers = Readonly<Record<string, string>>;

export function refuseUnknown(headers: Headers): void {
  const refused = REFUSED.find((name) => headers[name] !== undefined);
  if (refused !== undefined) throw notImplemented(`the header ${refused}`);
  const storageClass = headers['x-amz-storage-class'];
  if (storageClass !== undefined && storageClass !== 'STANDARD') throw notImplemented(`storage class ${storageClass}`);
}

/** What is kept of a write's headers. @throws AwsError `MetadataTooLarge` */
export function keptHeaders(headers: Headers): Record<string, string> {
  const kept: Record<string, string> = {};
  let metadata = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('x-amz-meta-')) {
      metadata += name.length - 'x-amz-meta-'.length + Buffer.byteLength(value);
      kept[name] = value;
    } else if (KEPT.includes(name)) kept[name] = value;
  }
  if (metadata > 2048)
    throw s3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size');
  kept['content-type'] ??= 'binary/octet-stream';
  return kept;
}

/** The checksum that a request names for its body. @throws AwsError `InvalidRequest` of more than one. */
function namedChecksum(headers: Headers): { algorithm: ChecksumAlgorithm; value: string } | null {
  const named = CHECKSUM_ALGORITHMS.flatMap((algorithm) => {
    const value = headers[`x-amz-checksum-${algorithm}`];
    return value === undefined ? [] : [{ algorithm, value }];
  });
  if (named.length > 1) throw s3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header');
  return named[0] ?? null;
}

/** The algorithm that an upload or a write is to use; null: none is named. */
export function namedAlgorithm(headers: Headers): ChecksumAlgorithm | null {
  const name = (headers['x-amz-checksum-algorithm'] ?? headers['x-amz-sdk-checksum-algorithm'])?.toLowerCase();
  if (name === undefined) return null;
  const found = CHECKSUM_ALGORITHMS.find((one) => one === name);
  if (found === undefined) throw s3Error('InvalidRequest', `Checksum algorithm ${name.slice(0, 40)} is not known`);
  return found;
}

/**
 * Checks a body against every digest that came with it (Content-MD5, checksum header or trailer), and says which
 * checksum it has. S3 computes CRC64NVME where a client names none.
 *
 * @throws AwsError `BadDigest`
 */
export function verifiedChecksum(headers: Headers, body: Buffer): Checksum {
  const md5 = headers['content-md5'];
  if (md5 !== undefined && createHash('md5').update(body).digest('base64') !== md5) {
    throw s3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
  const named = namedChecksum(headers);
  const algorithm = named?.algorithm ?? namedAlgorithm(headers) ?? 'crc64nvme';
  const value = checksumOf(algorithm, body).toString('base64');
  if (named !== null && named.value !== value) {
    throw s3Error('BadDigest', `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`);
  }
  return { algorithm, value, type: 'FULL_OBJECT' };
}

export const checksumHeaders = (checksum: Checksum | null): Record<string, string> =>
  checksum === null
    ? {}
    : { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value, 'x-amz-checksum-type': checksum.type };

/** A number of the query. @throws AwsError `InvalidArgument` */
export function queryInteger(request: WireRequest, name: string, fallback: number, min: number, max: number): number {
  const text = request.query.get(name);
  if (text === null || text === '') return fallback;
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value < min || value > max) {
    throw s3Error('InvalidArgument', `${name} must be an integer between ${min} and ${max}`, {
      ArgumentName: name,
      ArgumentValue: text.slice(0, 40),
    });
  }
  return value;
}

const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  parseTagValue: false,
  trimValues: false,
  isArray: (name) => name === 'Object' || name === 'Part',
});

const MAX_XML = 2 * 1024 * 1024;

/** The root element of a request's XML, as nested records of strings. @throws AwsError `MalformedXML` */
export function parseXml(body: Buffer, root: string): Readonly<Record<string, unknown>> {
  const malformed = (): Error =>
    s3Error(
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema',
    );
  // A DOCTYPE has no place in S3's requests, and entities of one's own are only good for mischief.
  if (body.length > MAX_XML || body.includes('<!DOCTYPE')) throw malformed();
  let parsed: unknown;
  try {
    parsed = parser.parse(body.toString('utf8'));
  } catch {
    throw malformed();
  }
  const element = isRecord(parsed) ? parsed[root] : undefined;
  if (!isRecord(element)) throw malformed();
  return element;
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Records of a repeated element. */
export function records(element: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>>[] {
  const list = element[name];
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

export const textOf = (element: Readonly<Record<string, unknown>>, name: string): string | undefined => {
  const value = element[name];
  return typeof value === 'string' ? value : undefined;
};
