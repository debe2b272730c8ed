// SPDX-License-Identifier: Apache-2.0
import { OWN } from '@altershield/api';
import { groupKind, groupOf, type Tools, type WorkloadAdapter } from '@altershield/core';
import { RESOURCES, type Informer, type InformerFactory, type KubeObject } from '@altershield/kube';
import {
  BATCHES,
  CHANGES,
  POLICIES,
  type BatchObject,
  type ChangeObject,
  type PodObject,
  type PolicyObject,
} from '../kinds.ts';
import {
  BY_OWNER,
  FollowedKind,
  ownerUids,
  type Workload,
  workloadKeyString,
  type WorkloadKey,
} from './followed-kind.ts';
import { slimPod } from './slim.ts';

/** Index of changes by the key of their workload. */
export const BY_TARGET = 'target';

export interface Configuration extends KubeObject {
  readonly webhooks?: readonly unknown[];
}

/** The cluster as far as we follow it: one shared copy per resource. */
export interface World {
  readonly policies: Informer<PolicyObject>;
  readonly changes: Informer<ChangeObject>;
  readonly batches: Informer<BatchObject>;
  readonly namespaces: Informer<KubeObject>;
  readonly pods: Informer<PodObject>;
  readonly kinds: readonly FollowedKind[];
  /** Our own webhook configurations, nobody else's. */
  readonly configurations: readonly Informer<Configuration>[];
}

export interface WorldOptions {
  /** Tells the records that we wrote: no other one is found by its workload, nor one that is being deleted. */
  readonly isOurs: (change: ChangeObject) => boolean;
  readonly tools: Tools;
  /** The kinds to follow. */
  readonly adapters: readonly WorkloadAdapter[];
}

export function createWorld(
  informers: InformerFactory,
  { isOurs, tools, adapters }: WorldOptions,
): World {
  const indexes = { [BY_OWNER]: ownerUids };
  const targetOf = (change: ChangeObject): string[] =>
    isOurs(change) && change.metadata.deletionTimestamp === undefined
      ? [workloadKeyString(targetKey(change))]
      : [];
  const pods = informers.informer<PodObject>(RESOURCES.pod, {
    transform: slimPod,
    indexes,
  });
  return {
    policies: informers.informer<PolicyObject>(POLICIES),
    changes: informers.informer<ChangeObject>(CHANGES, { indexes: { [BY_TARGET]: targetOf } }),
    batches: informers.informer<BatchObject>(BATCHES, { indexes }),
    namespaces: informers.informer(RESOURCES.namespace),
    pods,
    kinds: adapters.map((adapter) => new FollowedKind(adapter, informers, tools)),
    configurations: [RESOURCES.mutatingWebhook, RESOURCES.validatingWebhook].map((resource) =>
      informers.informer<Configuration>(resource, {
        fieldSelector: `metadata.name=${OWN.webhooks}`,
      }),
    ),
  };
}

/** The workload of a change. */
export const targetKey = ({
  metadata: { namespace = '' },
  spec: {
    target: { apiVersion, kind, name },
  },
}: Pick<ChangeObject, 'metadata' | 'spec'>): WorkloadKey => ({
  kind: groupKind({ group: groupOf(apiVersion), kind }),
  namespace,
  name,
});

export const followedKind = (
  { kinds }: Pick<World, 'kinds'>,
  name: string,
): FollowedKind | undefined => kinds.find((kind) => kind.name === name);

/** A workload as the caches have it; undefined: there is none, or its kind is not followed. */
export function workloadOf(world: Pick<World, 'kinds'>, key: WorkloadKey): Workload | undefined {
  const kind = followedKind(world, key.kind);
  const object = kind?.get(key);
  return kind === undefined || object === undefined ? undefined : { kind, object };
}

/** Our records of a workload, oldest first. */
export const changesOf = (
  { changes }: Pick<World, 'changes'>,
  workload: WorkloadKey,
): ChangeObject[] =>
  changes
    .byIndex(BY_TARGET, workloadKeyString(workload))
    .sort((a, b) => a.spec.sequence - b.spec.sequence);

/** The highest number that a change of a workload had, as far as the records tell: that record may be deleted. */
export const lastNumber = (changes: readonly ChangeObject[]): number =>
  Math.max(0, ...changes.flatMap((c) => [c.spec.sequence, c.status?.rolledBackAtSequence ?? 0]));
