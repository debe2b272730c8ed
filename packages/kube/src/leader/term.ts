// SPDX-License-Identifier: Apache-2.0
import { isConflict, isNotFound } from '../client/errors.ts';
import { orAborted, reasonOf } from '../runtime/abort.ts';
import { whenAborted } from '../manager/when-aborted.ts';
import { type Logger } from '../runtime/logger.ts';
import { type Deadline } from './deadline.ts';
import { type Lease, holderOf } from './lease.ts';
import { type LeaseLock } from './lease-lock.ts';

export interface TermOptions {
  readonly lock: LeaseLock;
  readonly log: Logger;
  readonly identity: string;
  /** The lease as we took it, and the deadline that began before we asked for it. */
  readonly won: { readonly lease: Lease; readonly deadline: Deadline };
  readonly newDeadline: () => Deadline;
  readonly pause: (until: AbortSignal) => Promise<void>;
  readonly onWorkAborted: () => void;
}

/** One time in office: work under a signal, renewals beside it until the work has ended. */
export class Term {
  readonly #options: TermOptions;
  readonly #work = new AbortController();
  /** Aborts when there is nothing left to renew for. */
  readonly #over = new AbortController();
  #lease: Lease;
  #deadline: Deadline;
  #lost = false;

  constructor(options: TermOptions) {
    this.#options = options;
    this.#lease = options.won.lease;
    this.#deadline = options.won.deadline;
    this.#work.signal.addEventListener('abort', options.onWorkAborted, { once: true });
    this.#obey(options.won.deadline);
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
      this.#work.abort(new Error('the work ended'));
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
    for (;;) {
      await this.#options.pause(over);
      if (over.aborted) return;
      await this.#renew();
    }
  }

  async #renew(): Promise<void> {
    const next = this.#options.newDeadline();
    try {
      // The old deadline bounds the call: an answer after it comes too late.
      const renewed = this.#options.lock.renew(this.#lease, this.#deadline.signal);
      this.#lease = await orAborted(renewed, this.#deadline.signal);
    } catch (err) {
      next.cancel();
      await this.#renewFailed(err);
      return;
    }
    this.#deadline.cancel();
    this.#deadline = next;
    this.#obey(next);
  }

  async #renewFailed(err: unknown): Promise<void> {
    const { log } = this.#options;
    if (this.#isLost()) return;
    if (isNotFound(err)) this.#lose('the lease was deleted');
    else if (isConflict(err)) await this.#reread();
    else log.warn('could not renew the lease, trying again', { err });
  }

  /** Somebody wrote the lease: an editor, another candidate, or we, by a call whose answer was lost. */
  async #reread(): Promise<void> {
    const { lock, identity, log } = this.#options;
    try {
      const signal = this.#deadline.signal;
      const lease = await orAborted(lock.read(signal), signal);
      if (lease !== undefined && holderOf(lease) === identity) this.#lease = lease;
      else this.#lose(`the lease belongs to "${lease === undefined ? '' : holderOf(lease)}" now`);
    } catch (err) {
      log.warn('could not read the lease, trying again', { err });
    }
  }

  async #release(): Promise<void> {
    const { lock, log } = this.#options;
    try {
      const released = lock.release(this.#lease, this.#deadline.signal);
      await orAborted(released, this.#deadline.signal);
    } catch (err) {
      log.warn('could not release the lease, others will wait for its end', { err });
    }
  }

  #obey(deadline: Deadline): void {
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
    this.#options.log.error('lost the lease, all writing stops', { reason: why });
    this.#work.abort(new Error(`leadership ended: ${why}`));
    this.#over.abort();
  }

  /** A call, for the compiler takes the field for unchanged across an await. */
  #isLost(): boolean {
    return this.#lost;
  }
}
