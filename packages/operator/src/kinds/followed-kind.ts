// SPDX-License-Identifier: Apache-2.0
import type { RecordedHold } from '@altershield/api';
import {
  groupKind,
  isTerminating,
  type RelatedObject,
  type Signing,
  type WorkloadAdapter,
  type WorkloadView,
} from '@altershield/core';
import { keyString, type Informer, type InformerFactory, type KubeObject } from '@altershield/kube';
import type { PodObject, WorkloadKubeObject } from '../objects.ts';
import { trimWorkload, transformFor } from './trim.ts';

/** Index by the uid of an owner. */
export const BY_OWNER = 'owner';

/** Index by the namespace. */
const BY_NAMESPACE = 'namespace';

const namespaceOf = ({ metadata }: KubeObject): string[] => [metadata.namespace ?? ''];

export const ownerUids = ({ metadata }: KubeObject): string[] =>
  (metadata.ownerReferences ?? []).map((owner) => owner.uid);

/** Identifies a workload. Includes the kind, because workloads of two kinds may share a name. */
export interface WorkloadKey {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** `Deployment.apps/shop/web`. */
export const workloadKeyString = ({ kind, namespace, name }: WorkloadKey): string =>
  `${kind}/${namespace}/${name}`;

export function parseWorkloadKey(text: string): WorkloadKey {
  const [kind = '', namespace = '', name = ''] = text.split('/');
  return { kind, namespace, name };
}

/** A workload with its followed kind. */
export interface Workload {
  readonly kind: FollowedKind;
  readonly object: WorkloadKubeObject;
}

/** A pod with the key of its revision. */
export interface PodOfRevision {
  readonly pod: PodObject;
  readonly revision: string;
}

interface RelatedInformer {
  readonly key: string;
  readonly kind: string;
  readonly ownedBy: string;
  readonly informer: Informer<KubeObject>;
}

/** No workload owns these objects, so each may concern every workload. */
const isShared = ({ ownedBy }: Pick<RelatedInformer, 'ownedBy'>): boolean =>
  ownedBy === 'namespace' || ownedBy === 'cluster';

/** A watch may lag by this much before it counts as silent. */
const LAG_MS = 5000;

export const isSilent = ({ currentAsOf }: { readonly currentAsOf: number }, now: number): boolean =>
  now - currentAsOf > LAG_MS;

/** One kind of workload with the caches of its objects and their related objects. */
export class FollowedKind {
  readonly adapter: WorkloadAdapter;
  /** `Deployment.apps`. */
  readonly name: string;
  readonly objects: Informer<WorkloadKubeObject>;
  readonly related: readonly RelatedInformer[];
  readonly #signing: Signing;

  constructor(adapter: WorkloadAdapter, informers: InformerFactory, signing: Signing) {
    const { resource, relatedResources, revisionPath } = adapter.descriptor;
    this.adapter = adapter;
    this.name = groupKind(resource);
    this.#signing = signing;
    this.objects = informers.informer<WorkloadKubeObject>(resource, {
      transform: transformFor(resource) ?? ((object) => trimWorkload(object, revisionPath)),
    });
    this.related = Object.entries(relatedResources).map(([key, related]) => {
      const transform = transformFor<KubeObject>(related.resource);
      const informer = informers.informer<KubeObject>(related.resource, {
        ...(transform === undefined ? {} : { transform }),
        ...(related.isOptional === undefined ? {} : { isOptional: true }),
        indexes:
          related.ownedBy === 'namespace'
            ? { [BY_NAMESPACE]: namespaceOf }
            : related.ownedBy === 'cluster'
              ? {}
              : { [BY_OWNER]: ownerUids },
      });
      return { key, kind: related.resource.kind, ownedBy: related.ownedBy, informer };
    });
  }

  /** Whether no policy applies to the object, although it is of the kind. */
  isLeftAlone(object: WorkloadKubeObject): boolean {
    return this.adapter.isLeftAlone?.(object, this.#signing) === true;
  }

  keyOf({ metadata: { namespace = '', name } }: Pick<KubeObject, 'metadata'>): string {
    return workloadKeyString({ kind: this.name, namespace, name });
  }

  get({
    namespace,
    name,
  }: Pick<WorkloadKey, 'namespace' | 'name'>): WorkloadKubeObject | undefined {
    return this.objects.get({ namespace, name });
  }

  /** The input of the adapter: a workload and its related objects. */
  snapshot(object: WorkloadKubeObject) {
    const related: Record<string, readonly KubeObject[]> = {};
    for (const { key, ownedBy, informer } of this.related) {
      if (ownedBy === 'namespace') {
        related[key] = informer.byIndex(BY_NAMESPACE, object.metadata.namespace ?? '');
        continue;
      }
      if (ownedBy === 'cluster') {
        related[key] = informer.list();
        continue;
      }
      const owners = ownedBy === 'object' ? [object] : (related[ownedBy] ?? []);
      related[key] = owners.flatMap(({ metadata }) => informer.byIndex(BY_OWNER, metadata.uid));
    }
    const { namespace, uid } = object.metadata;
    return {
      object,
      related: related as Record<string, readonly RelatedObject[]>,
      neighbors: () => this.objects.list(namespace).filter((o) => o.metadata.uid !== uid),
    };
  }

  /** @param recorded the copy of the user's fields in the record of the change in flight */
  view(object: WorkloadKubeObject, recorded?: RecordedHold): WorkloadView {
    return this.#view(this.snapshot(object), recorded);
  }

  /** The view of a workload and its pods that are not terminating, from one snapshot. */
  observe(
    object: WorkloadKubeObject,
    recorded?: RecordedHold,
  ): {
    readonly view: WorkloadView;
    readonly pods: readonly PodOfRevision[];
  } {
    const snapshot = this.snapshot(object);
    const pods = (snapshot.related['pods'] ?? []) as readonly PodObject[];
    return {
      view: this.#view(snapshot, recorded),
      pods: pods
        .filter((pod) => !isTerminating(pod))
        .map((pod) => ({ pod, revision: this.adapter.revisionOfPod(pod) ?? '' })),
    };
  }

  #view(
    snapshot: ReturnType<FollowedKind['snapshot']>,
    recorded: RecordedHold | undefined,
  ): WorkloadView {
    const view = this.adapter.observe(snapshot, this.#signing, recorded);
    return { ...view, ownership: snapshot.object.ownership };
  }

  /** Keys of the workloads that a related object may concern. */
  rootsOf(key: string, object: Pick<KubeObject, 'metadata'>): readonly string[] {
    const related = this.related.find((r) => r.key === key);
    if (related !== undefined && isShared(related))
      return this.objects.list(object.metadata.namespace).map((each) => this.keyOf(each));
    const root = this.rootOf(key, object);
    return root === undefined ? [] : [root];
  }

  /** Key of the workload that a related object belongs to, found through cached owners. */
  rootOf(key: string, { metadata }: Pick<KubeObject, 'metadata'>): string | undefined {
    const related = this.related.find((r) => r.key === key);
    if (related === undefined) return undefined;
    const parent = this.related.find((r) => r.key === related.ownedBy);
    const kind = parent?.kind ?? this.adapter.descriptor.resource.kind;
    const owner = metadata.ownerReferences?.find((o) => o.kind === kind);
    if (owner === undefined) return undefined;
    const namespace = metadata.namespace ?? '';
    if (parent === undefined) {
      return workloadKeyString({ kind: this.name, namespace, name: owner.name });
    }
    const object = parent.informer.get(keyString({ namespace, name: owner.name }));
    return object && this.rootOf(parent.key, object);
  }

  /** The cached workload that owns a related object. Compares uids: names may be reused. */
  owning({ metadata }: Pick<KubeObject, 'metadata'>): WorkloadKubeObject | undefined {
    const { namespace = '', ownerReferences = [] } = metadata;
    const owner = ownerReferences.find((o) => o.kind === this.adapter.descriptor.resource.kind);
    const found = owner && this.objects.get({ namespace, name: owner.name });
    return found?.metadata.uid === owner?.uid ? found : undefined;
  }

  /** The direct owners of its pods: the workloads, or a related resource, e.g. ReplicaSets. */
  get podOwners(): { readonly kind: string; readonly informer: Informer<KubeObject> } {
    const pods = this.related.find(({ key }) => key === 'pods');
    const between = this.related.find(({ key }) => key === pods?.ownedBy);
    const informer = this.objects as unknown as Informer<KubeObject>;
    return between ?? { kind: this.adapter.descriptor.resource.kind, informer };
  }

  /** Uids of the direct owners of this workload's pods. */
  podOwnerUids(object: WorkloadKubeObject): ReadonlySet<string> {
    const key = this.related.find((r) => r.key === 'pods')?.ownedBy ?? 'object';
    const owners = key === 'object' ? [object] : (this.snapshot(object).related[key] ?? []);
    return new Set(owners.map(({ metadata }) => metadata.uid));
  }

  /** The caches of the objects that lie between a workload and its pods, or name its revisions. */
  get ownedInformers(): readonly Informer<KubeObject>[] {
    return this.related
      .filter((related) => related.key !== 'pods' && !isShared(related))
      .map(({ informer }) => informer);
  }

  /** The caches of all that decides about its pods are complete up to this time. */
  get currentAsOf(): number {
    const owned = this.related.filter((related) => !isShared(related));
    const informers = [this.objects, ...owned.map(({ informer }) => informer)];
    return Math.min(...informers.map(({ currentAsOf }) => currentAsOf));
  }

  /** Restarts the watches that may be dead, when the server turns out to have newer objects. */
  restartSilentWatches(now: number, why: string): void {
    for (const informer of [this.objects, ...this.related.map((each) => each.informer)]) {
      if (isSilent(informer, now)) informer.restartWatch(why);
    }
  }
}
