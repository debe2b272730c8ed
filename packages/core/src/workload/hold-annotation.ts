// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  copiedFields,
  readSavedFields,
  writeSavedFields,
  type HeldObject,
  type SavedFields,
} from '../hold/saved-fields.ts';
import type { Signer } from '../hold/signature.ts';
import { isEqual } from '../json/canonical.ts';
import type { WorkloadObject } from '../json/objects.ts';
import type { AdmissionInput, AdmissionMarks, KindDescriptor } from './adapter.ts';
import { borrowedFields, type HoldSource } from './borrowed-fields.ts';

type Kind = Pick<KindDescriptor, 'resource' | 'borrowedFields'>;
type Input = AdmissionInput<WorkloadObject>;

/** The object with its namespace, which admission tells beside it. */
const inNamespace = (object: WorkloadObject, namespace: string): WorkloadObject => ({
  ...object,
  metadata: { ...object.metadata, namespace },
});

/**
 * The user's fields as they were saved before this write, also when the annotation was removed or
 * edited while no operator answered.
 */
export function savedBefore(
  kind: Kind,
  { old, namespace, signing, recorded }: Input,
  isSame?: HoldSource['isSame'],
): SavedFields | undefined {
  const source = { sign: signing.sign, recorded, ...(isSame === undefined ? {} : { isSame }) };
  const borrowed = borrowedFields(kind, inNamespace(old, namespace), source);
  if (borrowed === undefined) return undefined;
  const { isAnnotated: _, isRestored: __, ...saved } = borrowed;
  return saved;
}

/** The user's fields from a manifest that was exported while held, and is now applied again. */
export const exportedFields = ({
  object,
  old,
}: Pick<Input, 'object' | 'old'>): SavedFields['userFields'] | undefined => {
  const [is, was] = [object, old].map(({ metadata }) => metadata.annotations?.[ANNOTATIONS.hold]);
  return is === was ? undefined : copiedFields(object);
};

/** The annotation with these fields; its text stays where it has them already. */
export function holdAnnotation(
  { resource: { kind } }: Kind,
  { object, old, namespace, signing: { sign } }: Omit<Input, 'snapshot' | 'recorded'>,
  saved: SavedFields,
): Pick<AdmissionMarks, 'annotations'> {
  const [held, before] = [object, old].map((each) => ({ kind, ...inNamespace(each, namespace) }));
  const name = ANNOTATIONS.hold;
  const annotated = before && readSavedFields(before, sign);
  const isSaved = annotated !== undefined && isEqual(annotated, saved);
  const text = isSaved ? old.metadata.annotations?.[name] : held && textOf(saved, held, sign);
  return { annotations: { [name]: text } };
}

/** The content of a revision that is too long to be saved is only in the record of the change. */
const textOf = (
  { content, ...saved }: SavedFields,
  object: HeldObject,
  sign: Signer,
): string | undefined =>
  (content === undefined ? undefined : writeSavedFields({ ...saved, content }, object, sign)) ??
  writeSavedFields(saved, object, sign);

/** No change is held. */
export const NOT_HELD: Pick<AdmissionMarks, 'annotations'> = {
  annotations: { [ANNOTATIONS.hold]: undefined },
};
