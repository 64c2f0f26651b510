import { UserError } from './user-error.js';

/** Values as people write them on a command line. Each reader names the option in its complaint. */
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `20s`, `1500ms`, `2m`, `1h30m`, `2d` in ms. @throws UserError */
export function readDuration(text: string, option: string, lowMs: number, highMs: number): number {
  const ms = durationMs(text);
  if (ms === null) throw new UserError(`${option} needs a time such as 20s, 1500ms, 2m or 1h30m, not "${text}".`);
  if (ms < lowMs || ms > highMs) {
    throw new UserError(`${option} must be from ${showDuration(lowMs)} to ${showDuration(highMs)}, not "${text}".`);
  }
  return ms;
}

/** Null when the text isn't a time. */
export function durationMs(text: string): number | null {
  if (!/^(\d{1,9}(\.\d{1,3})?(ms|s|m|h|d))+$/.test(text)) return text === '0' ? 0 : null;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    ms += Number(number) * (UNITS_MS[unit ?? ''] ?? 0);
  }
  return Math.round(ms);
}

/** The shortest exact form: `90s`, `1500ms`, `2h`. */
export function showDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const size = UNITS_MS[unit] ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** A whole number. @throws UserError */
export function readWhole(text: string, option: string, low: number, high: number): number {
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw new UserError(`${option} must be a whole number from ${low} to ${high}, not "${text}".`);
}

/** A number, fractions allowed. @throws UserError */
export function readNumber(text: string, option: string, low: number, high: number): number {
  const value = /^-?\d{1,12}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw new UserError(`${option} must be a number from ${low} to ${high}, not "${text}".`);
}

/** `10%` or `0.1` as a share from 0 to `high`. @throws UserError */
export function readShare(text: string, option: string, high = 1): number {
  const match = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (value >= 0 && value <= high) return value;
  throw new UserError(`${option} must be a share from 0% to ${high * 100}%, such as 5%, not "${text}".`);
}
