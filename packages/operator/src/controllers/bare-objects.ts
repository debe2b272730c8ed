// SPDX-License-Identifier: Apache-2.0
import type { Actor } from '@altershield/api';
import {
  bareFingerprint,
  editorFromManagedFields,
  groupKind,
  recordBare,
  RECORDED_KINDS,
  subresourceOfEdit,
  templateText,
  type APIResource,
  type ReviewedEdit,
  type Signing,
  type ValidPolicy,
} from '@altershield/core';
import {
  Controller,
  keyOf,
  LruMap,
  type ControllerMetrics,
  type InformerEvent,
  type KubeObject,
  type Logger,
  type Runnable,
  type Scheduler,
  type WriteThroughClient,
} from '@altershield/kube';
import { changesOf, lastSequence, type Caches } from '../caches/caches.ts';
import type { PolicyCache } from '../caches/policy-cache.ts';
import { workloadKeyString, parseWorkloadKey, type WorkloadKey } from '../kinds/followed-kind.ts';
import { isBare } from '../kinds/trim.ts';
import type { PodObject, ReplicaSetObject } from '../objects.ts';
import { createRecord } from '../records/create.ts';

export interface BareObjectsDeps {
  readonly caches: Caches;
  readonly policyCache: Pick<PolicyCache, 'policyFor'>;
  readonly signing: Signing;
  readonly client: WriteThroughClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
}

interface Seen {
  readonly object: KubeObject;
  readonly from: string | undefined;
  readonly to: string;
  readonly actor: Actor | undefined;
}

const MAX_REVIEWS = 1000;
/** How long the leader waits for the replica that knows the user to record the change. */
const UNANNOUNCED_MS = 400;

/**
 * Pods and ReplicaSets that no controller owns: where a policy names their kind, their creation and
 * their edits are recorded. As with edits in place, the replica that admission asked knows the user.
 */
export class BareObjects {
  readonly runnable: Runnable;
  readonly #deps: BareObjectsDeps;
  readonly #controller: Controller;
  readonly #reviewed = new LruMap<Actor>(MAX_REVIEWS);
  /** Changes that are not recorded yet, oldest first, by the key of their object. */
  readonly #pending = new Map<string, readonly Seen[]>();
  #term: AbortSignal | undefined;

  constructor(deps: BareObjectsDeps) {
    this.#deps = deps;
    const { scheduler, log, metrics, caches } = deps;
    this.#controller = new Controller({
      name: 'bare-objects',
      ...{ scheduler, log, metrics },
      reconcile: (key, { signal }) => this.#record(key, signal),
    });
    const controller = this.#controller;
    this.runnable = { name: controller.name, start: (signal) => controller.start(signal) };
    const related = caches.kinds.flatMap((kind) => kind.related);
    for (const { resource } of RECORDED_KINDS) {
      // Informers are shared, so one of them reports all objects of its resource.
      const informer = related.find(({ kind }) => kind === resource.kind)?.informer;
      informer?.onEvent((event) => {
        this.#observe(resource, event);
      });
    }
  }

  /** Until the signal aborts, this replica records the changes that no review announced, too. */
  lead(term: AbortSignal): void {
    this.#term = term;
  }

  readonly reviewed = ({ uid, content, actor }: ReviewedEdit): void => {
    this.#reviewed.set(`${uid} ${content}`, actor);
  };

  #observe(resource: APIResource, event: InformerEvent<KubeObject>): void {
    const seen = this.#changeOf(event);
    if (seen === undefined || this.#policyOf(resource, seen.object) === undefined) return;
    if (seen.actor === undefined && this.#term?.aborted !== false) return;
    const key = workloadKeyString({ kind: groupKind(resource), ...keyOf(seen.object) });
    this.#pending.set(key, [...(this.#pending.get(key) ?? []), seen]);
    this.#controller.enqueueAfter(key, seen.actor === undefined ? UNANNOUNCED_MS : 0);
  }

  #changeOf({ type, object, old, initial }: InformerEvent<KubeObject>): Seen | undefined {
    if (initial || type === 'Deleted' || !isBare(object)) return undefined;
    const [from, to] = [old && contentOf(old), contentOf(object)];
    const actor = this.#reviewed.get(`${object.metadata.uid} ${to}`);
    return from === to ? undefined : { object, from, to, actor };
  }

  #policyOf(resource: APIResource, object: KubeObject): ValidPolicy | undefined {
    return this.#deps.policyCache.policyFor(resource, object.metadata, keyOf(object).namespace);
  }

  async #record(key: string, signal: AbortSignal): Promise<void> {
    const [next, ...rest] = this.#pending.get(key) ?? [];
    if (next === undefined) return;
    await this.#create(parseWorkloadKey(key), next, signal);
    const [, ...left] = this.#pending.get(key) ?? rest;
    if (left.length === 0) this.#pending.delete(key);
    else {
      this.#pending.set(key, left);
      this.#controller.enqueue(key);
    }
  }

  async #create(key: WorkloadKey, seen: Seen, signal: AbortSignal): Promise<void> {
    const { caches, scheduler, client, signing } = this.#deps;
    const resource = RECORDED_KINDS.find((kind) => groupKind(kind.resource) === key.kind)?.resource;
    const policy = resource && this.#policyOf(resource, seen.object);
    const changes = changesOf(caches, key);
    const isRecorded = changes.at(-1)?.spec.to.fingerprint === bareFingerprint(seen.to);
    if (resource === undefined || policy === undefined || isRecorded) return;
    const spec = recordBare({
      ...seen,
      object: { ...seen.object, ...typeOf(resource) },
      actor: seen.actor ?? actorInFields(seen, resource),
      policy,
      sequence: lastSequence(changes) + 1,
      now: scheduler.now(),
    });
    await createRecord(key.namespace, spec, { client, signing }, signal);
  }
}

const typeOf = ({ group, version, kind }: APIResource) => ({
  apiVersion: group === '' ? version : `${group}/${version}`,
  kind,
});

function actorInFields({ object, from, to }: Seen, { kind }: APIResource): Actor {
  const through = from === undefined || kind !== 'Pod' ? '' : subresourceOfEdit(from, to);
  return editorFromManagedFields(object.metadata.managedFields ?? [], through);
}

/** What identifies the content of a pod or a ReplicaSet. */
const contentOf = (object: KubeObject): string =>
  (object as PodObject).editable ?? templateText((object as ReplicaSetObject).spec.template ?? {});
