// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import * as z from 'zod';
import type { ObjectMeta } from '../json/objects.ts';
import { sign, verify, type Signer } from './signature.ts';

const savedFields = z.object({
  v: z.literal(2),
  /** Fingerprint of the revision that the held change came from. */
  from: z.string().max(64),
  /**
   * The user's values of the borrowed fields, by JSON pointer; fields that the user does not set
   * are absent.
   */
  userFields: z.record(z.string().max(256), z.unknown()),
  /**
   * The content of the revision `from`, by JSON pointer, for kinds whose controller keeps no object
   * of it.
   */
  content: z.record(z.string().max(256), z.unknown()).optional(),
});

/** Content of the annotation `altershield.io/hold` while the user's fields are borrowed. */
export type SavedFields = Omit<z.output<typeof savedFields>, 'v'>;

/** A longer annotation would leave too little room for the user's own. */
const MAX_LENGTH = 16_384;

/**
 * The object with the annotation. It is identified by name, because a new object has no uid yet.
 */
export interface HeldObject {
  readonly kind: string;
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'annotations'>;
}

const ownerOf = ({ kind, metadata: { name, namespace = '' } }: HeldObject): string =>
  `hold/${kind}/${namespace}/${name}`;

/** The annotation's text; undefined when it would be too long. */
export function writeSavedFields(
  { from, userFields, content }: SavedFields,
  object: HeldObject,
  signer: Signer,
): string | undefined {
  const kept = content === undefined ? {} : { content };
  const text = sign({ v: 2, from, userFields, ...kept }, ownerOf(object), signer);
  return text.length > MAX_LENGTH ? undefined : text;
}

/**
 * The fields that the operator saved on this object; undefined when there are none, or the
 * signature is invalid.
 */
export function readSavedFields(object: HeldObject, signer: Signer): SavedFields | undefined {
  const text = object.metadata.annotations?.[ANNOTATIONS.hold];
  if (text === undefined) return undefined;
  const opened = verify(text, ownerOf(object), signer);
  return opened.ok ? savedFields.safeParse(opened.value).data : undefined;
}

/**
 * The user's fields from a copy of a held object, whatever the copy's name. The signature is not
 * checked: a user who forged the annotation could write the fields directly.
 */
export function copiedFields({
  metadata,
}: Pick<HeldObject, 'metadata'>): SavedFields['userFields'] | undefined {
  const text = metadata.annotations?.[ANNOTATIONS.hold];
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    return savedFields.safeParse(value).data?.userFields;
  } catch {
    return undefined;
  }
}
