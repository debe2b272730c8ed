// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import * as z from 'zod';
import type { ObjectMeta } from '../json/objects.ts';
import { sign, verify, type Signer } from './signature.ts';

const savedFields = z.object({
  v: z.literal(2),
  /** Fingerprint of the revision that the held change came from. */
  from: z.string().max(64),
  /** The user's values of the borrowed fields, by JSON pointer; a field that the user does not set is absent. */
  userFields: z.record(z.string().max(256), z.unknown()),
});

/** What the annotation `altershield.io/hold` keeps while fields of the user are borrowed. */
export type SavedFields = Omit<z.output<typeof savedFields>, 'v'>;

/** Beyond this, the annotation would crowd out the user's own. */
const MAX_LENGTH = 16_384;

/** The object that the annotation is on: a new one has no uid yet, so it belongs to a name. */
export interface HeldObject {
  readonly kind: string;
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'annotations'>;
}

const ownerOf = ({ kind, metadata: { name, namespace = '' } }: HeldObject): string =>
  `hold/${kind}/${namespace}/${name}`;

/** The annotation's text; undefined when it would be too long. */
export function writeSavedFields(
  { from, userFields }: SavedFields,
  object: HeldObject,
  signer: Signer,
): string | undefined {
  const text = sign({ v: 2, from, userFields }, ownerOf(object), signer);
  return text.length > MAX_LENGTH ? undefined : text;
}

/** What the operator saved on this object; undefined when there is nothing, or nothing that can be trusted. */
export function readSavedFields(object: HeldObject, signer: Signer): SavedFields | undefined {
  const text = object.metadata.annotations?.[ANNOTATIONS.hold];
  if (text === undefined) return undefined;
  const opened = verify(text, ownerOf(object), signer);
  return opened.ok ? savedFields.safeParse(opened.value).data : undefined;
}

/**
 * The user's fields in the annotation of an object that is a copy of a held one, whatever its name: a
 * user who forged them could have written the fields just as well.
 */
export function copiedFields({ metadata }: HeldObject): SavedFields['userFields'] | undefined {
  const text = metadata.annotations?.[ANNOTATIONS.hold];
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    return savedFields.safeParse(value).data?.userFields;
  } catch {
    return undefined;
  }
}
