// SPDX-License-Identifier: Apache-2.0
import { isNotFound } from '../errors/errors.ts';
import { type ObjectKey, RESOURCES } from '../client/object.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import { type Lease, type LeaseClient, type LeaseSpec, holderOf, microTime } from './lease.ts';

export interface LeaseLockOptions {
  readonly client: LeaseClient;
  readonly scheduler: Scheduler;
  readonly key: ObjectKey;
  readonly identity: string;
  readonly leaseDurationMs: number;
}

/**
 * Writes one Lease for one candidate. Every write carries the resourceVersion that was judged, so a
 * late or repeated request can never undo another's. Answers of the API server are the only truth:
 * a write whose answer was lost is learnt of by the next read.
 */
export class LeaseLock {
  readonly #options: LeaseLockOptions;

  constructor(options: LeaseLockOptions) {
    this.#options = options;
  }

  /** `undefined` when the lease does not exist yet. */
  async read(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, key } = this.#options;
    try {
      return await client.get(RESOURCES.lease, key, urgently(signal));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Takes the lease as it was read. Rejects with a conflict when another was faster. */
  take(lease: Lease | undefined, signal: AbortSignal): Promise<Lease> {
    const { client, key, scheduler } = this.#options;
    const now = microTime(scheduler.now());
    if (lease === undefined) {
      const spec = { ...this.#held(now), acquireTime: now, leaseTransitions: 0 };
      const head = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: key };
      return client.create(RESOURCES.lease, key.namespace, { ...head, spec }, urgently(signal));
    }
    if (holderOf(lease) === this.#options.identity) return this.renew(lease, signal);
    const leaseTransitions = (lease.spec?.leaseTransitions ?? 0) + 1;
    return this.#write(lease, { ...this.#held(now), acquireTime: now, leaseTransitions }, signal);
  }

  /** Renews a held lease. Rejects with a conflict when it changed since it was read. */
  renew(lease: Lease, signal: AbortSignal): Promise<Lease> {
    return this.#write(lease, this.#held(microTime(this.#options.scheduler.now())), signal);
  }

  /** Gives the lease up, so that another need not wait for its end. */
  release(lease: Lease, signal: AbortSignal): Promise<Lease> {
    const renewTime = microTime(this.#options.scheduler.now());
    return this.#write(lease, { holderIdentity: '', leaseDurationSeconds: 1, renewTime }, signal);
  }

  #held(now: string): LeaseSpec {
    const { identity, leaseDurationMs } = this.#options;
    const leaseDurationSeconds = Math.ceil(leaseDurationMs / 1000);
    return { holderIdentity: identity, leaseDurationSeconds, renewTime: now };
  }

  #write({ metadata }: Lease, spec: LeaseSpec, signal: AbortSignal): Promise<Lease> {
    const { client, key } = this.#options;
    const body = { metadata: { resourceVersion: metadata.resourceVersion }, spec };
    return client.patch(RESOURCES.lease, key, { type: 'merge', body }, urgently(signal));
  }
}

/** A renewal that waits behind the work of the leader would cost it its office. */
const urgently = (signal: AbortSignal) => ({ signal, urgent: true }) as const;
