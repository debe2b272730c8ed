// SPDX-License-Identifier: Apache-2.0
import type { Scheduler, Timer } from '../runtime/scheduler.ts';
import { type Lease, holderOf } from './lease.ts';

/**
 * Detects that another candidate's lease has expired: it has not changed for its whole duration by
 * local timers. Its timestamps are by the holder's clock and are never compared, and a timer
 * does not jump as wall clocks do.
 */
export class ObservedLease {
  readonly #scheduler: Scheduler;
  readonly #defaultDurationMs: number;
  #version: string | undefined;
  #over = false;
  #timer: Timer | undefined;

  constructor(scheduler: Scheduler, defaultDurationMs: number) {
    this.#scheduler = scheduler;
    this.#defaultDurationMs = defaultDurationMs;
  }

  /** Takes note of the lease just read; true when anybody may take it. */
  isFree(lease: Lease): boolean {
    const { uid, resourceVersion } = lease.metadata;
    const version = `${uid}/${resourceVersion}`;
    if (version !== this.#version) this.#restart(version, lease);
    return this.#over || holderOf(lease) === '';
  }

  /** Drops the timer. */
  forget(): void {
    this.#timer?.cancel();
    this.#version = undefined;
  }

  #restart(version: string, { spec }: Lease): void {
    this.#timer?.cancel();
    this.#version = version;
    this.#over = false;
    const seconds = spec?.leaseDurationSeconds ?? 0;
    const durationMs = seconds > 0 ? seconds * 1000 : this.#defaultDurationMs;
    this.#timer = this.#scheduler.after(durationMs, () => {
      this.#over = true;
    });
  }
}
