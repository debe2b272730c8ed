// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, type RecordedHold } from '@altershield/api';
import { isTerminating } from '../../check/observe-pod.ts';
import type { Pod } from '../../check/pod.ts';
import type { Template } from '../../json/objects.ts';
import type { Snapshot, Signing } from '../adapter.ts';
import { borrowedFields } from '../borrowed-fields.ts';
import { templateOf, type ControllerRevision } from '../controller-revision.ts';
import { identityOf, type Identity } from '../identity.ts';
import type { BorrowedFields, RevisionView, Rollout, WorkloadView } from '../view.ts';
import { objectView } from '../writes.ts';
import { STATEFUL_SET } from './descriptor.ts';
import type { StatefulSet, UpdateStrategy } from './objects.ts';
import {
  HOLD_ALL,
  STRATEGY,
  asStored,
  isSameStrategy,
  maxUnavailableOf,
  partitionOf,
  replicasOf,
  withoutHold,
} from './partition.ts';

/** Label with the name of the ControllerRevision that a pod was created from. */
export const REVISION_LABEL = 'controller-revision-hash';

interface PodOfSet extends Identity {
  readonly revision: string | undefined;
  /** Revision of the pod that the controller would create as a replacement. */
  readonly next: string | undefined;
  readonly ready: boolean;
}

export interface StatefulSetView extends WorkloadView {
  readonly pods: readonly PodOfSet[];
  /** The user's own strategy, even while the object has the borrowed one. */
  readonly strategy: UpdateStrategy;
  /**
   * Name of the revision that the controller updates to; absent until it has observed the newest
   * spec.
   */
  readonly updateRevision?: string;
}

export function viewStatefulSet(
  { object, related }: Snapshot<StatefulSet>,
  { fingerprintOf, sign }: Signing,
  recorded?: RecordedHold,
): StatefulSetView {
  const { spec, status } = object;
  const replicas = replicasOf(object);
  const fingerprint = fingerprintOf(spec.template);
  const borrowed = borrowedFields(STATEFUL_SET, object, { sign, recorded, isSame });
  const strategy = userStrategy(object, borrowed);
  const size = Math.max(0, replicas - partitionOf(strategy));
  const seen = objectView({ descriptor: STATEFUL_SET, object }, fingerprint, sign);
  const pods = ((related['pods'] ?? []) as readonly Pod[]).flatMap((pod) => podOf(pod, object));
  const unavailable = maxUnavailableOf(strategy, replicas);
  // Before the controller has observed the newest spec, it still names the previous revision.
  const updateRevision = seen.isObserved ? status?.updateRevision : undefined;
  const newest = { name: updateRevision, fingerprint, template: spec.template };
  const revisions = (related['controllerRevisions'] ?? []) as readonly ControllerRevision[];
  const isLost = hasLostRevision(object, { updateRevision, pods, revisions });
  return {
    ...seen,
    ...{ fingerprint, template: spec.template, replicas, size, strategy, pods },
    revisions: revisions.map((revision) =>
      viewRevision(revision, { newest, pods, unavailable, fingerprintOf }),
    ),
    minReady: Math.max(0, replicas - unavailable),
    isPaused: false,
    isAllOrNothing: strategy.type === 'Recreate',
    allowed: allowedPods(object),
    minReadySeconds: spec.minReadySeconds ?? 0,
    progressDeadlineSeconds: PROGRESS_DEADLINE_SECONDS,
    rollout: rolloutOf(object, size),
    ...holdOf(borrowed, fingerprint, !isLost && isWhole(object, strategy, updateRevision)),
    ...(isLost ? { brokenHold: LOST_REVISION } : {}),
    isMarked: isMarked(object, borrowed),
    ...(strategy.type === 'OnDelete'
      ? { unsupported: ON_DELETE, unsupportedHint: ON_DELETE_HINT }
      : {}),
    ...(updateRevision === undefined ? {} : { updateRevision }),
  };
}

/** Whether the API server takes two strategies for the same. */
export const isSame = (a: unknown, b: unknown): boolean =>
  isSameStrategy(a as UpdateStrategy, b as UpdateStrategy);

/** An annotation that is not valid is one to remove, too. */
const isMarked = ({ metadata, spec }: StatefulSet, borrowed: BorrowedFields | undefined): boolean =>
  borrowed !== undefined ||
  metadata.annotations?.[ANNOTATIONS.hold] !== undefined ||
  partitionOf(spec.updateStrategy) === HOLD_ALL;

const holdOf = (
  borrowed: BorrowedFields | undefined,
  fingerprint: string,
  isReleased: boolean,
): Pick<StatefulSetView, 'borrowed' | 'hold'> =>
  borrowed === undefined
    ? {}
    : {
        borrowed,
        ...(borrowed.from === fingerprint || isReleased
          ? {}
          : { hold: { from: borrowed.from, isInFlight: true } }),
      };

export const ON_DELETE = 'its update strategy is OnDelete: users delete the pods';
/**
 * While held, the object already says RollingUpdate: only setting a partition shows that the user
 * wants it.
 */
const ON_DELETE_HINT = 'set `spec.updateStrategy.rollingUpdate.partition` (0 for all pods)';

const LOST_REVISION =
  'the ControllerRevision of the verified revision was deleted: a pod of it that is replaced comes back updated';

interface Counted {
  readonly updateRevision: string | undefined;
  readonly pods: readonly PodOfSet[];
  readonly revisions: readonly ControllerRevision[];
}

/**
 * Whether the controller no longer knows the revision of stable pods: without its
 * ControllerRevision, the newest revision is the only one to create pods of.
 */
function hasLostRevision(
  { status }: StatefulSet,
  { updateRevision, pods, revisions }: Counted,
): boolean {
  if (updateRevision === undefined || updateRevision !== status?.currentRevision) return false;
  const known = new Set([updateRevision, ...revisions.map(({ metadata }) => metadata.name)]);
  return pods.some(({ revision }) => revision !== undefined && !known.has(revision));
}

/** A StatefulSet has no progress deadline: use the default of a Deployment. */
const PROGRESS_DEADLINE_SECONDS = 600;

function userStrategy({ spec }: StatefulSet, borrowed: BorrowedFields | undefined): UpdateStrategy {
  const live = withoutHold(spec.updateStrategy ?? { type: 'RollingUpdate' });
  return borrowed === undefined
    ? live
    : asStored(borrowed.userFields[STRATEGY] ?? {}, spec.updateStrategy);
}

/**
 * Whether no hold remains: all pods that the user wants updated are released, or no other revision
 * is left. At zero replicas the controller considers the update complete.
 */
const isWhole = (
  { spec, status }: StatefulSet,
  strategy: UpdateStrategy,
  updateRevision: string | undefined,
): boolean =>
  partitionOf(spec.updateStrategy) <= partitionOf(strategy) ||
  (updateRevision !== undefined && updateRevision === status?.currentRevision);

function podOf(pod: Pod, set: StatefulSet): PodOfSet[] {
  if (isTerminating(pod)) return [];
  const { labels, ...metadata } = pod.metadata;
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  const revision = labels?.[REVISION_LABEL];
  return [{ ...identityOf(metadata), ready, revision, next: nextOf(metadata.name, set) }];
}

function nextOf(pod: string, { spec, status }: StatefulSet): string | undefined {
  const ordinal = Number(/\d+$/.exec(pod)?.[0] ?? 0) - (spec.ordinals?.start ?? 0);
  const isKept = ordinal < partitionOf(spec.updateStrategy);
  return isKept ? status?.currentRevision : status?.updateRevision;
}

interface Known {
  /**
   * The revision that the controller updates to. It is matched by name, because defaults of a later
   * Kubernetes version change the text of the same template.
   */
  readonly newest: {
    readonly name: string | undefined;
    readonly fingerprint: string;
    readonly template: Template;
  };
  readonly pods: readonly PodOfSet[];
  readonly unavailable: number;
  readonly fingerprintOf: Signing['fingerprintOf'];
}

function viewRevision(revision: ControllerRevision, known: Known): RevisionView {
  const { name, uid, creationTimestamp = '' } = revision.metadata;
  const { newest, fingerprintOf, unavailable } = known;
  const template = name === newest.name ? newest.template : templateOf(revision);
  const pods = known.pods.filter((pod) => pod.revision === name);
  const ready = pods.filter((pod) => pod.ready).length;
  return {
    ...{ name, uid, ready },
    fingerprint: name === newest.name ? newest.fingerprint : fingerprintOf(template ?? {}),
    ...(template === undefined ? {} : { template }),
    createdAt: Date.parse(creationTimestamp) || 0,
    replicas: pods.length,
    isHealthy: ready >= Math.max(1, pods.length - unavailable),
  };
}

function allowedPods(object: StatefulSet): number {
  const { updateStrategy: strategy } = object.spec;
  if (strategy?.type === 'Recreate') return Infinity;
  if (strategy?.type === 'OnDelete') return 0;
  return Math.max(0, replicasOf(object) - partitionOf(strategy));
}

/** Pods that the user's partition excludes are not part of a rollout. */
function rolloutOf({ spec, status }: StatefulSet, size: number): Rollout {
  const { currentRevision, updateRevision, updatedReplicas = 0 } = status ?? {};
  const isUpdating = updateRevision !== currentRevision && updatedReplicas < size;
  return {
    isInProgress: isUpdating && spec.updateStrategy?.type !== 'OnDelete',
    lastProgressAt: 0,
  };
}
