// SPDX-License-Identifier: Apache-2.0
import { byTurn, type Refusal } from '@altershield/core';
import type { Scheduler } from '@altershield/kube';
import type { WorkloadKey } from './followed-kind.ts';
import { changesOf, type World } from './world.ts';
import type { ChangeObject } from '../kinds.ts';

/** The quarantines in force, as the records say. */
export class Refusals {
  readonly #world: Pick<World, 'changes'>;
  readonly #scheduler: Pick<Scheduler, 'now'>;

  constructor(world: Pick<World, 'changes'>, scheduler: Pick<Scheduler, 'now'>) {
    this.#world = world;
    this.#scheduler = scheduler;
  }

  /**
   * The record that refuses this template of this workload: the one that was rolled back last. A person
   * who lifts it lifts those before it, for good.
   */
  find(workload: WorkloadKey, refusal: string): ChangeObject | undefined {
    const last = changesOf(this.#world, workload)
      .sort(byTurn)
      .reverse()
      .find(({ status }) => {
        const quarantine = status?.quarantine;
        if (quarantine?.fingerprint !== refusal) return false;
        return quarantine.lifted !== undefined || this.#isInForce(quarantine.until);
      });
    return last?.status?.quarantine?.lifted === undefined ? last : undefined;
  }

  of(workload: WorkloadKey, refusal: string): Refusal | undefined {
    const change = this.find(workload, refusal);
    if (change === undefined) return undefined;
    const { message = '', quarantine } = change.status ?? {};
    return { change: change.metadata.name, why: message, until: quarantine?.until ?? '' };
  }

  #isInForce(until: string): boolean {
    return Date.parse(until) > this.#scheduler.now();
  }
}
