// SPDX-License-Identifier: Apache-2.0
import { Duration, TypeValue, Unsigned } from '../engine.ts';
import { durationNanos, entriesOf, isMap } from '../values.ts';
import { InvalidArgument } from './library.ts';
import { formatTimestamp } from './time.ts';

const CLAUSE = /%(?:%|(?:\.(\d+))?([a-zA-Z])|.?)/gs;
const MAX_PRECISION = 100;
const DEFAULT_PRECISION = 6;

/** `"%s of %d".format([...])`, as in cel-go's strings extension. */
export function formatString(template: string, args: readonly unknown[]): string {
  let used = 0;
  const text = template.replace(CLAUSE, (clause, precision?: string, verb?: string) => {
    if (clause === '%%') return '%';
    if (verb === undefined) throw new InvalidArgument(`unrecognized formatting clause "${clause}"`);
    if (used >= args.length) throw new InvalidArgument(`index ${used} out of range`);
    used += 1;
    return formatOne(verb, args[used - 1], precisionOf(precision));
  });
  return text;
}

function precisionOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PRECISION;
  if (Number(text) > MAX_PRECISION)
    throw new InvalidArgument(`precision is ${MAX_PRECISION} at most`);
  return Number(text);
}

type Verb = (value: unknown, precision: number) => string;

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['s', toText],
  ['d', decimal],
  ['f', (value, precision) => special(value) ?? fixed(toNumber(value, 'f'), precision)],
  ['e', (value, precision) => special(value) ?? scientific(toNumber(value, 'e'), precision)],
  ['b', (v) => (typeof v === 'boolean' ? String(Number(v)) : integer(v, 'b').toString(2))],
  ['o', (value) => integer(value, 'o').toString(8)],
  ['x', hexadecimal],
  ['X', (value) => hexadecimal(value).toUpperCase()],
]);

function formatOne(verb: string, value: unknown, precision: number): string {
  const format = VERBS.get(verb);
  if (format === undefined) throw new InvalidArgument(`unrecognized formatting clause "%${verb}"`);
  return format(value, precision);
}

/** A value as `%s` writes it. */
export function toText(value: unknown): string {
  if (typeof value === 'number') return special(value) ?? plain(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(toText).join(', ')}]`;
  return isMap(value) ? mapToText(value) : objectToText(value);
}

function objectToText(value: object): string {
  if (value instanceof Date) return formatTimestamp(value);
  if (value instanceof Duration) return `${plain(Number(durationNanos(value)) / 1e9)}s`;
  if (value instanceof Unsigned) return String(value.value);
  if (value instanceof Uint8Array) return decodeUtf8(value);
  if (value instanceof TypeValue) return value.name;
  throw new InvalidArgument('cannot be formatted as a string');
}

function mapToText(map: Record<string, unknown> | Map<unknown, unknown>): string {
  const entries = entriesOf(map).map(([key, value]) => [toText(key), toText(value)] as const);
  const sorted = entries.toSorted(([a], [b]) => Number(a > b) - Number(a < b));
  return `{${sorted.map(([key, value]) => `${key}: ${value}`).join(', ')}}`;
}

/** Decodes UTF-8; an error for what is not. */
export function decodeUtf8(bytes: Uint8Array): string {
  const escaped = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`);
  try {
    return decodeURIComponent(escaped.join(''));
  } catch {
    throw new InvalidArgument('invalid UTF-8 in bytes, cannot convert to string');
  }
}

function decimal(value: unknown): string {
  if (typeof value === 'number') return toText(value);
  return integer(value, 'd').toString();
}

/** Not a number and the infinities have no digits. */
function special(value: unknown): string | undefined {
  return typeof value !== 'number' || Number.isFinite(value) ? undefined : String(value);
}

function integer(value: unknown, verb: string): bigint {
  if (typeof value === 'bigint') return value;
  if (value instanceof Unsigned) return value.value;
  throw new InvalidArgument(`%${verb} needs an integer`);
}

function toNumber(value: unknown, verb: string): number {
  return typeof value === 'number' ? value : Number(integer(value, verb));
}

function hexadecimal(value: unknown): string {
  if (value instanceof Uint8Array) return hexOf(value);
  if (typeof value === 'string') return hexOf(encodeUtf8(value));
  return integer(value, 'x').toString(16);
}

const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Half a character of UTF-16 has no bytes in UTF-8. */
export const wellFormed = (text: string): string => text.replace(/\p{Cs}/gu, '\ufffd');

export function encodeUtf8(text: string): Uint8Array {
  const escaped = encodeURIComponent(wellFormed(text));
  const bytes = escaped.match(/%[0-9A-F]{2}|[^%]/g) ?? [];
  return Uint8Array.from(bytes, (part) =>
    part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0),
  );
}

/** Without an exponent, whatever the size. */
function plain(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  if (Number.isInteger(value)) return BigInt(value).toString();
  return value.toFixed(MAX_PRECISION).replace(/0+$/, '');
}

/** Rounds a tie to even, as Go does; `toFixed` rounds it up. */
function fixed(value: number, precision: number): string {
  if (Math.abs(value) >= 1e21) {
    return BigInt(value).toString() + (precision > 0 ? `.${'0'.repeat(precision)}` : '');
  }
  const exact = value.toFixed(Math.min(MAX_PRECISION, precision + 30));
  const cut = exact.length - Math.min(MAX_PRECISION - precision, 30);
  const isTie = /^50*$/.test(exact.slice(cut));
  const kept = exact.slice(0, cut).replace(/\.$/, '');
  return isTie && /[02468]$/.test(kept) ? kept : value.toFixed(precision);
}

const scientific = (value: number, precision: number): string =>
  value.toExponential(precision).replace(/e([+-])(\d)$/, 'e$10$2');
