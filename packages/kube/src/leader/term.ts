// SPDX-License-Identifier: Apache-2.0
import { isConflict, isNotFound } from '../errors/errors.ts';
import { DeadlineError, DeadlineSignal, abortable, reasonOf } from '../runtime/abort.ts';
import { whenAborted } from '../manager/when-aborted.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import type { Deadline } from './deadline.ts';
import { type Lease, holderOf } from './lease.ts';
import type { LeaseLock } from './lease-lock.ts';

export interface TermOptions {
  readonly lock: LeaseLock;
  readonly log: Logger;
  readonly identity: string;
  /** The acquired lease, and the deadline that started before the request. */
  readonly won: { readonly lease: Lease; readonly deadline: Deadline };
  readonly newDeadline: () => Deadline;
  readonly scheduler: Scheduler;
  /** Bound of one call, so that a lost one leaves time for another within the deadline. */
  readonly callTimeoutMs: number;
  readonly pause: (until: AbortSignal) => Promise<void>;
  readonly onWorkAborted: () => void;
}

/** One leadership term: runs the work under a signal and renews the lease until the work ends. */
export class Term {
  readonly #options: TermOptions;
  readonly #work = new AbortController();
  /** Aborts when renewals must stop. */
  readonly #over = new AbortController();
  #lease: Lease;
  #deadline: Deadline;
  #lost = false;

  constructor(options: TermOptions) {
    this.#options = options;
    this.#lease = options.won.lease;
    this.#deadline = options.won.deadline;
    this.#work.signal.addEventListener('abort', options.onWorkAborted, { once: true });
    this.#handleAbort(options.won.deadline);
  }

  /** Aborts when writing must stop. */
  get work(): AbortSignal {
    return this.#work.signal;
  }

  /** Resolves when the work has ended and, unless the lease was lost, is released. */
  async run(stop: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const end = (): void => {
      this.#work.abort(reasonOf(stop));
    };
    stop.addEventListener('abort', end, { once: true });
    if (stop.aborted) end();
    const work = this.#runWork(lead);
    const renewing = this.#renewLoop();
    try {
      await work;
    } finally {
      this.#over.abort();
      await renewing;
      stop.removeEventListener('abort', end);
      this.#work.abort(new Error('the work of the leader ended'));
      if (!this.#lost) await this.#release();
      this.#deadline.cancel();
    }
  }

  async #runWork(lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (!this.#work.signal.aborted) await lead(this.#work.signal);
    await whenAborted(this.#work.signal);
  }

  async #renewLoop(): Promise<void> {
    const over = this.#over.signal;
    // Paced from the start of each attempt: slow answers must not eat into the deadline twice.
    let due = this.#options.pause(over);
    for (let atOnce = false; ;) {
      if (!atOnce) await due;
      if (over.aborted) return;
      due = this.#options.pause(over);
      atOnce = await this.#renew();
    }
  }

  /** True when the next attempt must not wait. */
  async #renew(): Promise<boolean> {
    const next = this.#options.newDeadline();
    try {
      this.#lease = await this.#call((signal) => this.#options.lock.renew(this.#lease, signal));
    } catch (err) {
      next.cancel();
      return this.#renewFailed(err);
    }
    this.#deadline.cancel();
    this.#deadline = next;
    this.#handleAbort(next);
    return false;
  }

  async #renewFailed(err: unknown): Promise<boolean> {
    if (this.#lost) return false;
    if (isNotFound(err)) {
      this.#lose('the lease was deleted');
      return false;
    }
    if (isConflict(err)) return this.#reread();
    this.#options.log.warn('failed to renew the lease, will retry', { err });
    return err instanceof DeadlineError;
  }

  /** Another client, another candidate, or a lost call of this candidate wrote the lease. */
  async #reread(): Promise<boolean> {
    const { lock, identity, log } = this.#options;
    try {
      const lease = await this.#call((signal) => lock.read(signal));
      const holder = lease === undefined ? '' : holderOf(lease);
      if (lease === undefined || holder !== identity) {
        this.#lose(`the lease belongs to "${holder}" now`);
        return false;
      }
      this.#lease = lease;
      return true;
    } catch (err) {
      log.warn('failed to read the lease, will retry', { err });
      return false;
    }
  }

  /** Bounded by the deadline in force too: an answer after it comes too late. */
  async #call<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { scheduler, callTimeoutMs } = this.#options;
    const link = new DeadlineSignal(this.#deadline.signal);
    link.arm(scheduler, callTimeoutMs, `no answer within ${callTimeoutMs} ms`);
    try {
      return await abortable(run(link.signal), link.signal);
    } finally {
      link.dispose();
    }
  }

  async #release(): Promise<void> {
    const { lock, log } = this.#options;
    try {
      await this.#call((signal) => lock.release(this.#lease, signal));
    } catch (err) {
      log.warn('failed to release the lease; other candidates wait until it expires', { err });
    }
  }

  #handleAbort(deadline: Deadline): void {
    const expire = (): void => {
      if (deadline === this.#deadline && !this.#over.signal.aborted)
        this.#lose('it could not be renewed in time');
    };
    deadline.signal.addEventListener('abort', expire, { once: true });
    if (deadline.signal.aborted) expire();
  }

  #lose(why: string): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#options.log.error('lost the lease, stopping all writes', { reason: why });
    this.#work.abort(new Error(`leadership ended: ${why}`));
    this.#over.abort();
  }
}
