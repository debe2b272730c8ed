// SPDX-License-Identifier: Apache-2.0
import type { Scheduler } from '@altershield/kube';

/** Kubernetes' timestamps have whole seconds. */
export const timestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

const hex = (scheduler: Scheduler, digits: number): string =>
  Array.from({ length: digits }, () => Math.floor(scheduler.random() * 16).toString(16)).join('');

/** A UUID of the scheduler's own dice. */
export const newUid = (scheduler: Scheduler): string =>
  `${hex(scheduler, 8)}-${hex(scheduler, 4)}-4${hex(scheduler, 3)}-a${hex(scheduler, 3)}-${hex(scheduler, 12)}`;

/** The letters of generated names, without vowels as in Kubernetes. */
export const NAME_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

export const nameSuffix = (scheduler: Scheduler, length = 5): string =>
  Array.from(
    { length },
    () => NAME_LETTERS[Math.floor(scheduler.random() * NAME_LETTERS.length)] ?? 'x',
  ).join('');

interface TimedWork<T> {
  readonly timeoutMs: number;
  readonly message: string;
  readonly delayMs: number;
  readonly start: () => Promise<T>;
}

/** Starts work after a delay; rejects with `message` when it has not finished in time. */
export function withTimeout<T>(scheduler: Scheduler, work: TimedWork<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timeout = scheduler.after(work.timeoutMs, () => {
      reject(new Error(work.message));
    });
    scheduler.after(work.delayMs, () => {
      const started = new Promise<T>((begin) => {
        begin(work.start());
      });
      started.then(resolve, reject).finally(() => {
        timeout.cancel();
      });
    });
  });
}
