/** What a listing asks for. */
export interface ListQuery {
  readonly prefix: string;
  /** Empty: none. */
  readonly delimiter: string;
  /** Only what comes after this key or common prefix; empty: from the start. */
  readonly after: string;
  /** Keys and common prefixes together. */
  readonly maxKeys: number;
}

export interface ListPage {
  readonly keys: readonly string[];
  readonly commonPrefixes: readonly string[];
  /** The last key or common prefix of this page, when there is more. */
  readonly next: string | null;
}

/** One page of a listing; `sorted` are the keys in S3's order (of their UTF-8 bytes). */
export function listPage(sorted: readonly string[], query: ListQuery): ListPage {
  const { prefix, delimiter, after, maxKeys } = query;
  const keys: string[] = [];
  const commonPrefixes: string[] = [];
  let last: string | null = null;
  for (let at = firstIndex(sorted, prefix); at < sorted.length; at++) {
    const key = sorted[at] ?? '';
    if (!key.startsWith(prefix)) break;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const entry = cut < 0 ? key : key.slice(0, cut + delimiter.length);
    // What is grouped under a common prefix that was listed before is skipped as a whole.
    if (after !== '' && (compareKeys(key, after) <= 0 || (cut >= 0 && entry === after))) continue;
    if (entry === last) continue;
    if (keys.length + commonPrefixes.length >= maxKeys)
      return { keys, commonPrefixes, next: maxKeys === 0 ? null : last };
    last = entry;
    if (cut < 0) keys.push(key);
    else commonPrefixes.push(entry);
  }
  return { keys, commonPrefixes, next: null };
}

/** S3's order: by UTF-8 bytes, which differs from JavaScript's where surrogates are involved. */
export function compareKeys(a: string, b: string): number {
  const limit = Math.min(a.length, b.length);
  for (let i = 0; i < limit; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const [sx, sy] = [x >= 0xd800 && x <= 0xdfff, y >= 0xd800 && y <= 0xdfff];
    return sx === sy ? x - y : sx ? 1 : -1;
  }
  return a.length - b.length;
}

/** Index of the first key that isn't before `bound`. */
export function firstIndex(sorted: readonly string[], bound: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(sorted[middle] ?? '', bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
