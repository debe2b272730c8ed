// SPDX-License-Identifier: Apache-2.0
import type { RecordedHold } from '@altershield/api';
import type { Strategy } from '../policy/strategy.ts';
import type { FingerprintOf } from '../revision/fingerprint.ts';
import type { Signer } from '../hold/signature.ts';
import { valueAt, type PatchOp } from '../json/patch.ts';
import type { ObjectMeta, Template, WorkloadObject } from '../json/objects.ts';
import type { Goal } from './goal.ts';
import type { WorkloadView } from './view.ts';

/** A resource of the API server. Same shape as in package `kube`, which core does not import. */
export interface APIResource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** A resource of the API group `batch`. */
export const batch = (kind: string, plural: string): APIResource => ({
  group: 'batch',
  version: 'v1',
  kind,
  plural,
  namespaced: true,
});

/** A resource of the API group `apps`. */
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

export const NODE: APIResource = {
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  namespaced: false,
};

export const SERVICE: APIResource = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
};

/** `true`, or the reason why not, as a sentence for the user. */
export type Supported = true | string;

export interface RelatedResource {
  readonly resource: APIResource;
  /**
   * `object`: the workload owns it; `namespace`: nothing does, all of the namespace are given;
   * `cluster`: all are given; otherwise the key of the related resource that owns it.
   */
  readonly ownedBy: string;
  /** Verbs that the operator uses in addition to list and watch. */
  readonly verbs: readonly ('create' | 'patch' | 'delete')[];
  /** A cluster may not serve it, and the kind is followed without it. */
  readonly isOptional?: true;
}

/**
 * The properties of a kind, as data. Watches, webhooks, permissions, CLI and docs are derived from
 * it.
 */
export interface KindDescriptor {
  readonly resource: APIResource;
  /** Only a policy that names the kind in `target.kinds` matches it. Default: every policy does. */
  readonly isOptIn?: true;
  /**
   * The content of a revision never changes, so the creation of an object is the change: it is held.
   * Default: the change of an object is.
   */
  readonly isImmutable?: true;
  /** CEL expression, for admission, on objects of the kind that AlterShield leaves alone. */
  readonly leftAlone?: { readonly name: string; readonly expression: string };
  /** Names that the CLI accepts; it prints the first one. */
  readonly cliNames: readonly [string, ...string[]];
  /** JSON pointer of the content of a revision: a difference there is a change. */
  readonly revisionPath: string;
  /** JSON pointers of its fields that the kind's controller applies at once, whatever is held. */
  readonly appliedImmediately?: readonly string[];
  /**
   * Annotation in which the kind's controller numbers revisions. `kubectl rollout undo` keeps it.
   */
  readonly revisionNumber?: string;
  /** JSON pointers of the user's fields that AlterShield writes while a change is in progress. */
  readonly borrowedFields: readonly string[];
  /**
   * How a change is held that is pushed while no operator runs, if the policy's `failurePolicy` is
   * `Fail`: `Marks` by annotations set at rest, `Webhook` by the webhook, which then denies the
   * write.
   */
  readonly holdsWithoutOperator: 'Marks' | 'Webhook';
  readonly relatedResources: Readonly<Record<string, RelatedResource>>;
  /** Verbs on the workload's own resource and its subresources, in addition to list and watch. */
  readonly verbs: Readonly<Record<string, readonly string[]>>;
  readonly strategies: Readonly<Record<Strategy, Supported>>;
  /** Why a change cannot be rolled back. Default: it can. */
  readonly noRollback?: string;
  /** Whether batches can be the nodes with one value of a label (`topologyKey`). */
  readonly byTopology: Supported;
  /** HTTPRoutes can send a percentage of its requests to updated pods. */
  readonly splitsRequests?: true;
  /** Updated pods that a hold does not stop, one sentence for each way. */
  readonly leaks: readonly string[];
  /** Pods that AlterShield deletes itself, one sentence for each reason. */
  readonly deletes: readonly string[];
}

/** What a policy is matched with. */
export const candidateKind = ({
  resource: { group, kind },
  isOptIn,
}: Pick<KindDescriptor, 'resource' | 'isOptIn'>) => ({
  ...{ group, kind },
  isOptIn: isOptIn === true,
});

/** A workload and its related objects, from the caches; lists by the keys of `relatedResources`. */
export interface Snapshot<O extends WorkloadObject = WorkloadObject> {
  readonly object: O;
  readonly related: Readonly<Record<string, readonly RelatedObject[]>>;
  /** Other workloads of the same kind in the namespace. */
  readonly neighbors?: () => readonly O[];
}

export interface RelatedObject {
  readonly metadata: ObjectMeta;
}

export interface Signing {
  readonly sign: Signer;
  /** Fingerprint of a template; tests replace it. */
  readonly fingerprintOf: FingerprintOf;
}

/** One write towards a goal. Its preconditions are tested by the API server in the same request. */
export interface PatchWrite {
  /** Kind of the object: the workload, or one of its related resources. */
  readonly resource: string;
  readonly subresource?: 'status';
  readonly name: string;
  /** For information only: the writes after it are made even if it fails. */
  readonly isOptional?: true;
  readonly ops: readonly PatchOp[];
}

/** Deletes the object with this uid, never another one of the same name. */
export interface DeleteWrite {
  readonly resource: string;
  readonly name: string;
  readonly deletes: string;
  /** The version that was read; absent: any. */
  readonly resourceVersion?: string;
}

/**
 * Creates an object unless one of this name exists, so a create that is repeated after a crash does
 * nothing.
 */
export interface CreateWrite {
  readonly resource: string;
  readonly name: string;
  readonly creates: object;
}

export type Write = PatchWrite | DeleteWrite | CreateWrite;

/** Changes that admission makes to a user's write. An annotation that is `undefined` is removed. */
export interface AdmissionMarks {
  readonly annotations: Readonly<Record<string, string | undefined>>;
  /** Fields of the workload, by JSON pointer. They are omitted when the annotations do not fit. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Why the change is not held although it should be. */
  readonly notHeld?: string;
}

export interface AdmissionInput<O extends WorkloadObject> {
  readonly object: O;
  /** The object before this write. */
  readonly old: O;
  readonly namespace: string;
  readonly signing: Signing;
  /** The copy of the user's fields in the record of the change in flight. */
  readonly recorded?: RecordedHold | undefined;
  /** The related objects, as they were before this write. */
  readonly snapshot: () => Snapshot<O>;
}

export interface CreationInput<O extends WorkloadObject> extends Pick<
  AdmissionInput<O>,
  'object' | 'namespace' | 'signing'
> {
  /** The creation is the change, and it is held. */
  readonly isHeld: boolean;
}

export interface AdmissionAdapter<O extends WorkloadObject> {
  /** Annotations that only AlterShield writes: a write that changes one is reviewed. */
  readonly annotations: readonly string[];
  /**
   * A new object. A copy of another object may carry annotations that apply only to the original.
   */
  create(input: CreationInput<O>): AdmissionMarks;
  /** A write that does not change the revision: holds stay, and the user's edits are kept. */
  keep(input: AdmissionInput<O>): AdmissionMarks;
  /** A change: hold it, release none of its pods. */
  hold(input: AdmissionInput<O>): AdmissionMarks;
  /** A revert to a verified revision: never hold it. */
  revert(input: AdmissionInput<O>): AdmissionMarks;
}

/** The state machine's interface to a kind. Data and pure functions; one object per kind. */
export interface WorkloadAdapter<
  O extends WorkloadObject = WorkloadObject,
  V extends WorkloadView = WorkloadView,
> {
  readonly descriptor: KindDescriptor;
  readonly admission: AdmissionAdapter<O>;
  /** The content of a revision. Default: the value at `revisionPath`. */
  templateOf?(object: O): Template;
  /** Whether no policy applies to the object, although it is of the kind. Default: one may. */
  isLeftAlone?(object: O, signing: Signing): boolean;
  /** @param recorded the copy of the user's fields in the record of the change in flight */
  observe(snapshot: Snapshot<O>, signing: Signing, recorded?: RecordedHold): V;
  /** Key of the revision that a pod belongs to: the `uid` or `name` of a `RevisionView`. */
  revisionOfPod(pod: RelatedObject): string | undefined;
  /**
   * The writes towards a goal, in order; none when it is reached, or when the workload's own
   * controller must act first. Called again after every event.
   */
  plan(goal: Goal, subject: Subject<O, V>): Write[];
  /** Writes that convert an object of an earlier version to the current form; otherwise none. */
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

/** The content of a workload's revision, e.g. its pod template. */
export const templateOf = (
  { descriptor, templateOf: own }: Pick<WorkloadAdapter, 'descriptor' | 'templateOf'>,
  object: WorkloadObject,
): Template => own?.(object) ?? ((valueAt(object, descriptor.revisionPath) ?? {}) as Template);
