// SPDX-License-Identifier: Apache-2.0
import { styleText } from 'node:util';

export type Tone =
  'plain' | 'dim' | 'strong' | 'good' | 'bad' | 'warn' | 'busy' | 'first' | 'second' | 'third';

const FORMATS = {
  plain: 'reset',
  dim: 'dim',
  strong: 'bold',
  good: 'green',
  bad: 'red',
  warn: 'yellow',
  busy: 'cyan',
  first: 'blue',
  second: 'green',
  third: 'magenta',
} as const satisfies Record<Tone, string>;

export interface Piece {
  readonly text: string;
  readonly tone: Tone;
}

export type Line = readonly Piece[];

export const piece = (text: string, tone: Tone = 'plain'): Piece => ({ text, tone });

export const paint = ({ text, tone }: Piece): string =>
  tone === 'plain' ? text : styleText(FORMATS[tone], text, { validateStream: false });

/** One column per code point: as far as names and our signs go. */
export const widthOf = (line: Line): number =>
  line.reduce((sum, { text }) => sum + Array.from(text).length, 0);

/** At most so wide; what does not fit ends in `…`. */
export function cut(line: Line, columns: number): Line {
  if (widthOf(line) <= columns) return line;
  let left = Math.max(columns - 1, 0);
  const kept = line.map(({ text, tone }) => {
    const characters = Array.from(text).slice(0, left);
    left -= characters.length;
    return { text: characters.join(''), tone };
  });
  return [...kept, piece('…', 'dim')];
}

/** Lines of at most `columns`, broken between words. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && Array.from(`${line} ${word}`).length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** `01:05` of milliseconds. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}
