// SPDX-License-Identifier: Apache-2.0
import { InvalidArgument, toInt, type Definition } from './library.ts';

const NUMBER = '(0|[1-9]\\d*)';
const IDENTIFIERS = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const FORMAT = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-(${IDENTIFIERS}))?(?:\\+(${IDENTIFIERS}))?$`,
);
const MAX_LENGTH = 256;

/** A version of semver.org. */
export class Semver {
  readonly numbers: readonly bigint[];
  readonly prerelease: readonly string[];
  readonly build: string;

  constructor(numbers: readonly bigint[], prerelease: readonly string[], build: string) {
    this.numbers = numbers;
    this.prerelease = prerelease;
    this.build = build;
  }

  /** The build does not count, as in Kubernetes. */
  equals(other: unknown): boolean {
    return other instanceof Semver && compare(this, other) === 0;
  }
}

function parse(text: string): Semver | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const match = FORMAT.exec(text);
  if (match === null) return undefined;
  const [, major = '', minor = '', patch = '', prerelease, build = ''] = match;
  const identifiers = prerelease?.split('.') ?? [];
  if (identifiers.some((part) => /^0\d+$/.test(part))) return undefined;
  return new Semver([major, minor, patch].map(BigInt), identifiers, build);
}

/** Accepts `v1`, `1.2` and leading zeros. */
function normalize(text: string): string {
  const parts = text.replace(/^v/, '').split('.');
  const three = [parts[0] ?? '', parts[1], parts.length > 2 ? parts.slice(2).join('.') : undefined];
  const numbers = three.filter((part) => part !== undefined).map(withoutZeros);
  if (numbers.length < 3 && /[+-]/.test(numbers.at(-1) ?? '')) return text;
  while (numbers.length < 3) numbers.push('0');
  return numbers.join('.');
}

const withoutZeros = (part: string): string => part.replace(/^0+(?=\d)/, '');

function semver(text: string, normalized = false): Semver {
  const version = parse(normalized ? normalize(text) : text);
  if (version === undefined) throw new InvalidArgument(`"${text}" is not a valid semantic version`);
  return version;
}

const isSemver = (text: string, normalized = false): boolean =>
  parse(normalized ? normalize(text) : text) !== undefined;

function compare(a: Semver, b: Semver): number {
  for (const [index, number] of a.numbers.entries()) {
    const other = b.numbers[index] ?? 0n;
    if (number !== other) return number < other ? -1 : 1;
  }
  return comparePrerelease(a.prerelease, b.prerelease);
}

/** A version without a pre-release is above every one with. */
function comparePrerelease(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    const order = compareIdentifiers(part, other);
    if (order !== 0) return order;
  }
  return Math.sign(a.length - b.length);
}

function compareIdentifiers(a: string, b: string): number {
  const [x, y] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (x !== y) return x ? -1 : 1;
  if (x && y) return Number(BigInt(a) > BigInt(b)) - Number(BigInt(a) < BigInt(b));
  return Number(a > b) - Number(a < b);
}

const part =
  (index: number) =>
  (version: Semver): bigint =>
    toInt(version.numbers[index] ?? 0n);

export const SEMVER: readonly Definition[] = [
  ['isSemver(string): bool', (text: string) => isSemver(text)],
  ['isSemver(string, bool): bool', isSemver],
  ['semver(string): Semver', (text: string) => semver(text)],
  ['semver(string, bool): Semver', semver],
  ['Semver.major(): int', part(0)],
  ['Semver.minor(): int', part(1)],
  ['Semver.patch(): int', part(2)],
  ['Semver.isLessThan(Semver): bool', (a: Semver, b: Semver) => compare(a, b) < 0],
  ['Semver.isGreaterThan(Semver): bool', (a: Semver, b: Semver) => compare(a, b) > 0],
  ['Semver.compareTo(Semver): int', (a: Semver, b: Semver) => BigInt(compare(a, b))],
];
