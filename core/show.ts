/** Longest piece of a text that is shown. */
const MAX_SHOWN = 60;

/**
 * A value from outside, for a sentence that complains of it: short, on one line, and never deeper than its surface,
 * since writing a deeply nested one out would overflow the stack.
 */
export function show(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'string') return shortened(JSON.stringify(value.slice(0, MAX_SHOWN + 1)));
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return shortened(String(value));
}

const shortened = (text: string): string => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 3)}...` : text);
