// SPDX-License-Identifier: Apache-2.0
import { FIELD_MANAGER, type Actor } from '@altershield/api';
import { actorOf } from '../hold/actor.ts';
import { readStamp, type StampSubject } from '../hold/actor-annotation.ts';
import type { Sign } from '../hold/signature.ts';
import { asRecord } from '../json/json.ts';
import type { ObjectMeta, WorkloadObject } from '../json/objects.ts';
import type { KindDescriptor } from './adapter.ts';

/** When the operator last wrote an object, by its managed fields; milliseconds since the epoch, 0: never. */
export function writtenAt(managedFields: readonly unknown[]): number {
  const times = managedFields.map((entry) => {
    const { manager, subresource = '', time } = asRecord(entry);
    const isOurs = manager === FIELD_MANAGER && subresource === '';
    return isOurs && typeof time === 'string' ? Date.parse(time) : 0;
  });
  return Math.max(0, ...times);
}

/**
 * Who wrote the newest template, and whether the newest write of the object is the operator's: a
 * template that differs from what it wrote was altered by another admission plug-in. A user's write
 * carries the mark of the user instead.
 */
export function authorship(
  { descriptor, object: { metadata } }: Described,
  fingerprint: string,
  sign: Sign,
): { readonly actor: Actor; readonly isOwnWrite: boolean } {
  const stamp = readStamp(stampSubject(descriptor, metadata), fingerprint, sign);
  const isOwnWrite = stamp === undefined && isNewestOurs(metadata.managedFields ?? []);
  return { actor: actorOf(metadata, stamp), isOwnWrite };
}

function isNewestOurs(managedFields: readonly unknown[]): boolean {
  const times = managedFields.map((entry) => {
    const { subresource = '', time } = asRecord(entry);
    return subresource === '' && typeof time === 'string' ? Date.parse(time) : 0;
  });
  const own = writtenAt(managedFields);
  return own > 0 && own >= Math.max(...times);
}

interface Described {
  readonly descriptor: KindDescriptor;
  readonly object: WorkloadObject;
}

/** @param namespace where the object itself does not say it yet */
export const stampSubject = (
  descriptor: KindDescriptor,
  metadata: ObjectMeta,
  namespace = metadata.namespace ?? '',
): StampSubject => ({
  kind: descriptor.resource.kind,
  metadata: { ...metadata, namespace },
  number: revisionNumber(descriptor, metadata),
});

/** The number that the kind's controller gave the newest revision; 0 before the first, or where it gives none. */
export function revisionNumber(
  { revisionNumber: name }: Pick<KindDescriptor, 'revisionNumber'>,
  { annotations }: Pick<ObjectMeta, 'annotations'>,
): number {
  const text = (name === undefined ? undefined : annotations?.[name]) ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
