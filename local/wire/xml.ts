import { XMLBuilder } from 'fast-xml-parser';

/** What can be written as XML: objects by element name, arrays as repeated elements, undefined left out. */
export type XmlValue = string | number | boolean | Date | undefined | null | XmlObject | readonly XmlValue[];
export interface XmlObject {
  readonly [element: string]: XmlValue;
}

const builder = new XMLBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
  format: false,
});

/** An XML document; attributes are keys that start with `@`. Dates are written as EC2 writes them. */
export function writeXml(document: XmlObject): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build(plain(document))}`;
}

// XML 1.0 can't carry these even as references.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be taken out
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

function plain(value: XmlValue): unknown {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object') {
    const out: Record<string, unknown> = {};
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined || member === null) continue;
      out[key] = plain(member as XmlValue);
    }
    return out;
  }
  return typeof value === 'string' ? value.replace(FORBIDDEN, '\ufffd') : String(value);
}
