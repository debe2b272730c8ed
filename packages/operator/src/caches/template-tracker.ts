// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  contentOf,
  isOver,
  statusOf,
  templateOf as templateOfWorkload,
  type LastObserved,
  type Signing,
} from '@altershield/core';
import type { InformerEvent } from '@altershield/kube';
import type { ChangeObject, WorkloadKubeObject } from '../objects.ts';
import type { FollowedKind } from '../kinds/followed-kind.ts';
import { labelsChanged, specChanged } from '../kinds/predicates.ts';
import type { PolicyCache } from './policy-cache.ts';
import { targetKey, workloadOf, type Caches } from './caches.ts';

export interface TemplateTrackerDeps {
  readonly caches: Pick<Caches, 'kinds' | 'policies' | 'namespaces' | 'changes'>;
  readonly policyCache: Pick<PolicyCache, 'policyFor'>;
  readonly signing: Signing;
  readonly isSigned: (change: ChangeObject) => boolean;
}

/**
 * The last observed template of each workload. Every replica tracks it, so that the next leader can
 * detect changes; all other state comes from the objects. If no policy matches a workload, its new
 * template counts as observed at once. If one matches, it counts as observed only once detection
 * has handled it: the next leader then detects a change that the previous leader failed to record.
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

  /** The next leader detects a recorded change again only if its record is deleted in flight. */
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

  /** Tracks the revision before the change as the last observed one, so that detection repeats. */
  #forget(uid: string, from: ChangeObject['spec']['from']): void {
    if (from === undefined) this.#observed.delete(uid);
    else {
      const { fingerprint, ownership } = from;
      this.#observed.set(uid, { fingerprint, template: contentOf(from), ownership });
    }
  }

  /**
   * True if no policy matches the workload, before and after a change of its spec: a write cannot
   * escape its policy by changing the labels together with the template.
   */
  #isFreeChange(kind: FollowedKind, { object, old }: InformerEvent<WorkloadKubeObject>): boolean {
    if (!this.#isFree(kind, object)) return false;
    const isChanged = object.metadata.generation !== old?.metadata.generation;
    return old === undefined || !isChanged || this.#isFree(kind, old);
  }

  /** True if no policy matches the workload; false until the policies are synced. */
  #isFree({ adapter }: FollowedKind, { metadata }: WorkloadKubeObject): boolean {
    const { caches, policyCache } = this.#deps;
    if (!caches.policies.synced || !caches.namespaces.synced) return false;
    return (
      policyCache.policyFor(adapter.descriptor.resource, metadata, metadata.namespace ?? '') ===
      undefined
    );
  }
}

/** A record that waits for a finalizer counts as deleted. */
const isDeleted = ({ type, object }: InformerEvent<ChangeObject>): boolean =>
  type === 'Deleted' || object.metadata.deletionTimestamp !== undefined;

/** The part of a workload that defines its revision, e.g. the pod template. */
export const templateOf = (
  { adapter }: Pick<FollowedKind, 'adapter'>,
  object: WorkloadKubeObject,
): LastObserved['template'] => templateOfWorkload(adapter, object);

const MARKS = [ANNOTATIONS.release, ANNOTATIONS.hold] as const;

/** Ignores status updates, which are frequent during a rollout. */
export const isPossibleChange = (event: InformerEvent<WorkloadKubeObject>): boolean =>
  specChanged(event) ||
  labelsChanged(event) ||
  MARKS.some((name) => markOf(event.old, name) !== markOf(event.object, name));

const markOf = (object: WorkloadKubeObject | undefined, name: string): string | undefined =>
  object?.metadata.annotations?.[name];
