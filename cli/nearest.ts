/** "Did you mean": the names that are closest to a mistyped one. */

/** A longer name than this is compared by its start. */
const MAX_LENGTH = 64;

/** At most three of `names` that are close to `wanted`, the closest first; none when nothing is close. */
export function nearest(wanted: string, names: readonly string[]): string[] {
  const most = Math.max(1, Math.floor(Math.max(wanted.length, 3) / 3));
  return names
    .map((name) => ({ name, distance: distanceOf(wanted.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= most || (wanted.length >= 3 && name.includes(wanted)))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Edits (insert, delete, replace, swap of neighbours) from one word to another: optimal string alignment. */
function distanceOf(from: string, to: string): number {
  const a = from.slice(0, MAX_LENGTH);
  const b = to.slice(0, MAX_LENGTH);
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      next.push(least);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

/** ` Did you mean "a" or "b"?`, with its leading blank; empty when nothing is close. */
export function suggestion(wanted: string, names: readonly string[]): string {
  const close = nearest(wanted, names).map((name) => `"${name}"`);
  if (close.length === 0) return '';
  const last = close.pop() ?? '';
  return ` Did you mean ${close.length === 0 ? last : `${close.join(', ')} or ${last}`}?`;
}
