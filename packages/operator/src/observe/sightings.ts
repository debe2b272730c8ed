// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import type { Seen, Tools } from '@altershield/core';
import type { InformerEvent, Scheduler } from '@altershield/kube';
import type { ChangeObject, DeploymentObject } from '../kinds.ts';
import { isOfLabels, isOfSpec } from './news.ts';
import type { PolicyBook } from './policy-book.ts';
import type { World } from './world.ts';

export interface SightingsDeps {
  readonly world: Pick<World, 'deployments' | 'policies' | 'namespaces'>;
  readonly book: Pick<PolicyBook, 'governing'>;
  readonly tools: Tools;
  readonly scheduler: Pick<Scheduler, 'now'>;
}

/**
 * The template that each Deployment ran when we last looked. Kept by every replica, so that the next
 * leader knows what is new; everything else comes from the objects. What changes while no policy
 * governs it is nobody's to record; a governed one counts as seen when it has been looked at, so that
 * what a leader did not live to record is found by the next.
 */
export class Sightings {
  readonly #seen = new Map<string, Seen>();
  /** When each was last seen without a policy. */
  readonly #freeAt = new Map<string, number>();
  readonly #deps: SightingsDeps;

  constructor(deps: SightingsDeps) {
    this.#deps = deps;
    deps.world.deployments.onEvent((event) => {
      this.#follow(event);
    });
  }

  of({ metadata }: DeploymentObject): Seen | undefined {
    return this.#seen.get(metadata.uid);
  }

  note({ metadata, spec: { template } }: DeploymentObject): void {
    const fingerprint = this.#deps.tools.fingerprintOf(template);
    this.#seen.set(metadata.uid, { fingerprint, template, wasThere: true });
  }

  /** Notes what no policy governs. */
  noteFree(deployment: DeploymentObject): void {
    this.#freeAt.set(deployment.metadata.uid, this.#deps.scheduler.now());
    this.note(deployment);
  }

  /** Whether the workload has moved on from this record while nothing governed it. */
  isBehind({ spec }: ChangeObject, { metadata }: DeploymentObject): boolean {
    const seen = this.#seen.get(metadata.uid)?.fingerprint;
    const freeAt = this.#freeAt.get(metadata.uid) ?? 0;
    const isOfIt = seen === spec.to.fingerprint || seen === spec.from?.fingerprint;
    return !isOfIt && freeAt > Date.parse(spec.detectedAt);
  }

  #follow(event: InformerEvent<DeploymentObject>): void {
    const { type, object, initial } = event;
    if (type === 'Deleted') {
      this.#seen.delete(object.metadata.uid);
      this.#freeAt.delete(object.metadata.uid);
    } else if (initial) this.note(object);
    else if (mayBeChange(event) && this.#isFree(object)) this.noteFree(object);
  }

  /** Whether no policy governs it, as far as the policies are known. */
  #isFree({ metadata }: DeploymentObject): boolean {
    const { world, book } = this.#deps;
    if (!world.policies.synced || !world.namespaces.synced) return false;
    return book.governing('Deployment', metadata, metadata.namespace ?? '') === undefined;
  }
}

/** Status moves all the time during a rollout; the spec, our marks and what selects it do not. */
export const mayBeChange = (event: InformerEvent<DeploymentObject>): boolean =>
  isOfSpec(event) || isOfLabels(event) || holdOf(event.old) !== holdOf(event.object);

const holdOf = (deployment: DeploymentObject | undefined): string | undefined =>
  deployment?.metadata.annotations?.[ANNOTATIONS.hold];
