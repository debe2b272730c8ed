// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { contentOf, isOver, statusOf, valueAt, type Seen, type Tools } from '@altershield/core';
import type { InformerEvent } from '@altershield/kube';
import type { ChangeObject, WorkloadKubeObject } from '../kinds.ts';
import type { FollowedKind } from './followed-kind.ts';
import { isOfLabels, isOfSpec } from './news.ts';
import type { PolicyBook } from './policy-book.ts';
import { targetKey, workloadOf, type World } from './world.ts';

export interface SightingsDeps {
  readonly world: Pick<World, 'kinds' | 'policies' | 'namespaces' | 'changes'>;
  readonly book: Pick<PolicyBook, 'governing'>;
  readonly tools: Tools;
  readonly isOurs: (change: ChangeObject) => boolean;
}

/**
 * The template that each workload ran when we last looked. Kept by every replica, so that the next
 * leader knows what is new; everything else comes from the objects. What changes while no policy
 * governs it is nobody's to record; a governed one counts as seen when it has been looked at, so that
 * what a leader did not live to record is found by the next.
 */
export class Sightings {
  readonly #seen = new Map<string, Seen>();
  readonly #deps: SightingsDeps;

  constructor(deps: SightingsDeps) {
    this.#deps = deps;
    for (const kind of deps.world.kinds) {
      kind.objects.onEvent((event) => {
        this.#follow(kind, event);
      });
    }
    deps.world.changes.onEvent((event) => {
      if (!event.initial && deps.isOurs(event.object)) this.#heed(event);
    });
  }

  of({ metadata }: WorkloadKubeObject): Seen | undefined {
    return this.#seen.get(metadata.uid);
  }

  note(kind: FollowedKind, object: WorkloadKubeObject): void {
    const template = templateOf(kind, object);
    const fingerprint = this.#deps.tools.fingerprintOf(template);
    const { ownership } = object;
    const { labels, uid } = object.metadata;
    this.#seen.set(uid, { fingerprint, template, ownership, labels });
  }

  #follow(kind: FollowedKind, event: InformerEvent<WorkloadKubeObject>): void {
    const { type, object, initial } = event;
    if (type === 'Deleted') this.#seen.delete(object.metadata.uid);
    else if (initial || (mayBeChange(event) && this.#isFreeChange(kind, event))) {
      this.note(kind, object);
    }
  }

  /** What the leader has recorded is no news to whoever leads next; it is again when the record is deleted. */
  #heed(event: InformerEvent<ChangeObject>): void {
    const { target, from, to } = event.object.spec;
    const workload = workloadOf(this.#deps.world, targetKey(event.object));
    if (workload?.object.metadata.uid !== target.uid) return;
    const { kind, object } = workload;
    const running = this.#deps.tools.fingerprintOf(templateOf(kind, object));
    const isRunning = running === to.fingerprint;
    if (!isDeleted(event)) {
      if (isRunning || running === from?.fingerprint) this.note(kind, object);
    } else if (isRunning && !isOver(statusOf(event.object).phase)) this.#unsee(target.uid, from);
  }

  /** What was seen last is what the change came from. */
  #unsee(uid: string, from: ChangeObject['spec']['from']): void {
    if (from === undefined) this.#seen.delete(uid);
    else {
      const { fingerprint, ownership } = from;
      this.#seen.set(uid, { fingerprint, template: contentOf(from), ownership });
    }
  }

  /** Whether no policy governs what changed, before or after: a write cannot leave its policy and change at once. */
  #isFreeChange(kind: FollowedKind, { object, old }: InformerEvent<WorkloadKubeObject>): boolean {
    if (!this.#isFree(kind, object)) return false;
    const isChanged = object.metadata.generation !== old?.metadata.generation;
    return old === undefined || !isChanged || this.#isFree(kind, old);
  }

  /** Whether no policy governs it, as far as the policies are known. */
  #isFree({ adapter }: FollowedKind, { metadata }: WorkloadKubeObject): boolean {
    const { world, book } = this.#deps;
    if (!world.policies.synced || !world.namespaces.synced) return false;
    return (
      book.governing(adapter.descriptor.resource, metadata, metadata.namespace ?? '') === undefined
    );
  }
}

/** One that waits for a finalizer counts no more. */
const isDeleted = ({ type, object }: InformerEvent<ChangeObject>): boolean =>
  type === 'Deleted' || object.metadata.deletionTimestamp !== undefined;

/** What makes the revision of a workload. */
export const templateOf = (
  { adapter }: Pick<FollowedKind, 'adapter'>,
  object: WorkloadKubeObject,
): Seen['template'] => (valueAt(object, adapter.descriptor.revisionPath) ?? {}) as Seen['template'];

const MARKS = [ANNOTATIONS.release, ANNOTATIONS.hold] as const;

/** Status moves all the time during a rollout; the spec, our marks and what selects it do not. */
export const mayBeChange = (event: InformerEvent<WorkloadKubeObject>): boolean =>
  isOfSpec(event) ||
  isOfLabels(event) ||
  MARKS.some((name) => markOf(event.old, name) !== markOf(event.object, name));

const markOf = (object: WorkloadKubeObject | undefined, name: string): string | undefined =>
  object?.metadata.annotations?.[name];
