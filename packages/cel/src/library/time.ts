// SPDX-License-Identifier: Apache-2.0
import { Duration, type DurationValue } from '../engine.ts';
import { durationNanos } from '../values.ts';
import { InvalidArgument, toInt, type Definition } from './library.ts';

const RFC3339 = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;
const FIRST = -62_135_596_800_000;
const LAST = 253_402_300_799_999;
const NANOS = 1_000_000_000n;
const UNITS: Readonly<Record<string, bigint>> = {
  h: 3600n * NANOS,
  m: 60n * NANOS,
  s: NANOS,
  ms: 1_000_000n,
  us: 1000n,
  µs: 1000n,
  ns: 1n,
};

/** A time to the millisecond; Kubernetes writes times to the second. */
function timestamp(text: string): Date {
  const match = RFC3339.exec(text);
  const [, day = '', time = '', fraction = '', zone = ''] = match ?? [];
  const parsed = new Date(`${day}T${time}${fraction.slice(0, 4)}${zone.toUpperCase()}`);
  const isDay = new Date(`${day}T00:00:00Z`).getUTCDate() === Number(day.slice(8));
  if (match === null || !isDay) throw new InvalidArgument(`"${text}" is not a valid timestamp`);
  return toTimestamp(parsed.getTime());
}

export function toTimestamp(milliseconds: number): Date {
  if (!(milliseconds >= FIRST && milliseconds <= LAST)) {
    throw new InvalidArgument('timestamp out of range');
  }
  return new Date(milliseconds);
}

/** RFC 3339 without zeros that say nothing. */
export const formatTimestamp = (time: Date): string =>
  time.toISOString().replace(/\.(\d*?)0*Z$/, (_, digits: string) => (digits ? `.${digits}Z` : 'Z'));

/** A duration of Go, such as `1h30m` or `-1.5s`. */
function duration(text: string): DurationValue {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:h|ms|m|s|us|µs|ns))+|0)$/.exec(text);
  if (match === null || text.length > 100) {
    throw new InvalidArgument(`"${text}" is not a valid duration`);
  }
  const [, sign = '', parts = ''] = match;
  const pieces = parts.matchAll(/(\d*)\.?(\d*)(h|ms|m|s|us|µs|ns)/g);
  const nanos = [...pieces].reduce((sum, piece) => sum + nanosOf(piece), 0n);
  return toDuration(sign === '-' ? -nanos : nanos);
}

function nanosOf([, whole = '', fraction = '', unit = '']: RegExpExecArray): bigint {
  const factor = UNITS[unit] ?? 0n;
  return BigInt(whole) * factor + (BigInt(fraction) * factor) / 10n ** BigInt(fraction.length);
}

export function toDuration(nanos: bigint): DurationValue {
  const bounded = toInt(nanos);
  return new Duration(bounded / NANOS, Number(bounded % NANOS));
}

interface Fields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
  readonly dayOfYear: number;
}

const OFFSET = /^([+-]?)(\d{2}):(\d{2})$/;

/** The fields of a time in a zone: a name of the IANA data base or an offset such as `-08:00`. */
function fieldsIn(time: Date, zone: string): Fields {
  const local = new Date(time.getTime() + offsetOf(time, zone));
  const year = local.getUTCFullYear();
  const start = new Date(local);
  start.setUTCMonth(0, 1);
  return {
    year,
    month: local.getUTCMonth(),
    day: local.getUTCDate(),
    weekday: local.getUTCDay(),
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
    millisecond: local.getUTCMilliseconds(),
    dayOfYear: Math.round((local.getTime() - start.getTime()) / 86_400_000),
  };
}

function offsetOf(time: Date, zone: string): number {
  if (zone === '' || zone === 'UTC') return 0;
  const match = OFFSET.exec(zone);
  if (match !== null) {
    const minutes = Number(match[2]) * 60 + Number(match[3]);
    return (match[1] === '-' ? -minutes : minutes) * 60_000;
  }
  return namedOffset(time, zone);
}

function namedOffset(time: Date, timeZone: string): number {
  const parts = formatterFor(timeZone).formatToParts(time);
  const at = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  const local = new Date(0);
  local.setUTCFullYear(at('year'), at('month') - 1, at('day'));
  local.setUTCHours(at('hour'), at('minute'), at('second'), time.getUTCMilliseconds());
  return local.getTime() - time.getTime();
}

function formatterFor(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    throw new InvalidArgument(`unknown time zone "${timeZone}"`);
  }
}

const TIMESTAMP = 'google.protobuf.Timestamp';
const DURATION = 'google.protobuf.Duration';

const GETTERS: Readonly<Record<string, (fields: Fields) => number>> = {
  getFullYear: ({ year }) => year,
  getMonth: ({ month }) => month,
  getDate: ({ day }) => day,
  getDayOfMonth: ({ day }) => day - 1,
  getDayOfWeek: ({ weekday }) => weekday,
  getDayOfYear: ({ dayOfYear }) => dayOfYear,
  getHours: ({ hour }) => hour,
  getMinutes: ({ minute }) => minute,
  getSeconds: ({ second }) => second,
  getMilliseconds: ({ millisecond }) => millisecond,
};

const getters: readonly Definition[] = Object.entries(GETTERS).flatMap(([name, get]) => [
  [`${TIMESTAMP}.${name}(): int`, (time: Date) => BigInt(get(fieldsIn(time, '')))],
  [
    `${TIMESTAMP}.${name}(string): int`,
    (time: Date, zone: string) => BigInt(get(fieldsIn(time, zone))),
  ],
]);

const inUnits =
  (unit: bigint) =>
  (value: DurationValue): bigint =>
    durationNanos(value) / unit;

export const TIME: readonly Definition[] = [
  ...getters,
  [`${DURATION}.getHours(): int`, inUnits(3600n * NANOS)],
  [`${DURATION}.getMinutes(): int`, inUnits(60n * NANOS)],
  [`${DURATION}.getSeconds(): int`, inUnits(NANOS)],
  // Of the second, unlike the others, as cel-go does it.
  [
    `${DURATION}.getMilliseconds(): int`,
    (d: DurationValue) => (durationNanos(d) % NANOS) / 1_000_000n,
  ],
  [`timestamp(string): ${TIMESTAMP}`, timestamp],
  [`timestamp(int): ${TIMESTAMP}`, (seconds: bigint) => toTimestamp(Number(seconds) * 1000)],
  [`timestamp(${TIMESTAMP}): ${TIMESTAMP}`, (time: Date) => time],
  [`duration(string): ${DURATION}`, duration],
  [`duration(${DURATION}): ${DURATION}`, (value: DurationValue) => value],
];
