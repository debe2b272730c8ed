// SPDX-License-Identifier: Apache-2.0
import {
  groupKind,
  isTerminating,
  type RelatedObject,
  type Signing,
  type WorkloadAdapter,
  type WorkloadView,
} from '@altershield/core';
import { keyString, type Informer, type InformerFactory, type KubeObject } from '@altershield/kube';
import type { PodObject, WorkloadKubeObject } from '../kinds.ts';
import { trimWorkload, transformFor } from './trim.ts';

/** Index by the uid of an owner. */
export const BY_OWNER = 'owner';

export const ownerUids = ({ metadata }: KubeObject): string[] =>
  (metadata.ownerReferences ?? []).map((owner) => owner.uid);

/** Which workload is meant: kinds may share names. */
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

/** A workload of a kind that is followed. */
export interface Workload {
  readonly kind: FollowedKind;
  readonly object: WorkloadKubeObject;
}

interface RelatedInformer {
  readonly key: string;
  readonly kind: string;
  readonly ownedBy: string;
  readonly informer: Informer<KubeObject>;
}

/** One kind of workload as the caches have it: its objects, and what belongs to them. */
export class FollowedKind {
  readonly adapter: WorkloadAdapter;
  /** `Deployment.apps`. */
  readonly name: string;
  readonly objects: Informer<WorkloadKubeObject>;
  readonly related: readonly RelatedInformer[];
  readonly #tools: Signing;

  constructor(adapter: WorkloadAdapter, informers: InformerFactory, signing: Signing) {
    const { resource, relatedResources } = adapter.descriptor;
    this.adapter = adapter;
    this.name = groupKind(resource);
    this.#tools = signing;
    this.objects = informers.informer<WorkloadKubeObject>(resource, { transform: trimWorkload });
    this.related = Object.entries(relatedResources).map(([key, related]) => {
      const transform = transformFor<KubeObject>(related.resource);
      const informer = informers.informer<KubeObject>(related.resource, {
        ...(transform === undefined ? {} : { transform }),
        indexes: { [BY_OWNER]: ownerUids },
      });
      return { key, kind: related.resource.kind, ownedBy: related.ownedBy, informer };
    });
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

  /** All that the adapter reads of a workload. */
  snapshot(object: WorkloadKubeObject) {
    const related: Record<string, readonly KubeObject[]> = {};
    for (const { key, ownedBy, informer } of this.related) {
      const owners = ownedBy === 'object' ? [object] : (related[ownedBy] ?? []);
      related[key] = owners.flatMap(({ metadata }) => informer.byIndex(BY_OWNER, metadata.uid));
    }
    return { object, related: related as Record<string, readonly RelatedObject[]> };
  }

  view(object: WorkloadKubeObject): WorkloadView {
    const view = this.adapter.observe(this.snapshot(object), this.#tools);
    return { ...view, ownership: object.ownership };
  }

  /** Its pods that are not about to go, with the key of the revision of each. */
  pods(object: WorkloadKubeObject): { readonly pod: PodObject; readonly revision: string }[] {
    const pods = (this.snapshot(object).related['pods'] ?? []) as readonly PodObject[];
    return pods
      .filter((pod) => !isTerminating(pod))
      .map((pod) => ({ pod, revision: this.adapter.revisionOfPod(pod) ?? '' }));
  }

  /** Key of the workload that a related object belongs to, by the owners that the caches have. */
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

  /** The workload that a related object belongs to, as the cache has it; never another one of its name. */
  owning({ metadata }: Pick<KubeObject, 'metadata'>): WorkloadKubeObject | undefined {
    const { namespace = '', ownerReferences = [] } = metadata;
    const owner = ownerReferences.find((o) => o.kind === this.adapter.descriptor.resource.kind);
    const found = owner && this.objects.get({ namespace, name: owner.name });
    return found?.metadata.uid === owner?.uid ? found : undefined;
  }

  /** What owns its pods: the objects themselves, or a related resource between them. */
  get podOwners(): { readonly kind: string; readonly informer: Informer<KubeObject> } {
    const pods = this.related.find(({ key }) => key === 'pods');
    const between = this.related.find(({ key }) => key === pods?.ownedBy);
    const informer = this.objects as unknown as Informer<KubeObject>;
    return between ?? { kind: this.adapter.descriptor.resource.kind, informer };
  }

  /** Uids of what owns the pods of this workload. */
  podOwnerUids(object: WorkloadKubeObject): ReadonlySet<string> {
    const key = this.related.find((r) => r.key === 'pods')?.ownedBy ?? 'object';
    const owners = key === 'object' ? [object] : (this.snapshot(object).related[key] ?? []);
    return new Set(owners.map(({ metadata }) => metadata.uid));
  }

  /** Up to when everything that belongs to its workloads is known; milliseconds since the epoch. */
  get currentAsOf(): number {
    return Math.min(...this.related.map(({ informer }) => informer.currentAsOf));
  }
}
