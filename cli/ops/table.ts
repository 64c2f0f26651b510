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
  /** Left out where the table is wider than the terminal: the highest first. Absent: never. */
  readonly spare?: number;
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
  const wanted = columns.filter(
    (column) => (column.from ?? 0) <= width && rows.some((row) => column.value(row) !== ''),
  );
  const shown = fitting(rows, wanted, width);
  const cells = rows.map((row) => shown.map((column) => column.value(row)));
  const widths = shown.map((column) => widthOf(rows, column));
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

function fitting<T>(rows: readonly T[], columns: readonly Column<T>[], width: number): readonly Column<T>[] {
  const widths = new Map(columns.map((column) => [column, widthOf(rows, column)]));
  const spares = columns.filter(({ spare }) => spare !== undefined).sort((a, b) => (b.spare ?? 0) - (a.spare ?? 0));
  let shown = columns;
  const total = (): number => shown.reduce((sum, one) => sum + (widths.get(one) ?? 0) + GAP.length, -GAP.length);
  for (const spare of spares) {
    if (total() <= width) break;
    shown = shown.filter((column) => column !== spare);
  }
  return shown;
}

const widthOf = <T>(rows: readonly T[], { head, value }: Column<T>): number =>
  rows.reduce((most, row) => Math.max(most, value(row).length), head.length);
