// SPDX-License-Identifier: Apache-2.0
import type { Actor } from '@altershield/api';
import type { CreateFailure } from '../check/pod-view.ts';
import type { RunView } from '../check/run.ts';
import type { SavedFields } from '../hold/saved-fields.ts';
import type { Template } from '../json/objects.ts';
import type { TopologyDomain } from '../policy/steps.ts';

/** A revision that has pods, had pods or will have pods. */
export interface RevisionView {
  readonly name: string;
  readonly uid: string;
  readonly fingerprint: string;
  /** Its content, where the workload's controller stores it. */
  readonly template?: Template;
  /** Creation time; milliseconds since the epoch. */
  readonly createdAt: number;
  /** Desired pods of this revision. */
  readonly replicas: number;
  readonly ready: number;
  /** As many of its pods are ready as the user's bounds require. */
  readonly isHealthy: boolean;
  /** Why no more of its pods can be created. */
  readonly createFailure?: CreateFailure;
}

/** A rollout as the workload's own controller sees it. */
export interface Rollout {
  /** Several revisions have pods, and the controller is replacing one with the other. */
  readonly isInProgress: boolean;
  /** Time of its last progress; milliseconds since the epoch, 0: unknown. */
  readonly lastProgressAt: number;
}

/** The saved fields of a held workload, and what became of them. */
export interface BorrowedFields extends SavedFields {
  /** False: the annotation is missing or forged, and only the record has the fields. */
  readonly isAnnotated: boolean;
  /** The workload has the user's values again. */
  readonly isRestored: boolean;
}

/**
 * All that the state machine knows about a workload. Details of the kind stay inside the adapter.
 */
export interface WorkloadView {
  readonly uid: string;
  readonly fingerprint: string;
  readonly template: Template;
  /** The user who wrote its template, as far as it is known. */
  readonly actor: Actor;
  /**
   * The operator wrote the workload last. If its template is unknown then, another admission
   * plug-in altered that write.
   */
  readonly isOwnWrite: boolean;
  /** Pods that the user wants. */
  readonly replicas: number;
  /** Pods that are updated at the end: all, unless the user's own fields exclude some. */
  readonly size: number;
  /** Pods that the user wants ready at all times. */
  readonly minReady: number;
  /** The user paused the workload. */
  readonly isPaused: boolean;
  /** How the user lets a paused workload go on, with its subject. Default: as a Deployment. */
  readonly resumeHint?: string;
  /**
   * Its pods run to completion: a run decides about the revision. `run` is the newest run of the
   * current revision; absent: there is none yet.
   */
  readonly completion?: { readonly run?: RunView };
  /** Why its changes cannot be rolled back, and what the user can do. Default: they can. */
  readonly rollbackProblem?: string;
  /** The workload can only be released in one step. */
  readonly isAllOrNothing: boolean;
  /** False until the workload's controller has observed the newest spec. */
  readonly isObserved: boolean;
  /**
   * Time of the operator's last write, by managed fields; milliseconds since the epoch, 0: never.
   */
  readonly lastOperatorWriteAt: number;
  /**
   * Pods of the current template that the controller may have created by now; infinite where
   * AlterShield does not limit them.
   */
  readonly allowed: number;
  readonly minReadySeconds: number;
  readonly progressDeadlineSeconds: number;
  readonly revisions: readonly RevisionView[];
  readonly rollout: Rollout;
  /** The hold that protects an earlier revision from the newest one; absent: nothing is held. */
  readonly hold?: {
    /** Fingerprint of the protected revision. */
    readonly from: string;
    /**
     * No more pods of the newest revision are released. If it was pushed while no operator ran, its
     * pods may already run.
     */
    readonly isInFlight: boolean;
  };
  /** The user's fields that AlterShield borrows; absent: it borrows none. */
  readonly borrowed?: BorrowedFields;
  /** Why Services cannot be switched from its stable to its updated pods; absent: they can. */
  readonly switchProblem?: () => string | undefined;
  /**
   * Its nodes by the values of a label, in the order of their batches. Absent: its batches are not
   * of nodes.
   */
  readonly domainsOf?: (topologyKey: string) => readonly TopologyDomain[];
  /** Why its requests cannot be split by weight. Absent: those of its kind never can. */
  readonly weightProblem?: () => string | undefined;
  /**
   * Since when HTTPRoutes send this percentage of the requests to updated pods; milliseconds since
   * the epoch, undefined: they do not. Absent: no HTTPRoute splits its requests.
   */
  readonly routedSince?: (weight: number) => number | undefined;
  /** The object has annotations or fields that AlterShield wrote to release it in batches. */
  readonly isMarked: boolean;
  /** Why the hold does not keep pods of the protected revision when they are replaced. */
  readonly brokenHold?: string;
  /** Why this object cannot be released in batches although its kind can. */
  readonly unsupported?: string;
  /** What the user can do about it, as an imperative. */
  readonly unsupportedHint?: string;
  /** Field ownership of its template now, as JSON from `ownershipOf`. */
  readonly ownership?: string | undefined;
  /** Why the first pods of the newest revision cannot be created. */
  readonly createFailure?: CreateFailure;
}

/** The revision with this fingerprint; of several, the one with the most desired pods. */
export const revisionOf = <R extends RevisionView>(
  { revisions }: { readonly revisions: readonly R[] },
  fingerprint: string,
): R | undefined =>
  revisions.filter((r) => r.fingerprint === fingerprint).sort((a, b) => b.replicas - a.replicas)[0];

export const sumOf = (revisions: readonly RevisionView[], field: 'replicas' | 'ready'): number =>
  revisions.reduce((total, r) => total + r[field], 0);

/** Ready pods that can be removed within the user's own bounds. */
export const spareReady = ({
  revisions,
  minReady,
}: Pick<WorkloadView, 'revisions' | 'minReady'>): number =>
  Math.max(0, sumOf(revisions.map(withoutLeaving), 'ready') - minReady);

/** A revision's status lags behind its spec: pods just scaled down count as removed. */
const withoutLeaving = (r: RevisionView): RevisionView => ({
  ...r,
  ready: Math.min(r.ready, r.replicas),
});

/**
 * Whether stable pods have made room for the batch, or can: only then is it worth waiting for
 * updated pods that a quota blocks.
 */
export function mayMakeRoom(
  route: { readonly from: string; readonly to: string; readonly target: number },
  view: Pick<WorkloadView, 'revisions' | 'replicas' | 'minReady'>,
): boolean {
  const stable = revisionOf(view, route.from);
  if (stable === undefined) return false;
  // The controller removed stable pods itself: they are still terminating, or not replaced yet.
  const isMade = stable.replicas + (revisionOf(view, route.to)?.ready ?? 0) < view.replicas;
  return isMade || stable.replicas <= view.replicas - route.target || spareReady(view) > 0;
}
