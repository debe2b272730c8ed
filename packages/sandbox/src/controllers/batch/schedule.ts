// SPDX-License-Identifier: Apache-2.0

const MINUTE_MS = 60_000;
/** Longer than any schedule is looked ahead or back. */
const MAX_MINUTES = 366 * 24 * 60;

type Matcher = (value: number) => boolean;

/** `*`, a number, a step, or a list of these; ranges are not needed here. */
function field(text: string): Matcher {
  const parts = text.split(',').map((part): Matcher => {
    const [, step] = /^\*\/(\d+)$/.exec(part) ?? [];
    if (part === '*') return () => true;
    return step === undefined
      ? (value) => value === Number(part)
      : (value) => value % Number(step) === 0;
  });
  return (value) => parts.some((matches) => matches(value));
}

/** A cron schedule in UTC: minute, hour, day of month, month, day of week. */
export class Schedule {
  readonly #fields: readonly Matcher[];

  constructor(text: string) {
    this.#fields = text.trim().split(/\s+/).map(field);
  }

  /** The newest time of the schedule in (after, until]; undefined: there is none. */
  latest(after: number, until: number): number | undefined {
    for (let at = floor(until), n = 0; at > after && n < MAX_MINUTES; at -= MINUTE_MS, n += 1) {
      if (this.#matches(at)) return at;
    }
    return undefined;
  }

  /** The next time of the schedule. */
  next(after: number): number {
    let at = floor(after) + MINUTE_MS;
    for (let n = 0; n < MAX_MINUTES && !this.#matches(at); n += 1) at += MINUTE_MS;
    return at;
  }

  #matches(at: number): boolean {
    const time = new Date(at);
    const values = [
      ...[time.getUTCMinutes(), time.getUTCHours(), time.getUTCDate()],
      ...[time.getUTCMonth() + 1, time.getUTCDay()],
    ];
    return this.#fields.every((matches, i) => matches(values[i] ?? 0));
  }
}

const floor = (at: number): number => Math.floor(at / MINUTE_MS) * MINUTE_MS;
