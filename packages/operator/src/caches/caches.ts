// SPDX-License-Identifier: Apache-2.0
import {
  CHANGE_APPROVALS,
  CHANGE_PODS,
  CHANGE_POLICIES,
  CHANGE_WORKLOADS,
  CHANGE_CHECKS,
  METRIC_SOURCES,
  OBJECT_NAMES,
} from '@altershield/api';
import { groupKind, groupOf, type Signing, type WorkloadAdapter } from '@altershield/core';
import {
  RESOURCES,
  keyString,
  type Informer,
  type InformerFactory,
  type KubeObject,
  type ObjectKey,
} from '@altershield/kube';
import type {
  ApprovalObject,
  ChangePodObject,
  ChangeObject,
  CheckObject,
  MetricSourceObject,
  PodObject,
  PolicyObject,
} from '../objects.ts';
import {
  BY_OWNER,
  FollowedKind,
  ownerUids,
  type Workload,
  workloadKeyString,
  type WorkloadKey,
} from '../kinds/followed-kind.ts';
import { trimPod } from '../kinds/trim.ts';

/** Index of changes by the key of their workload. */
export const BY_TARGET = 'target';

/** Index of decisions by the key of their change. */
const BY_CHANGE = 'change';

export interface Configuration extends KubeObject {
  readonly webhooks?: readonly unknown[];
}

/** The objects that the operator follows: one shared cache per resource. */
export interface Caches {
  readonly policies: Informer<PolicyObject>;
  readonly changes: Informer<ChangeObject>;
  readonly batches: Informer<ChangePodObject>;
  readonly approvals: Informer<ApprovalObject>;
  readonly checks: Informer<CheckObject>;
  readonly metricSources: Informer<MetricSourceObject>;
  readonly namespaces: Informer<KubeObject>;
  readonly pods: Informer<PodObject>;
  readonly kinds: readonly FollowedKind[];
  /** Only the webhook configurations of AlterShield. */
  readonly configurations: readonly Informer<Configuration>[];
}

export interface CachesOptions {
  /** True for records of the operator. `BY_TARGET` omits all others, and records in deletion. */
  readonly isSigned: (change: ChangeObject) => boolean;
  readonly signing: Signing;
  /** The kinds to follow. */
  readonly adapters: readonly WorkloadAdapter[];
}

export function createCaches(
  informers: InformerFactory,
  { isSigned, signing, adapters }: CachesOptions,
): Caches {
  const indexes = { [BY_OWNER]: ownerUids };
  const targetOf = (change: ChangeObject): string[] =>
    isSigned(change) && change.metadata.deletionTimestamp === undefined
      ? [workloadKeyString(targetKey(change))]
      : [];
  const pods = informers.informer<PodObject>(RESOURCES.pod, {
    transform: trimPod,
    indexes,
  });
  return {
    policies: informers.informer<PolicyObject>(CHANGE_POLICIES),
    changes: informers.informer<ChangeObject>(CHANGE_WORKLOADS, {
      indexes: { [BY_TARGET]: targetOf },
    }),
    batches: informers.informer<ChangePodObject>(CHANGE_PODS, { indexes }),
    approvals: informers.informer<ApprovalObject>(CHANGE_APPROVALS, {
      indexes: { [BY_CHANGE]: (approval) => [changeKeyOf(approval)] },
    }),
    checks: informers.informer<CheckObject>(CHANGE_CHECKS),
    metricSources: informers.informer<MetricSourceObject>(METRIC_SOURCES),
    namespaces: informers.informer(RESOURCES.namespace),
    pods,
    kinds: adapters.map((adapter) => new FollowedKind(adapter, informers, signing)),
    configurations: [RESOURCES.mutatingWebhook, RESOURCES.validatingWebhook].map((resource) =>
      informers.informer<Configuration>(resource, {
        fieldSelector: `metadata.name=${OBJECT_NAMES.webhooks}`,
      }),
    ),
  };
}

/** The key of the change that a decision names. */
export const changeKeyOf = ({ metadata: { namespace = '' }, spec }: ApprovalObject): string =>
  keyString({ namespace, name: spec.change.name });

/** Decisions on a change. One on an earlier change of the same name is not among them. */
export const approvalsOf = (
  { approvals }: Pick<Caches, 'approvals'>,
  change: ObjectKey,
  uid: string,
): ApprovalObject[] =>
  approvals
    .byIndex(BY_CHANGE, keyString(change))
    .filter(
      ({ spec, metadata }) =>
        metadata.deletionTimestamp === undefined && (spec.change.uid ?? uid) === uid,
    );

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
  { kinds }: Pick<Caches, 'kinds'>,
  name: string,
): FollowedKind | undefined => kinds.find((kind) => kind.name === name);

/** The cached workload; undefined if it does not exist or its kind is not followed. */
export function workloadOf(caches: Pick<Caches, 'kinds'>, key: WorkloadKey): Workload | undefined {
  const kind = followedKind(caches, key.kind);
  const object = kind?.get(key);
  return kind === undefined || object === undefined ? undefined : { kind, object };
}

/** The signed records of a workload, oldest first. */
export const changesOf = (
  { changes }: Pick<Caches, 'changes'>,
  workload: WorkloadKey,
): ChangeObject[] =>
  changes
    .byIndex(BY_TARGET, workloadKeyString(workload))
    .sort((a, b) => a.spec.sequence - b.spec.sequence);

/**
 * The highest known sequence number of a workload's changes. Includes `rolledBackAtSequence`: the
 * record with that number may be deleted.
 */
export const lastSequence = (changes: readonly ChangeObject[]): number =>
  Math.max(0, ...changes.flatMap((c) => [c.spec.sequence, c.status?.rolledBackAtSequence ?? 0]));
