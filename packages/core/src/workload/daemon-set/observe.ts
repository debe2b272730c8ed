// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, type RecordedHold } from '@altershield/api';
import { isTerminating } from '../../check/observe-pod.ts';
import type { Pod } from '../../check/pod.ts';
import type { SavedFields } from '../../hold/saved-fields.ts';
import type { Snapshot, Signing } from '../adapter.ts';
import { borrowedFields } from '../borrowed-fields.ts';
import { templateOf, type ControllerRevision } from '../controller-revision.ts';
import { identityOf, type Identity } from '../identity.ts';
import type { BorrowedFields, RevisionView, Rollout, WorkloadView } from '../view.ts';
import { objectView } from '../writes.ts';
import { DAEMON_SET } from './descriptor.ts';
import { REVISION_LABEL, type DaemonSet, type UpdateStrategy } from './objects.ts';
import { domainOf, domainsOf } from './topology.ts';
import { maxUnavailableOf, savedType, typeOf, unsupportedBy } from './strategy.ts';

/** A pod that is there to stay. */
export interface PodOfNode extends Identity {
  readonly node: string;
  /** Hash of its template. */
  readonly revision: string;
  readonly ready: boolean;
}

export interface DaemonSetView extends WorkloadView {
  readonly pods: readonly PodOfNode[];
  /** The user's own strategy, even while the object has the borrowed type. */
  readonly strategy: UpdateStrategy;
  readonly maxUnavailable: number;
  readonly domainsOf: NonNullable<WorkloadView['domainsOf']>;
  /** The value of a label of a node, by the node's name. */
  readonly domainOf: (topologyKey: string) => (node: string) => string;
  /** Pods that its controller leaves on nodes that it would no longer choose. */
  readonly misscheduled: number;
}

export function viewDaemonSet(
  { object, related }: Snapshot<DaemonSet>,
  { fingerprintOf, sign }: Signing,
  recorded?: RecordedHold,
): DaemonSetView {
  const { metadata, spec, status } = object;
  const fingerprint = fingerprintOf(spec.template);
  const borrowed = borrowedFields(DAEMON_SET, object, { sign, recorded });
  const strategy = userStrategy(object, borrowed);
  const size = status?.desiredNumberScheduled ?? 0;
  const pods = ((related['pods'] ?? []) as readonly Pod[]).flatMap(podOf);
  const maxUnavailable = maxUnavailableOf(strategy, size);
  const kept = (related['controllerRevisions'] ?? []) as readonly ControllerRevision[];
  const revisions = kept.map((one) => viewRevision(one, { pods, maxUnavailable, fingerprintOf }));
  const updated = podsOf({ pods, revisions }, fingerprint);
  const nodes = related['nodes'] ?? [];
  const stableNodes = (): string[] => {
    const known = new Set(updated);
    return pods.filter((pod) => !known.has(pod)).map(({ node }) => node);
  };
  const isReleased = typeOf(object) === strategy.type;
  return {
    ...objectView({ descriptor: DAEMON_SET, object }, fingerprint, sign),
    ...{ fingerprint, template: spec.template, replicas: size, size, pods, strategy, revisions },
    domainsOf: domainsOf(object, nodes, stableNodes),
    domainOf: (key) => domainOf(nodes, key),
    ...{ maxUnavailable, misscheduled: misscheduledOf(object) },
    minReady: Math.max(0, size - maxUnavailable),
    isPaused: false,
    isAllOrNothing: false,
    // A node without a pod gets an updated one, whatever is held.
    allowed: typeOf(object) === 'RollingUpdate' ? size : updated.length + size - pods.length,
    minReadySeconds: spec.minReadySeconds ?? 0,
    progressDeadlineSeconds: PROGRESS_DEADLINE_SECONDS,
    rollout: rolloutOf(object, size),
    ...holdOf(borrowed, fingerprint, isReleased),
    isMarked: borrowed !== undefined || metadata.annotations?.[ANNOTATIONS.hold] !== undefined,
    ...unsupportedBy(strategy),
  };
}

const misscheduledOf = ({ status }: DaemonSet): number => status?.numberMisscheduled ?? 0;

/** A DaemonSet has no progress deadline: use the default of a Deployment. */
const PROGRESS_DEADLINE_SECONDS = 600;

const userStrategy = (
  object: DaemonSet,
  saved: SavedFields | undefined,
): UpdateStrategy & { readonly type: string } => ({
  ...object.spec.updateStrategy,
  type: saved === undefined ? typeOf(object) : savedType(saved),
});

const holdOf = (
  borrowed: BorrowedFields | undefined,
  fingerprint: string,
  isReleased: boolean,
): Pick<DaemonSetView, 'borrowed' | 'hold'> =>
  borrowed === undefined
    ? {}
    : {
        borrowed,
        ...(borrowed.from === fingerprint || isReleased
          ? {}
          : { hold: { from: borrowed.from, isInFlight: true } }),
      };

/** The controller deletes a pod that has ended, and makes another. */
const hasEnded = ({ status }: Pod): boolean =>
  status?.phase === 'Failed' || status?.phase === 'Succeeded';

function podOf(pod: Pod): PodOfNode[] {
  if (isTerminating(pod) || hasEnded(pod)) return [];
  const { labels, ...metadata } = pod.metadata;
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  const revision = labels?.[REVISION_LABEL] ?? '';
  return [{ ...identityOf(metadata), ready, revision, node: pod.spec?.nodeName ?? '' }];
}

interface Known {
  readonly pods: readonly PodOfNode[];
  readonly maxUnavailable: number;
  readonly fingerprintOf: Signing['fingerprintOf'];
}

/** Named by the hash that its pods are labeled with. */
function viewRevision(revision: ControllerRevision, known: Known): RevisionView {
  const { uid, labels, creationTimestamp = '' } = revision.metadata;
  const name = labels?.[REVISION_LABEL] ?? '';
  const template = templateOf(revision);
  const pods = known.pods.filter((pod) => pod.revision === name);
  const ready = pods.filter((pod) => pod.ready).length;
  return {
    ...{ name, uid, ready },
    fingerprint: known.fingerprintOf(template ?? {}),
    ...(template === undefined ? {} : { template }),
    createdAt: Date.parse(creationTimestamp) || 0,
    replicas: pods.length,
    isHealthy: ready >= Math.max(1, pods.length - known.maxUnavailable),
  };
}

/** The pods of a template. */
export function podsOf(
  { pods, revisions }: Pick<DaemonSetView, 'pods' | 'revisions'>,
  fingerprint: string,
): PodOfNode[] {
  const names = revisions.filter((r) => r.fingerprint === fingerprint).map(({ name }) => name);
  return pods.filter(({ revision }) => names.includes(revision));
}

function rolloutOf(object: DaemonSet, size: number): Rollout {
  const { updatedNumberScheduled = 0 } = object.status ?? {};
  const isInProgress = typeOf(object) === 'RollingUpdate' && updatedNumberScheduled < size;
  return { isInProgress, lastProgressAt: 0 };
}
