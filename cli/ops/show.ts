/** Words and numbers as the operations commands show them. */

/** `1 seat`, `3 seats`. */
export const countText = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** Two units at most: `45s`, `3m`, `2h 5m`, `4d 3h`. */
export function elapsedText(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1_000));
  if (s < 60) return `${s}s`;
  if (s < 3_600) return `${Math.floor(s / 60)}m`;
  if (s < 86_400) return pair(Math.floor(s / 3_600), 'h', Math.floor((s % 3_600) / 60), 'm');
  return pair(Math.floor(s / 86_400), 'd', Math.floor((s % 86_400) / 3_600), 'h');
}

const pair = (a: number, unitA: string, b: number, unitB: string): string =>
  b === 0 ? `${a}${unitA}` : `${a}${unitA} ${b}${unitB}`;

/** `3.2 s`, `0.114 s`: of steps that take seconds. */
export const secondsText = (ms: number): string =>
  `${Math.abs(ms) < 1_000 ? (ms / 1_000).toFixed(2) : (ms / 1_000).toFixed(1)} s`;

/** `2026-01-17 10:30:00` in UTC. */
export const timeText = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

/** `$0.0345`; four digits, since spot prices have as many; more where there would be zeros only. */
export function usdText(usd: number): string {
  if (usd === 0) return '$0';
  if (Math.abs(usd) >= 100) return `$${usd.toFixed(2)}`;
  return `$${usd.toFixed(Math.abs(usd) >= 0.0001 ? 4 : 7)}`;
}

/** A zone without its region: `1a` of us-east-1a; a local zone stays whole. */
export function shortZone(zone: string, region: string): string {
  return zone.startsWith(region) && zone.length === region.length + 1 ? zone.slice(region.lastIndexOf('-') + 1) : zone;
}

/** Text in lines of `width` columns at most, broken at blanks, but not between a number and its `s`; the first begins with `head`, the others with as many blanks. */
export function wrap(text: string, width: number, head = ''): string[] {
  const indent = ' '.repeat(head.length);
  const lines: string[] = [];
  let line = head;
  let empty = true;
  for (const word of text.split(/(?<!\d(?= s\b)) /)) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}
