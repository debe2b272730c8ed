// SPDX-License-Identifier: Apache-2.0
import { InvalidArgument, type Definition } from './library.ts';

type Family = 4 | 6;
const BITS = { 4: 32, 6: 128 } as const;

/** An IP address. */
export class Ip {
  readonly family: Family;
  readonly address: bigint;

  constructor(family: Family, address: bigint) {
    this.family = family;
    this.address = address;
  }

  equals(other: unknown): boolean {
    return other instanceof Ip && other.family === this.family && other.address === this.address;
  }

  toString(): string {
    return this.family === 4 ? formatV4(this.address) : formatV6(this.address);
  }
}

/** An address with the length of its prefix. */
export class Cidr {
  readonly ip: Ip;
  readonly length: number;

  constructor(ip: Ip, length: number) {
    this.ip = ip;
    this.length = length;
  }

  equals(other: unknown): boolean {
    return other instanceof Cidr && other.length === this.length && other.ip.equals(this.ip);
  }

  toString(): string {
    return `${this.ip.toString()}/${this.length}`;
  }

  contains(ip: Ip): boolean {
    return ip.family === this.ip.family && this.#prefix(ip) === this.#prefix(this.ip);
  }

  containsCidr({ ip, length }: Cidr): boolean {
    return length >= this.length && this.contains(ip);
  }

  masked(): Cidr {
    const rest = BigInt(BITS[this.ip.family] - this.length);
    return new Cidr(new Ip(this.ip.family, (this.ip.address >> rest) << rest), this.length);
  }

  #prefix({ family, address }: Ip): bigint {
    return address >> BigInt(BITS[family] - this.length);
  }
}

const OCTET = /^(0|[1-9]\d{0,2})$/;

function parseV4(text: string): bigint | undefined {
  const octets = text.split('.');
  const isValid = octets.every((octet) => OCTET.test(octet) && Number(octet) <= 255);
  if (octets.length !== 4 || !isValid) return undefined;
  return octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')).flatMap(groupsOf));
  const [head = [], tail = []] = groups;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** The last group may be an address of version 4: two groups. */
function groupsOf(group: string, index: number, all: readonly string[]): readonly string[] {
  if (!group.includes('.') || index !== all.length - 1) return [group];
  const v4 = parseV4(group);
  return v4 === undefined ? [group] : [(v4 >> 16n).toString(16), (v4 & 0xffffn).toString(16)];
}

/** Kubernetes accepts neither zones nor addresses of version 4 within version 6. */
function parseIp(text: string): Ip | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return new Ip(4, v4);
  const v6 = text.length <= 45 && text.includes(':') ? parseV6(text) : undefined;
  return v6 === undefined || v6 >> 32n === 0xffffn ? undefined : new Ip(6, v6);
}

function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  const ip = parseIp(address);
  if (ip === undefined || rest.length > 0 || !OCTET.test(length)) return undefined;
  return Number(length) <= BITS[ip.family] ? new Cidr(ip, Number(length)) : undefined;
}

const formatV4 = (address: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.');

/** The canonical form of RFC 5952: the first longest run of two or more zeros becomes `::`. */
function formatV6(address: bigint): string {
  const groups = [...Array(8).keys()].map((i) => (address >> BigInt(112 - 16 * i)) & 0xffffn);
  const text = groups.map((group) => group.toString(16)).join(':');
  const runs = text.match(/\b0(?::0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return text;
  return text.replace(new RegExp(`(^|:)${longest}(:|$)`), '::');
}

function ip(text: string): Ip {
  const parsed = parseIp(text);
  if (parsed === undefined) throw new InvalidArgument(`"${text}" is not a valid IP address`);
  return parsed;
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new InvalidArgument(`"${text}" is not a valid CIDR`);
  return parsed;
}

/** True where the address lies in one of the networks. */
const within =
  (...networks: readonly string[]) =>
  (address: Ip): boolean =>
    networks.some((network) => cidr(network).contains(address));

const isUnspecified = within('0.0.0.0/32', '::/128');
const isLoopback = within('127.0.0.0/8', '::1/128');
const isLinkLocalMulticast = within('224.0.0.0/24', 'ff02::/16');
const isLinkLocalUnicast = within('169.254.0.0/16', 'fe80::/10');
const isNotUnicast = within('224.0.0.0/4', 'ff00::/8', '255.255.255.255/32');

const isGlobalUnicast = (address: Ip): boolean =>
  ![isUnspecified, isLoopback, isNotUnicast, isLinkLocalUnicast].some((test) => test(address));

export const IP: readonly Definition[] = [
  ['isIP(string): bool', (text: string) => parseIp(text) !== undefined],
  ['ip(string): IP', ip],
  [
    'IpNamespace.isCanonical(string): bool',
    (_: unknown, text: string) => ip(text).toString() === text,
  ],
  ['IP.family(): int', (address: Ip) => BigInt(address.family)],
  ['IP.isUnspecified(): bool', isUnspecified],
  ['IP.isLoopback(): bool', isLoopback],
  ['IP.isLinkLocalMulticast(): bool', isLinkLocalMulticast],
  ['IP.isLinkLocalUnicast(): bool', isLinkLocalUnicast],
  ['IP.isGlobalUnicast(): bool', isGlobalUnicast],
  ['string(IP): string', (address: Ip) => address.toString()],
  ['isCIDR(string): bool', (text: string) => parseCidr(text) !== undefined],
  ['cidr(string): CIDR', cidr],
  ['CIDR.containsIP(string): bool', (net: Cidr, text: string) => net.contains(ip(text))],
  ['CIDR.containsIP(IP): bool', (net: Cidr, address: Ip) => net.contains(address)],
  ['CIDR.containsCIDR(string): bool', (net: Cidr, text: string) => net.containsCidr(cidr(text))],
  ['CIDR.containsCIDR(CIDR): bool', (net: Cidr, other: Cidr) => net.containsCidr(other)],
  ['CIDR.ip(): IP', (net: Cidr) => net.ip],
  ['CIDR.masked(): CIDR', (net: Cidr) => net.masked()],
  ['CIDR.prefixLength(): int', (net: Cidr) => BigInt(net.length)],
  ['string(CIDR): string', (net: Cidr) => net.toString()],
];
