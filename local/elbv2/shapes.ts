import { AwsError, invalidValue } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import type { XmlObject, XmlValue } from '../wire/xml.js';

/** A list in awsQuery's XML. */
export const membersXml = (items: readonly XmlValue[]): XmlObject => ({ member: items });

export const attributesXml = (attributes: ReadonlyMap<string, string>): XmlObject =>
  membersXml([...attributes].map(([key, value]) => ({ Key: key, Value: value })));

export const tagsXml = (tags: ReadonlyMap<string, string>): XmlObject =>
  membersXml([...tags].map(([key, value]) => ({ Key: key, Value: value })));

/** `Tags.member.N.Key/Value`: at most 50, as AWS allows. */
export function readTags(params: Params): Map<string, string> {
  const tags = new Map(params.structs('Tags').map((one) => [one.required('Key'), one.string('Value') ?? '']));
  if (tags.size > 50) throw new AwsError('TooManyTags', 'At most 50 tags');
  for (const [key, value] of tags) {
    if (key.length > 128 || value.length > 256) throw new AwsError('ValidationError', 'A tag is too long');
  }
  return tags;
}

/** One page of a list by `PageSize` (1 to 400, which is the default) and `Marker`. */
export function page<T>(params: Params, all: readonly T[]): { items: readonly T[]; nextMarker: string | undefined } {
  const size = params.integer('PageSize', 1, 400) ?? 400;
  const marker = params.string('Marker') ?? '0';
  if (!/^\d{1,6}$/.test(marker)) throw invalidValue('Marker', marker, 'Expected a marker from a former answer.');
  const from = Number(marker);
  const to = from + size;
  return { items: all.slice(from, to), nextMarker: to < all.length ? String(to) : undefined };
}
