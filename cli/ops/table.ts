/** Calm tables: no lines, columns as wide as their content, more of them on a wider terminal. */
import type { Colors } from '../aws/flags.js';

export interface Column<T> {
  readonly head: string;
  readonly value: (row: T) => string;
  /** Colours of a cell, given its text with its padding. */
  readonly style?: (text: string, row: T) => string;
  /** Numbers stand on the right. */
  readonly right?: boolean;
  /** Only on a terminal at least this wide; absent: always. */
  readonly from?: number;
}

const GAP = '  ';
const LEAST_WIDTH = 40;
/** Where nobody says how wide. */
const WIDTH = 80;

export const terminalWidth = (stream: { readonly columns?: number } = process.stdout, env = process.env): number => {
  const told = Number(env.COLUMNS);
  const width = stream.columns || (Number.isSafeInteger(told) && told > 0 ? told : WIDTH);
  return Math.max(LEAST_WIDTH, width);
};

/** Lines, the head first; columns that are empty in every row are left out. */
export function tableLines<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  width: number,
  colors: Colors,
): string[] {
  const shown = columns.filter((column) => (column.from ?? 0) <= width && rows.some((row) => column.value(row) !== ''));
  const cells = rows.map((row) => shown.map((column) => column.value(row)));
  const widths = shown.map(({ head }, i) => Math.max(head.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const pad = (text: string, i: number): string => {
    const last = i === shown.length - 1;
    if (shown[i]?.right === true) return text.padStart(widths[i] ?? 0);
    return last ? text : text.padEnd(widths[i] ?? 0);
  };
  const head = shown.map((column, i) => colors.dim(pad(column.head, i))).join(GAP);
  const lines = rows.map((row, r) =>
    shown
      .map((column, i) => {
        const text = pad(cells[r]?.[i] ?? '', i);
        return column.style === undefined ? text : column.style(text, row);
      })
      .join(GAP)
      .trimEnd(),
  );
  return [head.trimEnd(), ...lines];
}
