// SPDX-License-Identifier: Apache-2.0
import type { InformerEvent } from '../cache/cache-writer.ts';
import { keyOf, keyString, type KubeObject } from '../client/object.ts';

/** The object's own key. */
export const keyOfObject = ({ object }: InformerEvent<KubeObject>): string =>
  keyString(keyOf(object));

/** The key of the object's controller if that is of this kind: before and after the change. */
export const keysOfController =
  (kind: string) =>
  ({ object, old }: InformerEvent<KubeObject>): string[] => [
    ...new Set([object, ...(old === undefined ? [] : [old])].flatMap((it) => ownerKeys(it, kind))),
  ];

function ownerKeys({ metadata }: KubeObject, kind: string): string[] {
  const { namespace = '', ownerReferences = [] } = metadata;
  return ownerReferences
    .filter((owner) => owner.controller === true && owner.kind === kind)
    .map(({ name }) => keyString({ namespace, name }));
}
