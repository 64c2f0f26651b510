import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys, listPage } from '../../../local/s3/listing.js';

const key = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é', '\u{1f600}', '\uffee'), minLength: 1, maxLength: 6 });
const keys = fc.uniqueArray(key, { maxLength: 40 }).map((all) => all.sort(compareKeys));

/** All entries in order, the slow and plain way. */
function everything(sorted: readonly string[], prefix: string, delimiter: string): string[] {
  const entries = sorted
    .filter((one) => one.startsWith(prefix))
    .map((one) => {
      const cut = delimiter === '' ? -1 : one.indexOf(delimiter, prefix.length);
      return cut < 0 ? one : one.slice(0, cut + delimiter.length);
    });
  return [...new Set(entries)];
}

describe('listing', () => {
  it('orders keys by their UTF-8 bytes', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('pages through exactly what is there, in order, whatever the page size', () => {
    fc.assert(
      fc.property(
        keys,
        fc.constantFrom('', 'a', 'a/', '/'),
        fc.constantFrom('', '/', 'b'),
        fc.integer({ min: 1, max: 7 }),
        (sorted, prefix, delimiter, maxKeys) => {
          const seen: string[] = [];
          let after = '';
          for (let pages = 0; pages <= sorted.length; pages++) {
            const page = listPage(sorted, { prefix, delimiter, after, maxKeys });
            const entries = [...page.keys, ...page.commonPrefixes].sort(compareKeys);
            expect(entries.length).toBeLessThanOrEqual(maxKeys);
            seen.push(...entries);
            if (page.next === null) break;
            expect(page.next).toBe(entries.at(-1));
            after = page.next;
          }
          expect(seen).toEqual(everything(sorted, prefix, delimiter));
        },
      ),
    );
  });

  it('shows a common prefix when start-after lies inside of it', () => {
    const sorted = ['a/1', 'a/2', 'b'];
    const page = listPage(sorted, { prefix: '', delimiter: '/', after: 'a/1', maxKeys: 10 });
    expect(page).toEqual({ keys: ['b'], commonPrefixes: ['a/'], next: null });
  });

  it('gives nothing, and no end, for max-keys 0', () => {
    expect(listPage(['a'], { prefix: '', delimiter: '', after: '', maxKeys: 0 }).next).toBeNull();
  });
});
