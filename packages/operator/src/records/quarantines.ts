// SPDX-License-Identifier: Apache-2.0
import { byEffectiveOrder, type QuarantineInfo } from '@altershield/core';
import type { Scheduler } from '@altershield/kube';
import type { WorkloadKey } from '../kinds/followed-kind.ts';
import { changesOf, type Caches } from '../caches/caches.ts';
import type { ChangeObject } from '../objects.ts';

/** The quarantines in force, read from the records. */
export class Quarantines {
  readonly #caches: Pick<Caches, 'changes'>;
  readonly #scheduler: Pick<Scheduler, 'now'>;

  constructor(caches: Pick<Caches, 'changes'>, scheduler: Pick<Scheduler, 'now'>) {
    this.#caches = caches;
    this.#scheduler = scheduler;
  }

  /**
   * The record whose quarantine denies this template of this workload: the last one that was rolled
   * back. If a user lifts its quarantine, the older ones of the template are lifted as well.
   */
  find(workload: WorkloadKey, quarantineKey: string): ChangeObject | undefined {
    const last = changesOf(this.#caches, workload)
      .sort(byEffectiveOrder)
      .reverse()
      .find(({ status }) => {
        const quarantine = status?.quarantine;
        if (quarantine?.fingerprint !== quarantineKey) return false;
        return quarantine.lifted !== undefined || this.#isInForce(quarantine.until);
      });
    return last?.status?.quarantine?.lifted === undefined ? last : undefined;
  }

  describe(workload: WorkloadKey, quarantineKey: string): QuarantineInfo | undefined {
    const change = this.find(workload, quarantineKey);
    if (change === undefined) return undefined;
    const { message = '', quarantine } = change.status ?? {};
    return { change: change.metadata.name, why: message, until: quarantine?.until ?? '' };
  }

  #isInForce(until: string): boolean {
    return Date.parse(until) > this.#scheduler.now();
  }
}
