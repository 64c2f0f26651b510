import { randomUUID } from 'node:crypto';
import type { WireResponse } from '../wire/service.js';
import { writeXml, type XmlObject } from '../wire/xml.js';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** A successful answer of S3. */
export function xmlResponse(root: string, content: XmlObject): WireResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/xml', 'x-amz-request-id': randomUUID() },
    body: writeXml({ [root]: { '@xmlns': NAMESPACE, ...content } }),
  };
}

/** A key as `encoding-type=url` wants it: percent-encoded, slashes left as they are. */
export const urlEncoded = (key: string): string => encodeURIComponent(key).replaceAll('%2F', '/');
