// SPDX-License-Identifier: Apache-2.0
import { isAlreadyExists, isConflict, isForbidden } from '../errors/errors.ts';
import { abortable } from '../runtime/abort.ts';
import type { Runnable } from '../manager/runnable.ts';
import type { Logger } from '../runtime/logger.ts';
import { type Scheduler, sleep } from '../runtime/scheduler.ts';
import { Deadline } from './deadline.ts';
import { type Lease, type LeaseClient, holderOf } from './lease.ts';
import { LeaseLock } from './lease-lock.ts';
import { ObservedLease } from './observed-lease.ts';
import { Term } from './term.ts';

export interface LeaderElectorOptions {
  readonly client: LeaseClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Unique per process, e.g. pod name and a random suffix. */
  readonly identity: string;
  /** How long others wait for a silent leader. Default 15 s. */
  readonly leaseDurationMs?: number;
  /** How long a leader goes on without having renewed. Default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Time between attempts, lengthened by up to a fifth at random. Default 2 s. */
  readonly retryPeriodMs?: number;
  /**
   * Leads until `signal` aborts and resolves when the last write is over. Its rejection ends the
   * election. Returning early does not give leadership up.
   */
  readonly onStartedLeading: (signal: AbortSignal) => Promise<void>;
  /** Called after `onStartedLeading` has ended. */
  readonly onStoppedLeading?: () => void;
  /** Called with each new holder, ourselves included. */
  readonly onNewLeader?: (identity: string) => void;
  /** For the metric `leader_election_master_status`. */
  readonly observe?: (leading: boolean) => void;
}

/**
 * Elects one leader among replicas by a Lease. A standby only reads the Lease. A leader that cannot
 * renew has its signal aborted before anybody else may lead; it then stands by again.
 */
export class LeaderElector implements Runnable {
  readonly name = 'leader election';
  readonly #options: LeaderElectorOptions;
  readonly #lock: LeaseLock;
  readonly #observed: ObservedLease;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  #holder = '';
  #term: Term | undefined;

  /** Throws when the times leave no margin between a leader's end and its successor's start. */
  constructor(options: LeaderElectorOptions) {
    const { scheduler, client, identity, namespace, name } = options;
    const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options;
    if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= retryPeriodMs * 1.2) {
      throw new Error(
        `leader election of ${namespace}/${name}: leaseDurationMs (${leaseDurationMs}) must exceed ` +
          `renewDeadlineMs (${renewDeadlineMs}), and that 1.2 × retryPeriodMs (${retryPeriodMs})`,
      );
    }
    if (identity === '') throw new Error('leader election requires a non-empty identity');
    this.#options = options;
    this.#renewDeadlineMs = renewDeadlineMs;
    this.#retryPeriodMs = retryPeriodMs;
    const key = { namespace, name };
    this.#lock = new LeaseLock({ client, scheduler, identity, key, leaseDurationMs });
    this.#observed = new ObservedLease(scheduler, leaseDurationMs);
  }

  /** True while this candidate may write. */
  get leading(): boolean {
    return this.#term?.work.aborted === false;
  }

  /** Stands for election until `signal` aborts; then ends its term, releases the lease, resolves. */
  async start(signal: AbortSignal): Promise<void> {
    this.#options.observe?.(false);
    while (!signal.aborted) {
      const won = await this.#acquire(signal);
      if (won !== undefined) await this.#lead(won, signal);
    }
    this.#observed.forget();
  }

  async #acquire(signal: AbortSignal): Promise<Won | undefined> {
    while (!signal.aborted) {
      const deadline = this.#newDeadline();
      try {
        const lease = await abortable(this.#attempt(deadline.signal), deadline.signal);
        if (lease !== undefined) return { lease, deadline };
      } catch (err) {
        this.#explain(err);
      }
      deadline.cancel();
      await this.#pause(signal);
    }
    return undefined;
  }

  /** The lease if this candidate acquired it. */
  async #attempt(signal: AbortSignal): Promise<Lease | undefined> {
    const { identity } = this.#options;
    const lease = await this.#lock.read(signal);
    if (lease !== undefined) {
      this.#noteHolder(holderOf(lease));
      const free = this.#observed.isFree(lease);
      if (!free && holderOf(lease) !== identity) return undefined;
    }
    return this.#lock.take(lease, signal);
  }

  async #lead(won: Won, signal: AbortSignal): Promise<void> {
    const { identity, log, observe, onStartedLeading, onStoppedLeading } = this.#options;
    this.#observed.forget();
    this.#noteHolder(identity);
    log.info('became leader', { lease: this.#options.name, identity });
    observe?.(true);
    const term = new Term({
      lock: this.#lock,
      log,
      won,
      scheduler: this.#options.scheduler,
      callTimeoutMs: this.#renewDeadlineMs / 2,
      newDeadline: () => this.#newDeadline(),
      pause: (until) => this.#pause(until),
      identity,
      onWorkAborted: () => observe?.(false),
    });
    this.#term = term;
    try {
      await term.run(signal, onStartedLeading);
    } finally {
      this.#term = undefined;
      this.#holder = '';
      log.info('stopped leading', { lease: this.#options.name, identity });
      onStoppedLeading?.();
    }
  }

  #newDeadline(): Deadline {
    const message = `the lease was not renewed for ${this.#renewDeadlineMs} ms`;
    return new Deadline(this.#options.scheduler, this.#renewDeadlineMs, message);
  }

  #pause(signal: AbortSignal): Promise<void> {
    const { scheduler } = this.#options;
    return sleep(scheduler, this.#retryPeriodMs * (1 + scheduler.random() / 5), signal);
  }

  #noteHolder(holder: string): void {
    if (holder === '' || holder === this.#holder) return;
    this.#holder = holder;
    this.#options.onNewLeader?.(holder);
  }

  #explain(err: unknown): void {
    const { log, name, namespace } = this.#options;
    if (isConflict(err) || isAlreadyExists(err)) {
      log.debug('another candidate took the lease first', { lease: name });
    } else if (isForbidden(err)) {
      const hint = `allow get, create and patch of leases in namespace ${namespace}`;
      log.error('failed to use the lease', { lease: name, hint, err });
    } else {
      log.warn('failed to read or acquire the lease, will retry', { lease: name, err });
    }
  }
}

export interface Won {
  readonly lease: Lease;
  readonly deadline: Deadline;
}
