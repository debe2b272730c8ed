// SPDX-License-Identifier: Apache-2.0
import { RESOURCES } from '@altershield/kube';
import { without } from '../../json.ts';
import { ownerReference, type Cluster, type NewObject } from '../cluster.ts';
import { availableAt, isReady } from '../conditions.ts';
import type { ControllerRevision, Pod, StatefulSet } from '../types.ts';

const REVISION_LABEL = 'controller-revision-hash';

/** A pod that a StatefulSet has or ought to have. */
export interface Replica {
  readonly ordinal: number;
  readonly name: string;
  /** The revision of the pod, or the one that it will be created with. */
  readonly revision: string;
  /** Undefined while it does not exist. */
  readonly pod: Pod | undefined;
}

export const startOf = ({ spec }: StatefulSet): number => spec.ordinals?.start ?? 0;

const revisionOf = ({ metadata }: Pod): string => metadata.labels?.[REVISION_LABEL] ?? '';

/** The ordinal that a pod is named by; undefined for any other name. */
export function ordinalOf({ metadata }: StatefulSet, name: string): number | undefined {
  const prefix = `${metadata.name}-`;
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^\d+$/.test(digits) ? Number(digits) : undefined;
}

/** The pods that `set` controls and that are named after it. */
export const podsOf = (cluster: Cluster, set: StatefulSet): Replica[] =>
  cluster.controlledBy<Pod>(RESOURCES.pod, set).flatMap((pod) => {
    const { name } = pod.metadata;
    const ordinal = ordinalOf(set, name);
    return ordinal === undefined ? [] : [{ ordinal, name, revision: revisionOf(pod), pod }];
  });

/**
 * The revision that the pod of an ordinal is created with: below the partition the current one. A
 * strategy without a partition keeps as many pods as the status counts for the current revision.
 */
export function revisionAt(
  set: StatefulSet,
  ordinal: number,
  { current, update }: { current: ControllerRevision; update: ControllerRevision },
): ControllerRevision {
  const { type, rollingUpdate } = set.spec.updateStrategy;
  const kept =
    rollingUpdate?.partition ?? (type === 'RollingUpdate' ? (set.status?.currentReplicas ?? 0) : 0);
  return ordinal < startOf(set) + kept ? current : update;
}

/** The pod that the controller creates for an ordinal. */
export function newPod(set: StatefulSet, name: string, revision: ControllerRevision): NewObject {
  const { metadata, spec } = without(revision.data.spec.template, '$patch') as unknown as {
    readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
    readonly spec: object;
  };
  const labels = {
    ...metadata.labels,
    'apps.kubernetes.io/pod-index': name.slice(set.metadata.name.length + 1),
    [REVISION_LABEL]: revision.metadata.name,
    'statefulset.kubernetes.io/pod-name': name,
  };
  const { serviceName } = set.spec;
  return {
    metadata: {
      ...metadata,
      name,
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace ?? '',
      labels,
      ownerReferences: [ownerReference(set)],
    },
    spec: { ...spec, hostname: name, ...(serviceName ? { subdomain: serviceName } : {}) },
  };
}

export const isTerminating = ({ pod }: Replica): boolean =>
  pod?.metadata.deletionTimestamp !== undefined;

export const hasEnded = ({ pod }: Replica): boolean =>
  pod?.status.phase === 'Failed' || pod?.status.phase === 'Succeeded';

export const isRunningAndReady = ({ pod }: Replica): boolean =>
  pod?.status.phase === 'Running' && isReady(pod);

/** Whether pods count as available: ready for long enough, by the clock of one pass. */
export interface Availability {
  readonly minReadySeconds: number;
  readonly now: number;
}

/** A pod that terminates may be available all the same. */
export const isAvailable = ({ pod }: Replica, { minReadySeconds, now }: Availability): boolean =>
  pod !== undefined && (availableAt(pod, minReadySeconds) ?? Infinity) <= now;

export const isUnavailable = (replica: Replica, availability: Availability): boolean =>
  isTerminating(replica) || !isAvailable(replica, availability);
