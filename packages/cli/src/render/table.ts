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

/**
 * Left-aligned columns under their headings; the last column is never padded. When they do not fit
 * the terminal, the widest ones are shortened.
 */
export function table(
  headings: readonly string[],
  rows: readonly Row[],
  paint: Paint,
  columns?: number,
): string[] {
  const all = [headings, ...rows.map(({ cells }) => cells.map(textOf))];
  const wanted = headings.map((_, column) =>
    Math.max(...all.map((row) => width(row[column] ?? ''))),
  );
  const room = (columns ?? Infinity) - GAP.length * (headings.length - 1);
  const widths = shrink(wanted, room);
  const render = (cells: readonly (Cell | string)[]): string => alignRow(cells, widths, paint);
  const head = render(headings.map((text) => ({ text, tone: 'dim' })));
  return [head, ...rows.flatMap(({ cells, below = [] }) => [render(cells), ...below])];
}

/** A narrower column is not readable. */
const MIN_WIDTH = 4;

function shrink(wanted: readonly number[], room: number): readonly number[] {
  const widths = [...wanted];
  let excess = widths.reduce((sum, each) => sum + each, 0) - room;
  while (excess > 0 && Math.max(...widths) > MIN_WIDTH) {
    widths[widths.indexOf(Math.max(...widths))] = Math.max(...widths) - 1;
    excess -= 1;
  }
  return widths;
}

function alignRow(
  cells: readonly (Cell | string)[],
  widths: readonly number[],
  paint: Paint,
): string {
  const painted = cells.map((cell, column) => {
    const room = widths[column] ?? 0;
    const text = shorten(textOf(cell), room);
    const padding = column === cells.length - 1 ? '' : ' '.repeat(room - width(text));
    return paint(typeof cell === 'string' ? 'plain' : (cell.tone ?? 'plain'), text) + padding;
  });
  return painted.join(GAP).trimEnd();
}

const textOf = (cell: Cell | string): string => (typeof cell === 'string' ? cell : cell.text);

/** The width of a text in columns: one per code point, which is right for names and symbols here. */
export const width = (text: string): number => Array.from(text).length;

const MIN_TRUNCATED = 20;

/** At most `columns` wide, but never too short to read. */
export const truncate = (text: string, columns: number): string =>
  shorten(text, Math.max(columns, MIN_TRUNCATED));

const shorten = (text: string, limit: number): string =>
  width(text) <= limit
    ? text
    : `${Array.from(text)
        .slice(0, limit - 1)
        .join('')}…`;
