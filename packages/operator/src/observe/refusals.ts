// SPDX-License-Identifier: Apache-2.0
import type { Refusal } from '@altershield/core';
import type { Scheduler } from '@altershield/kube';
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
   * The record that refuses this template of this workload; the newest where there are several. A
   * person who lifts it lifts the older ones with it.
   */
  find(namespace: string, name: string, refusal: string): ChangeObject | undefined {
    const newest = changesOf(this.#world, namespace, name)
      .reverse()
      .find((change) => this.#saysOf(change, refusal));
    return newest?.status?.quarantine?.lifted === undefined ? newest : undefined;
  }

  of(namespace: string, name: string, refusal: string): Refusal | undefined {
    const change = this.find(namespace, name, refusal);
    if (change === undefined) return undefined;
    const { message = '', quarantine } = change.status ?? {};
    return { change: change.metadata.name, why: message, until: quarantine?.until ?? '' };
  }

  #saysOf({ status }: ChangeObject, refusal: string): boolean {
    const quarantine = status?.quarantine;
    if (quarantine?.fingerprint !== refusal) return false;
    return Date.parse(quarantine.until) > this.#scheduler.now();
  }
}
