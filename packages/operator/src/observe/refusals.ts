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

  /** The record that refuses this template of this workload; the newest where there are several. */
  find(namespace: string, name: string, refusal: string): ChangeObject | undefined {
    return changesOf(this.#world, namespace, name)
      .reverse()
      .find((change) => this.#refuses(change, refusal));
  }

  of(namespace: string, name: string, refusal: string): Refusal | undefined {
    const change = this.find(namespace, name, refusal);
    if (change === undefined) return undefined;
    const { message = '', quarantine } = change.status ?? {};
    return { change: change.metadata.name, why: message, until: quarantine?.until ?? '' };
  }

  #refuses({ status }: ChangeObject, refusal: string): boolean {
    const quarantine = status?.quarantine;
    if (quarantine === undefined || quarantine.lifted !== undefined) return false;
    return (
      quarantine.fingerprint === refusal && Date.parse(quarantine.until) > this.#scheduler.now()
    );
  }
}
