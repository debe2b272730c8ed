// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  contentOf,
  isOver,
  statusOf,
  valueAt,
  type LastObserved,
  type Signing,
} from '@altershield/core';
import type { InformerEvent } from '@altershield/kube';
import type { ChangeObject, WorkloadKubeObject } from '../kinds.ts';
import type { FollowedKind } from './followed-kind.ts';
import { labelsChanged, specChanged } from './predicates.ts';
import type { PolicyCache } from './policy-cache.ts';
import { targetKey, workloadOf, type Caches } from './caches.ts';

export interface TemplateTrackerDeps {
  readonly caches: Pick<Caches, 'kinds' | 'policies' | 'namespaces' | 'changes'>;
  readonly policyCache: Pick<PolicyCache, 'policyFor'>;
  readonly signing: Signing;
  readonly isSigned: (change: ChangeObject) => boolean;
}

/**
 * The template that each workload ran when we last looked. Kept by every replica, so that the next
 * leader knows what is new; everything else comes from the objects. What changes while no policy
 * governs it is nobody's to record; a governed one counts as seen when it has been looked at, so that
 * what a leader did not live to record is found by the next.
 */
export class TemplateTracker {
  readonly #observed = new Map<string, LastObserved>();
  readonly #deps: TemplateTrackerDeps;

  constructor(deps: TemplateTrackerDeps) {
    this.#deps = deps;
    for (const kind of deps.caches.kinds) {
      kind.objects.onEvent((event) => {
        this.#onWorkload(kind, event);
      });
    }
    deps.caches.changes.onEvent((event) => {
      if (!event.initial && deps.isSigned(event.object)) this.#onChange(event);
    });
  }

  get({ metadata }: WorkloadKubeObject): LastObserved | undefined {
    return this.#observed.get(metadata.uid);
  }

  record(kind: FollowedKind, object: WorkloadKubeObject): void {
    const template = templateOf(kind, object);
    const fingerprint = this.#deps.signing.fingerprintOf(template);
    const { ownership } = object;
    const { labels, uid } = object.metadata;
    this.#observed.set(uid, { fingerprint, template, ownership, labels });
  }

  #onWorkload(kind: FollowedKind, event: InformerEvent<WorkloadKubeObject>): void {
    const { type, object, initial } = event;
    if (type === 'Deleted') this.#observed.delete(object.metadata.uid);
    else if (initial || (isPossibleChange(event) && this.#isFreeChange(kind, event))) {
      this.record(kind, object);
    }
  }

  /** What the leader has recorded is no news to whoever leads next; it is again when the record is deleted. */
  #onChange(event: InformerEvent<ChangeObject>): void {
    const { target, from, to } = event.object.spec;
    const workload = workloadOf(this.#deps.caches, targetKey(event.object));
    if (workload?.object.metadata.uid !== target.uid) return;
    const { kind, object } = workload;
    const running = this.#deps.signing.fingerprintOf(templateOf(kind, object));
    const isRunning = running === to.fingerprint;
    if (!isDeleted(event)) {
      if (isRunning || running === from?.fingerprint) this.record(kind, object);
    } else if (isRunning && !isOver(statusOf(event.object).phase)) this.#forget(target.uid, from);
  }

  /** What was seen last is what the change came from. */
  #forget(uid: string, from: ChangeObject['spec']['from']): void {
    if (from === undefined) this.#observed.delete(uid);
    else {
      const { fingerprint, ownership } = from;
      this.#observed.set(uid, { fingerprint, template: contentOf(from), ownership });
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
    const { caches, policyCache } = this.#deps;
    if (!caches.policies.synced || !caches.namespaces.synced) return false;
    return (
      policyCache.policyFor(adapter.descriptor.resource, metadata, metadata.namespace ?? '') ===
      undefined
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
): LastObserved['template'] =>
  (valueAt(object, adapter.descriptor.revisionPath) ?? {}) as LastObserved['template'];

const MARKS = [ANNOTATIONS.release, ANNOTATIONS.hold] as const;

/** Status moves all the time during a rollout; the spec, our marks and what selects it do not. */
export const isPossibleChange = (event: InformerEvent<WorkloadKubeObject>): boolean =>
  specChanged(event) ||
  labelsChanged(event) ||
  MARKS.some((name) => markOf(event.old, name) !== markOf(event.object, name));

const markOf = (object: WorkloadKubeObject | undefined, name: string): string | undefined =>
  object?.metadata.annotations?.[name];
