/**
 * Colours that people without full colour vision tell apart (M. Okabe and K. Ito, "Color Universal Design", 2008),
 * always together with a second sign: a pattern, a symbol or a label.
 */
export const COLOURS = {
  blue: '#0072B2',
  orange: '#E69F00',
  green: '#009E73',
  vermilion: '#D55E00',
  sky: '#56B4E9',
  purple: '#CC79A7',
  grey: '#7f7f7f',
} as const;

export const SERIES = [
  COLOURS.blue,
  COLOURS.orange,
  COLOURS.green,
  COLOURS.vermilion,
  COLOURS.sky,
  COLOURS.purple,
  COLOURS.grey,
] as const;

export const PATTERNS = ['', '/', 'x', '.', '\\', '-', '+'] as const;
export const SYMBOLS = ['circle', 'square', 'diamond', 'triangle-up', 'cross', 'star', 'hexagon', 'x'] as const;
export const DASHES = ['solid', 'dash', 'dot', 'dashdot', 'longdash'] as const;

/** One element of a short list, round and round. */
export const nth = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;
