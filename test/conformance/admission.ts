// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, changePolicySpec } from '@altershield/api';
import {
  isInFlight,
  mutateReplicaSet,
  mutateWorkload,
  parseReleaseCap,
  type ValidPolicy,
  type ReplicaSet,
  type Request,
  type Review,
  type Snapshot,
  type Signing,
  type WorkloadAdapter,
  type WorkloadObject,
} from '@altershield/core';
import type { KubeObject } from '@altershield/kube';
import type { PolicyAttributes } from '@altershield/sandbox';
import { applyPatch } from '@altershield/testing/json-patch';

export interface AdmissionContext {
  readonly adapter: WorkloadAdapter;
  readonly signing: Signing;
  readonly operatorUser: string;
  /** An operator is alive. Without one, the API server itself still clamps what is in flight. */
  readonly isAnswered: boolean;
  /** Fingerprints of the revisions that are verified. */
  readonly verified: ReadonlySet<string>;
  readonly snapshotOf: (object: WorkloadObject) => Snapshot;
  readonly get: (kind: string, name: string) => KubeObject | undefined;
}

const POLICY: ValidPolicy = {
  ...{ namespace: 'shop', name: 'web', uid: 'policy', generation: 1 },
  spec: changePolicySpec.parse({}),
};

/** The operator's reviews of what users and controllers write, inside of the API server. */
export function review(attributes: PolicyAttributes, context: AdmissionContext): KubeObject {
  const { subresource, resource, object, userInfo } = attributes;
  if (subresource !== '' || userInfo.username === context.operatorUser) return object;
  if (resource.kind === context.adapter.descriptor.resource.kind) {
    if (!context.isAnswered) return object;
    return answer(object, mutateWorkload(requestOf<WorkloadObject>(attributes), of(context)));
  }
  if (resource.kind !== 'ReplicaSet') return object;
  if (!context.isAnswered && !isCapped(object)) return object;
  return answer(object, reviewReplicaSet(attributes, context));
}

function isCapped({ metadata }: KubeObject): boolean {
  const cap = parseReleaseCap(metadata.annotations?.[ANNOTATIONS.release]);
  return cap !== undefined && cap !== 'Invalid' && isInFlight(cap);
}

const of = ({ verified, ...context }: AdmissionContext) => ({
  ...context,
  policy: POLICY,
  quarantineOf: () => undefined,
  isRevert: ({ template }: { readonly template: Readonly<Record<string, unknown>> }) =>
    verified.has(context.signing.fingerprintOf(template)),
  nextChange: 'checkout-1',
});

function reviewReplicaSet(attributes: PolicyAttributes, { get }: AdmissionContext): Review {
  const owner = attributes.object.metadata.ownerReferences?.find((o) => o.kind === 'Deployment');
  const annotations = owner && get('Deployment', owner.name)?.metadata.annotations;
  return mutateReplicaSet(requestOf<ReplicaSet>(attributes), {
    releaseOfDeployment: annotations?.[ANNOTATIONS.release],
  });
}

function requestOf<T>({ operation, object, oldObject, userInfo }: PolicyAttributes): Request<T> {
  return {
    id: 'review',
    operation,
    namespace: object.metadata.namespace ?? '',
    user: { name: userInfo.username },
    object: object as unknown as T,
    ...(oldObject === undefined ? {} : { oldObject: oldObject as unknown as T }),
  };
}

function answer(object: KubeObject, made: Review): KubeObject {
  if (!made.allowed) throw new Error(made.message);
  return made.patch.length === 0 ? object : applyPatch(object, made.patch);
}
