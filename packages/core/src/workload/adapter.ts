// SPDX-License-Identifier: Apache-2.0
import type { FingerprintOf } from '../revision/fingerprint.ts';
import type { Signer } from '../hold/signature.ts';
import type { PatchOp } from '../json/patch.ts';
import type { ObjectMeta, WorkloadObject } from '../json/objects.ts';
import type { Goal } from './goal.ts';
import type { WorkloadView } from './view.ts';

/** A resource of the API server. The same shape as in package `kube`, which core does not know. */
export interface APIResource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** A resource of the group `apps`. */
export const apps = (kind: string, plural: string): APIResource => ({
  group: 'apps',
  version: 'v1',
  kind,
  plural,
  namespaced: true,
});

export const POD: APIResource = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
};

/** `true`, or the reason why not, as a sentence for the user. */
export type Supported = true | string;

export interface RelatedResource {
  readonly resource: APIResource;
  /** `object`: the workload owns it; otherwise the key of the related resource that does. */
  readonly ownedBy: string;
  /** What the operator does with it, beside listing and watching it. */
  readonly verbs: readonly ('patch' | 'delete')[];
}

/** Everything about a kind that is data. Watches, webhooks, permissions, command line and docs follow from it. */
export interface KindDescriptor {
  readonly resource: APIResource;
  /** Names that the command line accepts; the first one is printed. */
  readonly cliNames: readonly [string, ...string[]];
  /** JSON pointer of what makes a revision: a difference there is a change. */
  readonly revisionPath: string;
  /** Annotation in which the kind's controller numbers revisions. `kubectl rollout undo` leaves it alone. */
  readonly revisionNumber?: string;
  /** JSON pointers of the user's fields that AlterShield writes while a change is in progress. */
  readonly borrowedFields: readonly string[];
  /**
   * What holds a change that is pushed while no operator is alive, where the policy's `failurePolicy` is
   * `Fail`: the marks at rest, or the webhook, which then denies the write.
   */
  readonly holdsWithoutOperator: 'Marks' | 'Webhook';
  readonly relatedResources: Readonly<Record<string, RelatedResource>>;
  /** Verbs on the workload's own resource, and on its subresources, beside list and watch. */
  readonly verbs: Readonly<Record<string, readonly string[]>>;
  readonly strategies: Readonly<Record<'Rolling' | 'Batch', Supported>>;
  /** Pods of the new revision that a hold does not stop, one sentence for each way. */
  readonly leaks: readonly string[];
  /** Pods that AlterShield deletes itself, one sentence for each reason. */
  readonly deletes: readonly string[];
}

/** A workload and what belongs to it, as the caches have it; lists by the keys of `relatedResources`. */
export interface Snapshot<O extends WorkloadObject = WorkloadObject> {
  readonly object: O;
  readonly related: Readonly<Record<string, readonly RelatedObject[]>>;
}

export interface RelatedObject {
  readonly metadata: ObjectMeta;
}

export interface Signing {
  readonly sign: Signer;
  /** Identity of a template; a seam for tests. */
  readonly fingerprintOf: FingerprintOf;
}

/** One write that leads to a goal. What it relies on is tested by the API server in the same request. */
export interface PatchWrite {
  /** Kind of the object: the workload, or one of its related resources. */
  readonly resource: string;
  readonly subresource?: 'status';
  readonly name: string;
  /** For information only: the writes after it are made whether it succeeds or not. */
  readonly isOptional?: true;
  readonly ops: readonly PatchOp[];
}

/** Deletes the object with this uid, and no other one of its name. */
export interface DeleteWrite {
  readonly resource: string;
  readonly name: string;
  readonly deletes: string;
}

export type Write = PatchWrite | DeleteWrite;

/** What admission writes into a user's own write. An annotation that is `undefined` is removed. */
export interface AdmissionMarks {
  readonly annotations: Readonly<Record<string, string | undefined>>;
  /** Fields of the workload, by JSON pointer. They are left out when the annotations find no room. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Why the change is not held, where it is to be. */
  readonly notHeld?: string;
}

export interface AdmissionInput<O extends WorkloadObject> {
  readonly object: O;
  /** The object before this write. */
  readonly old: O;
  readonly namespace: string;
  readonly signing: Signing;
  /** Everything that belongs to it, as it was before this write. */
  readonly snapshot: () => Snapshot<O>;
}

export interface AdmissionAdapter<O extends WorkloadObject> {
  /** Annotations that only AlterShield writes: a write that touches one is reviewed. */
  readonly annotations: readonly string[];
  /** A new object. One that is a copy of another carries what was true of that one. */
  create(input: Omit<AdmissionInput<O>, 'old' | 'snapshot'>): AdmissionMarks;
  /** A write that changes no revision: what holds a change stays, and the user's edits are kept. */
  keep(input: AdmissionInput<O>): AdmissionMarks;
  /** A change: nothing of it is released. */
  hold(input: AdmissionInput<O>): AdmissionMarks;
  /** A way back to a verified revision: nothing holds it up. */
  revert(input: AdmissionInput<O>): AdmissionMarks;
}

/** What the state machine asks of a kind. Data and pure functions; one object per kind. */
export interface WorkloadAdapter<
  O extends WorkloadObject = WorkloadObject,
  V extends WorkloadView = WorkloadView,
> {
  readonly descriptor: KindDescriptor;
  readonly admission: AdmissionAdapter<O>;
  observe(snapshot: Snapshot<O>, signing: Signing): V;
  /** Key of the revision that a pod belongs to: the `uid` or the `name` of a `RevisionView`. */
  revisionOfPod(pod: RelatedObject): string | undefined;
  /**
   * The writes that lead towards a goal, in their order; none when it is reached, or when the workload's
   * own controller has to move first. Asked again after every event.
   */
  plan(goal: Goal, subject: Subject<O, V>): Write[];
  /** Writes that bring an object of an older version into today's form; none for any other. */
  migrate?(subject: Subject<O, V>): Write[];
}

export interface Subject<
  O extends WorkloadObject = WorkloadObject,
  V extends WorkloadView = WorkloadView,
> {
  readonly object: O;
  readonly view: V;
  readonly signing: Signing;
}
