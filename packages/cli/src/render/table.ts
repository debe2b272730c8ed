// SPDX-License-Identifier: Apache-2.0
import type { Paint, Tone } from './style.ts';

export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

/** A row, with lines that follow it unaligned (the batches of a change, a finding). */
export interface Row {
  readonly cells: readonly (Cell | string)[];
  readonly below?: readonly string[];
}

const GAP = '  ';

/** Left-aligned columns under their headings; the last column is never padded. */
export function table(
  headings: readonly string[],
  rows: readonly Row[],
  paint: Paint,
  columns?: number,
): string[] {
  const all = [headings, ...rows.map(({ cells }) => cells.map(textOf))];
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => width(row[column] ?? ''))),
  );
  const render = (cells: readonly (Cell | string)[]): string =>
    alignRow(cells, widths, paint, columns);
  const head = render(headings.map((text) => ({ text, tone: 'dim' })));
  return [head, ...rows.flatMap(({ cells, below = [] }) => [render(cells), ...below])];
}

function alignRow(
  cells: readonly (Cell | string)[],
  widths: readonly number[],
  paint: Paint,
  columns: number | undefined,
): string {
  let used = 0;
  const painted = cells.map((cell, column) => {
    const last = column === cells.length - 1;
    const text = last && columns !== undefined ? cut(textOf(cell), columns - used) : textOf(cell);
    const padding = last ? '' : ' '.repeat((widths[column] ?? 0) - width(text));
    used += (widths[column] ?? 0) + GAP.length;
    return paint(typeof cell === 'string' ? 'plain' : (cell.tone ?? 'plain'), text) + padding;
  });
  return painted.join(GAP).trimEnd();
}

const textOf = (cell: Cell | string): string => (typeof cell === 'string' ? cell : cell.text);

/** Columns that a text takes, as far as names and our symbols go: one per code point. */
export const width = (text: string): number => Array.from(text).length;

const MIN_CUT = 20;

/** At most `columns` wide, but never so short that nothing can be read. */
export function cut(text: string, columns: number): string {
  const limit = Math.max(columns, MIN_CUT);
  return width(text) <= limit
    ? text
    : `${Array.from(text)
        .slice(0, limit - 1)
        .join('')}…`;
}
