// SPDX-License-Identifier: Apache-2.0
import { FIELD_MANAGER } from '@altershield/api';
import { actorOf } from '../hold/actor.ts';
import { readActorAnnotation, type AnnotatedWorkload } from '../hold/actor-annotation.ts';
import type { Signer } from '../hold/signature.ts';
import { asJsonObject } from '../json/json.ts';
import type { ObjectMeta, WorkloadObject } from '../json/objects.ts';
import type { KindDescriptor } from './adapter.ts';
import type { WorkloadView } from './view.ts';

/** Time of the operator's last write, by managed fields; milliseconds since the epoch, 0: never. */
export function lastOperatorWriteAt(managedFields: readonly unknown[]): number {
  const times = managedFields.map((entry) => {
    const { manager, subresource = '', time } = asJsonObject(entry);
    const isOurs = manager === FIELD_MANAGER && subresource === '';
    return isOurs && typeof time === 'string' ? Date.parse(time) : 0;
  });
  return Math.max(0, ...times);
}

type ObjectView = Pick<
  WorkloadView,
  'uid' | 'actor' | 'isOwnWrite' | 'isObserved' | 'lastOperatorWriteAt'
>;

/**
 * The fields of a view that are the same for every kind. The actor annotation names the user of the
 * last write.
 */
export function objectView(
  { descriptor, object }: Described,
  fingerprint: string,
  sign: Signer,
): ObjectView {
  const { metadata, status } = object;
  const { managedFields = [], generation = 0, uid } = metadata;
  const actorAnnotation = readActorAnnotation(
    annotatedWorkload(descriptor, metadata),
    fingerprint,
    sign,
  );
  const { observedGeneration = 0 } = (status ?? {}) as { readonly observedGeneration?: number };
  return {
    uid,
    actor: actorOf(metadata, actorAnnotation),
    isOwnWrite: actorAnnotation === undefined && isNewestOurs(managedFields),
    isObserved: observedGeneration >= generation,
    lastOperatorWriteAt: lastOperatorWriteAt(managedFields),
  };
}

function isNewestOurs(managedFields: readonly unknown[]): boolean {
  const times = managedFields.map((entry) => {
    const { subresource = '', time } = asJsonObject(entry);
    return subresource === '' && typeof time === 'string' ? Date.parse(time) : 0;
  });
  const own = lastOperatorWriteAt(managedFields);
  return own > 0 && own >= Math.max(...times);
}

interface Described {
  readonly descriptor: KindDescriptor;
  readonly object: WorkloadObject;
}

/** @param namespace for admission, where the object may not have its namespace yet */
export const annotatedWorkload = (
  descriptor: KindDescriptor,
  metadata: ObjectMeta,
  namespace = metadata.namespace ?? '',
): AnnotatedWorkload => ({
  kind: descriptor.resource.kind,
  // A name that is made from `generateName` does not exist at admission.
  metadata: { ...metadata, name: metadata.generateName ?? metadata.name, namespace },
  number: revisionNumber(descriptor, metadata),
});

/** The number that the kind's controller gave the newest revision; 0 if it has none. */
export function revisionNumber(
  { revisionNumber: name }: Pick<KindDescriptor, 'revisionNumber'>,
  { annotations }: Pick<ObjectMeta, 'annotations'>,
): number {
  const text = (name === undefined ? undefined : annotations?.[name]) ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
