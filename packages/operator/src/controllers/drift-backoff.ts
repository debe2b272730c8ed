// SPDX-License-Identifier: Apache-2.0
import { isSameConfiguration } from '@altershield/core';
import type { Logger, Scheduler } from '@altershield/kube';

const WINDOW_MS = 600_000;
/** This many corrections within the window are not delayed: users may experiment. */
const FREE = 10;
const FIRST_MS = 100;
const MOST_MS = 60_000;

/** The delay of the next drift correction: it doubles with each recent correction beyond `FREE`. */
export class DriftBackoff {
  readonly #scheduler: Pick<Scheduler, 'elapsed'>;
  readonly #log: Logger;
  readonly #last = new Map<string, unknown>();
  #writes: number[] = [];

  constructor(deps: { readonly scheduler: Pick<Scheduler, 'elapsed'>; readonly log: Logger }) {
    this.#scheduler = deps.scheduler;
    this.#log = deps.log;
  }

  /** A repeated value corrects drift; a different value follows a new policy or certificate. */
  recordWrite(name: string, value: unknown): void {
    const isAgain = isSameConfiguration(this.#last.get(name), value);
    this.#last.set(name, value);
    if (isAgain) this.#corrected();
  }

  #corrected(): void {
    const now = this.#scheduler.elapsed();
    this.#writes = [...this.#writes.filter((at) => at > now - WINDOW_MS), now];
    if (this.#writes.length !== FREE + 1) return;
    this.#log.warn('another client keeps changing admission configurations of AlterShield', {
      writes: this.#writes.length,
      withinMs: WINDOW_MS,
      hint: 'its name is in their managed fields: look for a second installation, or a tool that manages them',
    });
  }

  delayMs(): number {
    const since = this.#scheduler.elapsed() - WINDOW_MS;
    const beyond = this.#writes.filter((at) => at > since).length - FREE;
    return beyond <= 0 ? 0 : Math.min(MOST_MS, FIRST_MS * 2 ** beyond);
  }
}
