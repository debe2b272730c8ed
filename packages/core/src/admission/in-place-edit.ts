// SPDX-License-Identifier: Apache-2.0
import type { Actor } from '@altershield/api';
import { canonicalJson } from '../json/canonical.ts';
import type { ObjectMeta, Template } from '../json/objects.ts';
import { editableText, type EditablePod } from '../revision/editable.ts';
import { withoutTemplateHash } from '../revision/fingerprint.ts';
import type { Request } from './review.ts';

/** A pod, or a ReplicaSet. */
interface Editable {
  readonly metadata: ObjectMeta;
  readonly spec?: EditablePod['spec'] & { readonly template?: Template };
}

/** An edit as admission saw it. The watch tells whether it was stored. */
export interface ReviewedEdit {
  readonly uid: string;
  /** What the object has after the edit: recognizes it in the watch. */
  readonly content: string;
  readonly actor: Actor;
}

export function editOf({ object, user, fieldManager }: Request<Editable>): ReviewedEdit {
  return {
    uid: object.metadata.uid,
    content: editContent(object),
    actor: {
      user: user.name.slice(0, 512),
      ...(user.uid === undefined ? {} : { uid: user.uid.slice(0, 128) }),
      ...(user.groups === undefined
        ? {}
        : { groups: user.groups.slice(0, 16).map((group) => group.slice(0, 256)) }),
      ...(fieldManager === undefined ? {} : { fieldManager: fieldManager.slice(0, 128) }),
      stamped: true,
    },
  };
}

const editContent = (object: Editable): string =>
  object.spec?.template === undefined ? editableText(object) : templateText(object.spec.template);

/** The template of a ReplicaSet, without the label of its controller. */
export const templateText = (template: Template): string =>
  canonicalJson(withoutTemplateHash(template));
