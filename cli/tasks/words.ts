/** Amounts in the words of the task commands. */

/** `512 MiB`, `13 GiB`, `1.5 GiB`. */
export function showMiB(mib: number): string {
  if (mib < 1_024) return `${mib} MiB`;
  return `${trimmed(mib / 1_024)} GiB`;
}

/** `0 B`, `3.2 MiB`, `1.1 GiB`. */
export function showBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
  let value = bytes;
  for (const unit of units) {
    if (value < 1_024 || unit === 'TiB') return `${trimmed(value)} ${unit}`;
    value /= 1_024;
  }
  return `${bytes} B`;
}

const trimmed = (value: number): string => value.toFixed(value < 10 ? 1 : 0).replace(/\.0$/, '');

/** Two units at most, the larger first: `45s`, `3m 20s`, `2h 5m`, `4d 3h`. */
export function showSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds}s`;
  const pairs: readonly (readonly [number, string, number, string])[] = [
    [86_400, 'd', 3_600, 'h'],
    [3_600, 'h', 60, 'm'],
    [60, 'm', 1, 's'],
  ];
  for (const [large, largeUnit, small, smallUnit] of pairs) {
    if (seconds < large) continue;
    const rest = Math.floor((seconds % large) / small);
    return `${Math.floor(seconds / large)}${largeUnit}${rest === 0 ? '' : ` ${rest}${smallUnit}`}`;
  }
  return `${seconds}s`;
}

/** `2026-11-24 10:00:07`, UTC. */
export const showMoment = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

export const showPercent = (share: number | null): string =>
  share === null ? '-' : `${Math.floor(Math.min(1, share) * 100)}%`;

/** `1 task`, `3 tasks`. */
export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** The first few of many. */
export function several(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** What ended up in a terminal must not steer it: control characters but tab and line feed are shown as `?`. */
export const printable = (text: string): string => text.replace(/[^\P{Cc}\t\n]/gu, '?');

/** Rows under a head, each column as wide as its widest cell; the last one isn't padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
