// SPDX-License-Identifier: Apache-2.0
import type { Actor } from '@altershield/api';
import type { CreateFailure } from '../check/pod-view.ts';
import type { Template } from '../json/objects.ts';

/** A revision that has pods, had some, or is to have some. */
export interface RevisionView {
  readonly name: string;
  readonly uid: string;
  readonly fingerprint: string;
  /** What makes it up, where its controller keeps that. */
  readonly template?: Template;
  /** When it was made; milliseconds since the epoch. */
  readonly createdAt: number;
  /** Pods that it is to have. */
  readonly replicas: number;
  readonly ready: number;
  /** As many of its pods are ready as the user wants at all times. */
  readonly isHealthy: boolean;
  /** Why no more of its pods can be created. */
  readonly createFailure?: CreateFailure;
}

/** A rollout as the workload's own controller sees it. */
export interface Rollout {
  /** Several revisions run, and the controller replaces one by the other. */
  readonly isInProgress: boolean;
  /** When it last made progress; milliseconds since the epoch, 0: not known. */
  readonly lastProgressAt: number;
}

/** All that the state machine knows of a workload. What else its kind has stays inside the adapter. */
export interface WorkloadView {
  readonly uid: string;
  readonly fingerprint: string;
  readonly template: Template;
  /** Who wrote its template, as far as it is known. */
  readonly actor: Actor;
  /** The operator wrote it last: where its template is none that it knows, another admission plug-in altered it. */
  readonly isOwnWrite: boolean;
  /** Pods that its user wants. */
  readonly replicas: number;
  /** Pods that are updated at the end: all, unless the user's own fields keep some as they are. */
  readonly size: number;
  /** Pods that its user wants ready at all times. */
  readonly minReady: number;
  /** The user paused it. */
  readonly isPaused: boolean;
  /** It can only be released in one step. */
  readonly isAllOrNothing: boolean;
  /** False while its controller has not seen the newest spec. */
  readonly isObserved: boolean;
  /** When we last wrote it, as far as it says; milliseconds since the epoch, 0: never. */
  readonly lastOperatorWriteAt: number;
  /** Pods of its template that its controller may have by now; infinite where nothing of ours limits them. */
  readonly allowed: number;
  readonly minReadySeconds: number;
  readonly progressDeadlineSeconds: number;
  readonly revisions: readonly RevisionView[];
  readonly rollout: Rollout;
  /** What the hold protects while another revision is the newest; absent: nothing is held. */
  readonly hold?: {
    /** Fingerprint of the protected revision. */
    readonly from: string;
    /** Nothing more of the newest revision is released; one that came while no operator was alive may be out long since. */
    readonly isInFlight: boolean;
  };
  /** It carries anything that AlterShield wrote to release it in batches. */
  readonly isMarked: boolean;
  /** Why AlterShield cannot release this object batch by batch although it can its kind. */
  readonly unsupported?: string;
  /** What its user can do about that, as an imperative. */
  readonly unsupportedHint?: string;
  /** Whose fields its template is made of now. */
  readonly ownership?: string | undefined;
  /** Why the first pods of the newest revision cannot be created. */
  readonly createFailure?: CreateFailure;
}

/** The revision with this template: of two, the one that is to have more pods. */
export const revisionOf = <R extends RevisionView>(
  { revisions }: { readonly revisions: readonly R[] },
  fingerprint: string,
): R | undefined =>
  revisions.filter((r) => r.fingerprint === fingerprint).sort((a, b) => b.replicas - a.replicas)[0];

export const sumOf = (revisions: readonly RevisionView[], field: 'replicas' | 'ready'): number =>
  revisions.reduce((total, r) => total + r[field], 0);

/** Ready pods that may go without breaking the user's own bounds. */
export const spareReady = ({
  revisions,
  minReady,
}: Pick<WorkloadView, 'revisions' | 'minReady'>): number =>
  Math.max(0, sumOf(revisions.map(withoutLeaving), 'ready') - minReady);

/** The status of a revision comes after its spec: what was taken away just now counts as gone. */
const withoutLeaving = (r: RevisionView): RevisionView => ({
  ...r,
  ready: Math.min(r.ready, r.replicas),
});

/**
 * Whether stable pods have made room for the batch, or may do so: only then is it worth waiting for new
 * ones that a quota does not let be created.
 */
export function mayMakeRoom(
  route: { readonly from: string; readonly to: string; readonly target: number },
  view: Pick<WorkloadView, 'revisions' | 'replicas' | 'minReady'>,
): boolean {
  const stable = revisionOf(view, route.from);
  if (stable === undefined) return false;
  // The controller took them away on its own: they are still terminating, or their place is not taken yet.
  const isMade = stable.replicas + (revisionOf(view, route.to)?.ready ?? 0) < view.replicas;
  return isMade || stable.replicas <= view.replicas - route.target || spareReady(view) > 0;
}
