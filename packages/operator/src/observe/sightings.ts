// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { isOver, statusOf, type Seen, type Tools } from '@altershield/core';
import type { InformerEvent } from '@altershield/kube';
import type { ChangeObject, DeploymentObject } from '../kinds.ts';
import { isOfLabels, isOfSpec } from './news.ts';
import type { PolicyBook } from './policy-book.ts';
import type { World } from './world.ts';

export interface SightingsDeps {
  readonly world: Pick<World, 'deployments' | 'policies' | 'namespaces' | 'changes'>;
  readonly book: Pick<PolicyBook, 'governing'>;
  readonly tools: Tools;
  readonly isOurs: (change: ChangeObject) => boolean;
}

/**
 * The template that each Deployment ran when we last looked. Kept by every replica, so that the next
 * leader knows what is new; everything else comes from the objects. What changes while no policy
 * governs it is nobody's to record; a governed one counts as seen when it has been looked at, so that
 * what a leader did not live to record is found by the next.
 */
export class Sightings {
  readonly #seen = new Map<string, Seen>();
  readonly #deps: SightingsDeps;

  constructor(deps: SightingsDeps) {
    this.#deps = deps;
    deps.world.deployments.onEvent((event) => {
      this.#follow(event);
    });
    deps.world.changes.onEvent((event) => {
      if (!event.initial && deps.isOurs(event.object)) this.#heed(event);
    });
  }

  of({ metadata }: DeploymentObject): Seen | undefined {
    return this.#seen.get(metadata.uid);
  }

  note({ metadata, spec: { template }, ownership }: DeploymentObject): void {
    const fingerprint = this.#deps.tools.fingerprintOf(template);
    const { labels, uid } = metadata;
    this.#seen.set(uid, { fingerprint, template, ownership, labels });
  }

  #follow(event: InformerEvent<DeploymentObject>): void {
    const { type, object, initial } = event;
    if (type === 'Deleted') this.#seen.delete(object.metadata.uid);
    else if (initial || (mayBeChange(event) && this.#isFreeChange(event))) this.note(object);
  }

  /** What the leader has recorded is no news to whoever leads next; it is again when the record is deleted. */
  #heed(event: InformerEvent<ChangeObject>): void {
    const { metadata, spec } = event.object;
    const { target, from, to } = spec;
    const { namespace = '' } = metadata;
    const deployment = this.#deps.world.deployments.get({ namespace, name: target.name });
    if (deployment?.metadata.uid !== target.uid) return;
    const running = this.#deps.tools.fingerprintOf(deployment.spec.template);
    if (isDeleted(event)) {
      const isInFlight = !isOver(statusOf(event.object).phase);
      if (isInFlight && running === to.fingerprint) this.#unsee(target.uid, from);
    } else if (running === to.fingerprint || running === from?.fingerprint) this.note(deployment);
  }

  /** What was seen last is what the change came from. */
  #unsee(uid: string, from: Seen | undefined): void {
    if (from === undefined) this.#seen.delete(uid);
    else this.#seen.set(uid, from);
  }

  /** Whether no policy governs what changed, before or after: a write cannot leave its policy and change at once. */
  #isFreeChange({ object, old }: InformerEvent<DeploymentObject>): boolean {
    if (!this.#isFree(object)) return false;
    const isChanged = object.metadata.generation !== old?.metadata.generation;
    return old === undefined || !isChanged || this.#isFree(old);
  }

  /** Whether no policy governs it, as far as the policies are known. */
  #isFree({ metadata }: DeploymentObject): boolean {
    const { world, book } = this.#deps;
    if (!world.policies.synced || !world.namespaces.synced) return false;
    return book.governing('Deployment', metadata, metadata.namespace ?? '') === undefined;
  }
}

/** One that waits for a finalizer counts no more. */
const isDeleted = ({ type, object }: InformerEvent<ChangeObject>): boolean =>
  type === 'Deleted' || object.metadata.deletionTimestamp !== undefined;

/** Status moves all the time during a rollout; the spec, our marks and what selects it do not. */
export const mayBeChange = (event: InformerEvent<DeploymentObject>): boolean =>
  isOfSpec(event) || isOfLabels(event) || releaseOf(event.old) !== releaseOf(event.object);

const releaseOf = (deployment: DeploymentObject | undefined): string | undefined =>
  deployment?.metadata.annotations?.[ANNOTATIONS.release];
