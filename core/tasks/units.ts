/** Amounts as people write them. Each reader answers with the number, or with what is wrong as the end of a sentence. */
import { show } from '../show.js';
import { type WallMs, wallMs } from '../time.js';

/** A value that can't be read; `what` goes on after the field's name: "must be ...". */
export interface Unreadable {
  readonly what: string;
}

const MIB: Readonly<Record<string, number>> = {
  MiB: 1,
  GiB: 1_024,
  TiB: 1_048_576,
  MB: 1e6 / 1_048_576,
  GB: 1e9 / 1_048_576,
  TB: 1e12 / 1_048_576,
};

/** `4GiB`, `512MiB`, `16GB`, or a whole number of MiB. Parts of a MiB are rounded up. */
export function readMiB(value: unknown): number | Unreadable {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  const found = typeof value === 'string' ? /^(\d{1,9}(?:\.\d{1,6})?) ?([MGT]i?B)$/.exec(value.trim()) : null;
  const unit = MIB[found?.[2] ?? ''];
  if (found === null || unit === undefined) {
    return { what: `must be a size such as "4GiB", "512MiB" or a whole number of MiB, not ${show(value)}` };
  }
  return Math.ceil(Number(found[1]) * unit);
}

const MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  min: 60_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `90s`, `2h`, `1h30m`, `1.5h`; a bare number would leave its unit to be guessed. In whole ms. */
export function readDuration(value: unknown): number | Unreadable {
  const what = `must be a time such as "90s", "15m", "2h" or "1h30m", not ${show(value)}`;
  if (typeof value !== 'string' || !/^(\d{1,9}(\.\d{1,6})?(ms|s|min|m|h|d) ?){1,5}$/.test(value.trim()))
    return { what };
  let ms = 0;
  for (const [, number, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|min|m|h|d)/g)) {
    ms += Number(number) * (MS[unit ?? ''] ?? 0);
  }
  return Math.round(ms);
}

/** With the zone: without one it would mean another moment on another machine. */
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/;

/** A moment, `2026-11-24T10:00Z`, or a time from now, `12h`. */
export function readMoment(value: unknown, nowMs: WallMs): WallMs | Unreadable {
  if (typeof value === 'string' && MOMENT.test(value)) {
    const ms = Date.parse(value);
    if (Number.isFinite(ms)) return wallMs(ms);
  }
  const fromNow = readDuration(value);
  if (typeof fromNow === 'number') return wallMs(nowMs + fromNow);
  return {
    what: `must be a moment with its zone such as "2026-11-24T10:00Z", or a time from now such as "12h", not ${show(value)}`,
  };
}

/** The known word that a mistyped one is nearest to (Levenshtein distance); null: none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const far = distance(word.slice(0, 40).toLowerCase(), candidate.toLowerCase());
    if (far < least) [best, least] = [candidate, far];
  }
  return best;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
