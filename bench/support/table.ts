// SPDX-License-Identifier: Apache-2.0

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A markdown table whose columns are aligned: the first to the left, the others to the right. */
export function markdown({ head, rows }: Table): string {
  const widths = head.map((cell, i) =>
    Math.max(4, ...[head, ...rows].map((row) => width(row[i], cell))),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((w, i) => (i === 0 ? (cells[i] ?? '').padEnd(w) : (cells[i] ?? '').padStart(w))).join(' | ')} |`;
  const rule = widths.map((w, i) => (i === 0 ? '-'.repeat(w) : `${'-'.repeat(w - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

const width = (cell: string | undefined, instead: string): number => (cell ?? instead).length;
