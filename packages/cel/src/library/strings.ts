// SPDX-License-Identifier: Apache-2.0
import { formatString, wellFormed } from './format-string.ts';
import { characters } from '../text.ts';
import { InvalidArgument, type Definition } from './library.ts';

/** What a string may grow to by `replace`, `join` and `format`. */
export const MAX_STRING = 1_000_000;

function charAt(text: string, index: bigint): string {
  const all = characters(text);
  checkIndex(index, all.length);
  return all[Number(index)] ?? '';
}

function checkIndex(index: bigint, length: number): void {
  if (index < 0n || index > BigInt(length)) {
    throw new InvalidArgument(`index out of range: ${String(index)}`);
  }
}

/** Where `part` begins in `text`, from `start`, counted in characters. */
function indexOf(text: string, part: string, start = 0n): bigint {
  const all = characters(text);
  checkIndex(start, all.length);
  const rest = all.slice(Number(start)).join('');
  const at = rest.indexOf(part);
  return at < 0 ? -1n : start + BigInt(characters(rest.slice(0, at)).length);
}

function lastIndexOf(text: string, part: string, start?: bigint): bigint {
  const all = characters(text);
  if (start !== undefined) checkIndex(start, all.length);
  const searched = characters(part);
  const last = all.length - searched.length;
  const from = start === undefined ? last : Math.min(Number(start), last);
  for (let at = from; at >= 0; at -= 1) {
    if (searched.every((character, index) => all[at + index] === character)) return BigInt(at);
  }
  return -1n;
}

function substring(text: string, start: bigint, end?: bigint): string {
  const all = characters(text);
  checkIndex(start, all.length);
  if (end !== undefined) checkIndex(end, all.length);
  if (end !== undefined && end < start) {
    throw new InvalidArgument(`invalid substring range: ${String(start)} to ${String(end)}`);
  }
  return all.slice(Number(start), end === undefined ? undefined : Number(end)).join('');
}

function split(text: string, separator: string, limit = -1n): string[] {
  if (limit === 0n) return [];
  const parts = separator === '' ? characters(text) : text.split(separator);
  if (limit < 0n || BigInt(parts.length) <= limit) return parts;
  const kept = Number(limit) - 1;
  return [...parts.slice(0, kept), parts.slice(kept).join(separator)];
}

function replace(text: string, part: string, by: string, limit = -1n): string {
  const pieces = split(text, part, limit < 0n ? -1n : limit + 1n);
  // Between all characters, before the first and after the last.
  if (part === '') return replaceEmpty(text, by, limit);
  return joinBounded(pieces, by);
}

function replaceEmpty(text: string, by: string, limit: bigint): string {
  const all = ['', ...characters(text), ''];
  const gaps = all.length - 1;
  const replaced = limit < 0n ? gaps : Math.min(gaps, Number(limit));
  return joinBounded([...all.slice(0, replaced), all.slice(replaced).join('')], by);
}

function joinBounded(parts: readonly string[], separator: string): string {
  if (!parts.every((part) => typeof part === 'string')) {
    throw new InvalidArgument('join() needs a list of strings');
  }
  const length = parts.reduce((sum, part) => sum + part.length, separator.length * parts.length);
  if (length > MAX_STRING)
    throw new InvalidArgument(`a string has ${MAX_STRING} characters at most`);
  return parts.join(separator);
}

const lowerAscii = (text: string): string => text.replace(/[A-Z]+/g, (part) => part.toLowerCase());
const upperAscii = (text: string): string => text.replace(/[a-z]+/g, (part) => part.toUpperCase());

// What Go's unicode.IsSpace accepts: not the byte order mark, but U+0085.
const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const LEADING = new RegExp(`^${SPACE}+`);
const isSpace = new RegExp(SPACE);

function trim(text: string): string {
  const start = text.replace(LEADING, '');
  let end = start.length;
  while (end > 0 && isSpace.test(start.charAt(end - 1))) end -= 1;
  return start.slice(0, end);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

const quote = (text: string): string =>
  `"${wellFormed(text).replace(/[\u0007-\r\\"]/g, (character) => ESCAPES[character] ?? character)}"`;

export const STRINGS: readonly Definition[] = [
  ['string.charAt(int): string', charAt],
  ['string.indexOf(string): int', (text: string, part: string) => indexOf(text, part)],
  ['string.indexOf(string, int): int', indexOf],
  ['string.lastIndexOf(string): int', (text: string, part: string) => lastIndexOf(text, part)],
  ['string.lastIndexOf(string, int): int', lastIndexOf],
  ['string.substring(int): string', (text: string, start: bigint) => substring(text, start)],
  ['string.substring(int, int): string', substring],
  [
    'string.split(string): list<string>',
    (text: string, separator: string) => split(text, separator),
  ],
  ['string.split(string, int): list<string>', split],
  ['string.replace(string, string): string', (t: string, a: string, b: string) => replace(t, a, b)],
  ['string.replace(string, string, int): string', replace],
  ['string.lowerAscii(): string', lowerAscii],
  ['string.upperAscii(): string', upperAscii],
  ['string.trim(): string', trim],
  ['list<string>.join(): string', (parts: readonly string[]) => joinBounded(parts, '')],
  ['list<string>.join(string): string', joinBounded],
  ['string.format(list): string', formatString],
  ['StringsNamespace.quote(string): string', (_: unknown, text: string) => quote(text)],
];
