// SPDX-License-Identifier: Apache-2.0
import { InvalidArgument, toInt, type Definition } from './library.ts';

const FORMAT = /^([+-]?)(\d+\.?\d*|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,3})?$/;
const NANO = 1_000_000_000n;
const DECIMAL = new Map(
  ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'].map((s, i) => [s, 3 * i - 9]),
);
const BINARY = new Map(
  ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((s, i) => [s, 1024n ** BigInt(i + 1)]),
);
/** Kubernetes knows no quantity of more digits that means anything. */
const MAX_DIGITS = 100;

/** An amount such as `500m` or `1.5Gi`, exact to the billionth, as Kubernetes rounds it: up. */
export class Quantity {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  equals(other: unknown): boolean {
    return other instanceof Quantity && other.nanos === this.nanos;
  }
}

function parse(text: string): Quantity | undefined {
  const match = FORMAT.exec(text);
  if (match === null || text.length > MAX_DIGITS) return undefined;
  const [, sign = '', number = '', suffix = ''] = match;
  const [whole = '', fraction = ''] = number.split('.');
  const digits = BigInt(whole + fraction);
  const [factor, exponent] = scaleOf(suffix);
  const scaled = roundUp(digits * factor * NANO, exponent - fraction.length);
  return new Quantity(sign === '-' ? -scaled : scaled);
}

/** A factor and a power of ten. */
function scaleOf(suffix: string): readonly [bigint, number] {
  const binary = BINARY.get(suffix);
  if (binary !== undefined) return [binary, 0];
  const decimal = DECIMAL.get(suffix);
  return [1n, decimal ?? Number(suffix.slice(1))];
}

function roundUp(value: bigint, exponent: number): bigint {
  if (exponent >= 0) return value * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  return (value + divisor - 1n) / divisor;
}

function quantity(text: string): Quantity {
  const parsed = parse(text);
  if (parsed === undefined) throw new InvalidArgument(`"${text}" is not a valid quantity`);
  return parsed;
}

const isInteger = ({ nanos }: Quantity): boolean =>
  nanos % NANO === 0n && BigInt.asIntN(64, nanos / NANO) === nanos / NANO;

function asInteger(value: Quantity): bigint {
  if (!isInteger(value)) throw new InvalidArgument('cannot convert value to integer');
  return toInt(value.nanos / NANO);
}

const compare = (a: Quantity, b: Quantity): bigint =>
  BigInt(Number(a.nanos > b.nanos) - Number(a.nanos < b.nanos));

export const QUANTITY: readonly Definition[] = [
  ['isQuantity(string): bool', (text: string) => parse(text) !== undefined],
  ['quantity(string): Quantity', quantity],
  ['Quantity.isInteger(): bool', isInteger],
  ['Quantity.asInteger(): int', asInteger],
  ['Quantity.asApproximateFloat(): double', (q: Quantity) => Number(q.nanos) / Number(NANO)],
  ['Quantity.sign(): int', (q: Quantity) => compare(q, new Quantity(0n))],
  [
    'Quantity.add(Quantity): Quantity',
    (a: Quantity, b: Quantity) => new Quantity(a.nanos + b.nanos),
  ],
  ['Quantity.add(int): Quantity', (a: Quantity, b: bigint) => new Quantity(a.nanos + b * NANO)],
  [
    'Quantity.sub(Quantity): Quantity',
    (a: Quantity, b: Quantity) => new Quantity(a.nanos - b.nanos),
  ],
  ['Quantity.sub(int): Quantity', (a: Quantity, b: bigint) => new Quantity(a.nanos - b * NANO)],
  ['Quantity.isLessThan(Quantity): bool', (a: Quantity, b: Quantity) => a.nanos < b.nanos],
  ['Quantity.isGreaterThan(Quantity): bool', (a: Quantity, b: Quantity) => a.nanos > b.nanos],
  ['Quantity.compareTo(Quantity): int', compare],
];
