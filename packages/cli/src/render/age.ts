// SPDX-License-Identifier: Apache-2.0

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time as kubectl writes ages: `59s`, `3m12s`, `2h5m`, `3d4h`, `21d`. */
export function duration(ms: number): string {
  if (Number.isNaN(ms)) return '?';
  const left = Math.max(0, ms);
  if (left < 2 * MINUTE) return `${Math.floor(left / SECOND)}s`;
  if (left < 10 * MINUTE) return pair(left, MINUTE, 'm', SECOND, 's');
  if (left < 3 * HOUR) return `${Math.floor(left / MINUTE)}m`;
  if (left < 8 * HOUR) return pair(left, HOUR, 'h', MINUTE, 'm');
  if (left < 2 * DAY) return `${Math.floor(left / HOUR)}h`;
  if (left < 8 * DAY) return pair(left, DAY, 'd', HOUR, 'h');
  return `${Math.floor(left / DAY)}d`;
}

// eslint-disable-next-line max-params -- two units, each with its name
function pair(
  ms: number,
  large: number,
  largeName: string,
  small: number,
  smallName: string,
): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)}${largeName}${rest === 0 ? '' : `${rest}${smallName}`}`;
}

/** `5m ago`, or `in 5m` for a future time; `?` when the time is invalid. */
export function relative(time: string | undefined, now: number): string {
  const ms = now - Date.parse(time ?? '');
  if (Number.isNaN(ms)) return '?';
  return ms >= 0 ? `${duration(ms)} ago` : `in ${duration(-ms)}`;
}

/** The age of something that happened at `time`. */
export const age = (time: string | undefined, now: number): string =>
  duration(now - Date.parse(time ?? ''));

/** `2026-01-01 10:20:30Z`. Always UTC, for users in several time zones. */
export function instant(time: string | undefined): string {
  const ms = Date.parse(time ?? '');
  return Number.isNaN(ms) ? '?' : `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** `10:20:30` of the same. */
export const clock = (time: string): string => instant(time).slice(11, 19);
