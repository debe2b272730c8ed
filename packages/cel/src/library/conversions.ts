// SPDX-License-Identifier: Apache-2.0
import { Optional, Unsigned, type DurationValue, type UnsignedValue } from '../engine.ts';
import { equals, isMap, sizeOf, entriesOf } from '../values.ts';
import { decodeUtf8, toText } from './format-string.ts';
import { InvalidArgument, toInt, type Definition } from './library.ts';
import { formatTimestamp } from './time.ts';

const TIMESTAMP = 'google.protobuf.Timestamp';
const DURATION = 'google.protobuf.Duration';
const LIMIT = 2 ** 63;

function intOfDouble(value: number): bigint {
  if (!(value > -LIMIT && value < LIMIT)) throw new InvalidArgument('integer overflow');
  return BigInt(Math.trunc(value));
}

function intOfString(text: string): bigint {
  if (!/^[+-]?\d{1,30}$/.test(text)) throw new InvalidArgument(`"${text}" is not an integer`);
  return toInt(BigInt(text.replace('+', '')));
}

function uintOfDouble(value: number): UnsignedValue {
  if (!(value >= 0 && value < 2 * LIMIT)) throw new InvalidArgument('unsigned integer overflow');
  return toUint(BigInt(Math.trunc(value)));
}

function uintOfString(text: string): UnsignedValue {
  if (!/^\d{1,30}$/.test(text)) throw new InvalidArgument(`"${text}" is not an unsigned integer`);
  return toUint(BigInt(text));
}

function toUint(value: bigint): UnsignedValue {
  if (value < 0n || value >= 2n ** 64n) throw new InvalidArgument('unsigned integer overflow');
  return new Unsigned(value);
}

/** As Go writes doubles: with an exponent from 1e21 and below 1e-4, and two digits in it. */
function stringOfDouble(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  const needsExponent = size !== 0 && (size < 1e-4 || size >= 1e21);
  const text = needsExponent ? value.toExponential() : String(value);
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

/** Empty, zero, false and null count as absent. */
function isZero(value: unknown): boolean {
  if (value === null || value === false || value === '' || value === 0 || value === 0n) return true;
  if (value instanceof Unsigned) return value.value === 0n;
  if (Array.isArray(value) || value instanceof Uint8Array) return sizeOf(value) === 0;
  return isMap(value) && entriesOf(value).length === 0;
}

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  if (at < 0) return Math.sign(a.length - b.length);
  return Math.sign((a[at] ?? 0) - (b[at] ?? -1));
};

export const CONVERSIONS: readonly Definition[] = [
  ['int(int): int', (value: bigint) => value],
  ['int(uint): int', ({ value }: UnsignedValue) => toInt(value)],
  ['int(double): int', intOfDouble],
  ['int(string): int', intOfString],
  [`int(${TIMESTAMP}): int`, (time: Date) => BigInt(Math.floor(time.getTime() / 1000))],
  [`int(${DURATION}): int`, ({ seconds }: DurationValue) => seconds],
  ['uint(uint): uint', (value: UnsignedValue) => value],
  ['uint(int): uint', toUint],
  ['uint(double): uint', uintOfDouble],
  ['uint(string): uint', uintOfString],
  ['string(string): string', (text: string) => text],
  ['string(bool): string', String],
  ['string(int): string', String],
  ['string(uint): string', ({ value }: UnsignedValue) => String(value)],
  ['string(double): string', stringOfDouble],
  ['string(bytes): string', decodeUtf8],
  [`string(${TIMESTAMP}): string`, formatTimestamp],
  [`string(${DURATION}): string`, toText],
  [
    'OptionalNamespace.ofNonZeroValue(A): optional<A>',
    (_: unknown, value: unknown) => (isZero(value) ? Optional.none() : Optional.of(value)),
  ],
];

/** Operators that the engine lacks: equality of optionals and of the types of the libraries. */
export const OPERATORS: readonly Definition[] = [
  ['optional<dyn> == optional<dyn>', equals],
  ...['Quantity', 'IP', 'CIDR', 'Semver', 'URL'].map((type): Definition => [
    `${type} == ${type}`,
    equals,
  ]),
  ['bytes < bytes', (a: Uint8Array, b: Uint8Array) => compareBytes(a, b) < 0],
  ['bytes <= bytes', (a: Uint8Array, b: Uint8Array) => compareBytes(a, b) <= 0],
  ['bytes > bytes', (a: Uint8Array, b: Uint8Array) => compareBytes(a, b) > 0],
  ['bytes >= bytes', (a: Uint8Array, b: Uint8Array) => compareBytes(a, b) >= 0],
];
